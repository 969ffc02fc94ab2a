import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from './build.ts';
import { plainTemplate } from './template/plain-template.ts';
import { zip } from './template/zip.ts';

const BUNDLE = fileURLToPath(new URL('../dist/lambda/index.mjs', import.meta.url));
const OUTPUT = fileURLToPath(new URL('../dist/template', import.meta.url));

/**
 * Writes what a team without the CDK deploys: the template and the function's code. The same sources give the same bytes.
 * @param directory where to; made if it is not there
 * @returns the files that were written
 */
export function buildTemplate(directory: string = OUTPUT): { template: string; code: string } {
  mkdirSync(directory, { recursive: true });
  const template = join(directory, 'nomad-drain-hook.template.json');
  const code = join(directory, 'nomad-drain-hook.zip');
  writeFileSync(template, `${JSON.stringify(plainTemplate(), null, 1)}\n`);
  writeFileSync(code, zip({ 'index.mjs': readFileSync(BUNDLE) }));
  return { template, code };
}

if (import.meta.main) {
  await bundle();
  const { template, code } = buildTemplate();
  for (const path of [template, code]) console.log(`${path} ${(readFileSync(path).length / 1024).toFixed(0)} kB`);
}
