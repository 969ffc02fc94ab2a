import { createHash } from 'node:crypto';
import { copyFileSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { zipSync } from 'fflate';
import { bundle } from './build.ts';

const pathOf = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));

/** The earliest date that a zip file can say: always the same, so that the same content gives the same bytes. */
const NO_DATE = '1980-01-01T00:00:00';
/** A file that everybody may read: the user that the function runs as is not its owner. */
const READABLE = 0o644 << 16;

/**
 * The code of a function as Lambda takes it. The same content gives the same bytes, wherever and whenever it is packed.
 * @param files their content by name
 */
export function zip(files: Readonly<Record<string, Uint8Array>>): Uint8Array {
  // os 3: the attributes are those of Unix. The date is read as local time, which is what a zip file holds.
  const options = { mtime: new Date(NO_DATE), os: 3, attrs: READABLE, level: 9 } as const;
  return zipSync(Object.fromEntries(Object.entries(files).map(([name, content]) => [name, [content, options]])));
}

/**
 * Writes what a team without the CDK deploys: the function's code with its checksum, as `sha256sum --check` reads it, and beside it
 * the template.
 * @param directory where to; made if it is not there
 * @param name what the names of both begin with
 * @returns the files that were written
 */
export function buildTemplate(
  directory: string = pathOf('dist/template'),
  name = 'nomad-drain-hook',
): { template: string; code: string; checksum: string } {
  mkdirSync(directory, { recursive: true });
  const template = join(directory, `${name}.template.yaml`);
  const code = join(directory, `${name}.zip`);
  copyFileSync(pathOf('deploy/cloudformation/template.yaml'), template);
  const checksum = `${code}.sha256`;
  const modules = pathOf('dist/lambda');
  const names = globSync('**/*.mjs', { cwd: modules }).sort();
  const zipped = zip(Object.fromEntries(names.map((name) => [name, readFileSync(join(modules, name))])));
  writeFileSync(code, zipped);
  writeFileSync(
    checksum,
    `${createHash('sha256').update(zipped).digest('hex')}  ${basename(code)}
`,
  );
  return { template, code, checksum };
}

if (import.meta.main) {
  await bundle();
  const { template, code, checksum } = buildTemplate();
  console.log(readFileSync(checksum, 'utf8').trimEnd());
  for (const path of [template, code]) console.log(`${path} ${(readFileSync(path).length / 1024).toFixed(0)} kB`);
}
