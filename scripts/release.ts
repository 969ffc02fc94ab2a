import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildTemplate, zip } from './build-template.ts';

const pathOf = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const MODULE = pathOf('deploy/terraform');

/** What Terraform leaves behind where the module was tried, and its tests: of no use to users of the module. */
const NOT_OF_THE_MODULE = /^tests\/|\.tftest\.hcl$|(^|\/)\.terraform|\.tfstate/;

/** In hexadecimal, as `sha256sum` and Terraform's `filesha256` write it. */
export const sha256 = (content: Uint8Array): string => createHash('sha256').update(content).digest('hex');

/** The version that package.json has. */
export const version = (): string => JSON.parse(readFileSync(pathOf('package.json'), 'utf8')).version;

/**
 * Writes all files of a release, out of what `npm run build` has built. The same sources give the same bytes: no file holds a
 * date, a path of this machine, or who built it.
 * @param directory where to; made if it is not there
 * @returns the names of the files, the list of checksums last
 */
export function buildRelease(directory: string): string[] {
  mkdirSync(directory, { recursive: true });
  const name = `nomad-drain-hook-${version()}`;
  const { template, code, checksum } = buildTemplate(directory, name);
  const script = join(directory, `${name}.deploy.sh`);
  copyFileSync(pathOf('deploy/cloudformation/deploy.sh'), script);
  const terraform = join(directory, `nomad-drain-hook-terraform-${version()}.zip`);
  writeFileSync(terraform, zip(terraformModule(code)));
  const pack = ['pack', '--json', '--ignore-scripts', '--pack-destination', directory];
  const [{ filename }] = JSON.parse(execFileSync('npm', pack, { cwd: pathOf('.'), encoding: 'utf8' }));

  const files = [filename, ...[code, checksum, template, script, terraform].map((path) => basename(path))];
  const sums = files.map((file) => `${sha256(readFileSync(join(directory, file)))}  ${file}\n`);
  writeFileSync(join(directory, 'SHA256SUMS'), sums.join(''));
  return [...files, 'SHA256SUMS'];
}

/**
 * The Terraform module of a release: with the function beside it, and a file by which it knows that function, its version and its
 * checksum.
 * @param code the function's zip file
 * @returns the content of its files, by name
 */
export function terraformModule(code: string): Record<string, Uint8Array> {
  const names = globSync('**/*', { cwd: MODULE, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(MODULE.length + 1))
    .filter((name) => !NOT_OF_THE_MODULE.test(name))
    .toSorted();
  const content = readFileSync(code);
  const release = { version: version(), file: basename(code), sha256: sha256(content) };
  return {
    ...Object.fromEntries(names.map((name) => [name, readFileSync(join(MODULE, name))])),
    [basename(code)]: content,
    'release.json': Buffer.from(`${JSON.stringify(release, null, 2)}\n`),
  };
}
