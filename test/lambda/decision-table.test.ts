import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

/** The steps that a decision asks, in order: the functions of its file that its body calls. */
function stepsOf(path: string, decision: string): string[] {
  const source = read(path);
  const [, body = ''] = new RegExp(`^(?:export )?function ${decision}\\(.*?\\{$(.*?)^\\}$`, 'ms').exec(source) ?? [];
  const own = new Set([...source.matchAll(/^function (\w+)/gm)].map(([, name]) => name));
  return [...body.matchAll(/(\w+)\(/g)].flatMap(([, called = '']) => (own.has(called) ? [called] : []));
}

/** The first cells of the decision table of a page. A row whose cell is empty belongs to the step above it. */
function rows(page: string): string[] {
  const [, table = ''] = /^\| step \| situation \| action \|\n\| --- .*?\n(.*?)\n\n/ms.exec(read(page)) ?? ['', ''];
  const cells = table.split('\n').map((row) => /^\|([^|]*)\|/.exec(row)?.[1]?.trim() ?? row);
  return cells.filter((cell) => cell !== '');
}

it('asks its steps in the order of the decision table in docs/architecture.md, by the same names', () => {
  const ofInstance = stepsOf('lambda/core/decide/decide.ts', 'decideLeaving');
  const ofNode = stepsOf('lambda/core/decide/decide-node.ts', 'decideNode');
  const ofDrained = stepsOf('lambda/core/decide/decide-node.ts', 'decideDrained');
  // An instance that is present is decided by its nodes, and a node by its drain, where one is in force.
  const steps = ofInstance.flatMap((step) => (step === 'present' ? [step, ...ofNode] : [step]));
  steps.splice(steps.indexOf('decideDrained'), 1, ...ofDrained);

  expect(rows('docs/architecture.md')).toEqual(steps.map((step) => `\`${step}\``));
  expect(steps.length).toBeGreaterThan(10);
});

it('asks on the way in in the order of the table in docs/joining.md, by the same names', () => {
  const steps = stepsOf('lambda/core/decide/decide-launch.ts', 'decideLaunch').filter((step) => step !== 'lackOf');
  expect(rows('docs/joining.md')).toEqual(steps.map((step) => `\`${step}\``));
  expect(steps).toHaveLength(8);
});
