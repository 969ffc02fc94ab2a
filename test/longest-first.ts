import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** The files that take longest, the slowest first. What is left for the end has to be short, or one core is idle meanwhile. */
const SLOWEST = [
  'test/model/kept',
  'test/demo/demo',
  'test/package/published',
  'test/e2e/storm',
  'test/e2e/run-ends',
  'test/contract/emulator-cases-older',
  'test/e2e/run-command',
  'test/e2e/long',
  'test/e2e/doubt',
  'test/template/lint',
  'test/model/even',
  'test/model/odd',
  'test/e2e/large-node',
  'test/package/oldest-cdk',
  'test/terraform/terraform',
  'test/lib/command-line',
  'test/contract/emulator-cases',
  'test/temporary-folder',
  'test/shell',
].map((name) => `/${name}.test.ts`);

/** Runs the slowest files first. Vitest's own order is by duration, but where it has no earlier run (in CI) by size. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const found = SLOWEST.findIndex((name) => moduleId.endsWith(name));
      return found === -1 ? SLOWEST.length : found;
    };
    const sorted = await super.sort(files);
    // Those of one project stay together: a worker that goes from one to another starts anew.
    const projects = [...new Set(sorted.map(({ project }) => project.name))];
    return projects.flatMap((name) =>
      sorted.filter(({ project }) => project.name === name).toSorted((a, b) => rank(a) - rank(b)),
    );
  }
}
