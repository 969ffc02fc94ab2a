import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { buildRelease, sha256, version } from './release.ts';

const pathOf = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const RELEASE = pathOf('dist/release');

/** What must not show in a release. */
const ELSEWHERE = { TZ: 'Asia/Tokyo', LANG: 'tr_TR.UTF-8', LC_ALL: 'C' };

/** Builds everything anew, and of it the files of a release. */
function build(directory: string): string[] {
  for (const built of ['dist/lambda', 'dist/lib', 'dist/cli']) rmSync(pathOf(built), { recursive: true, force: true });
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: pathOf('.'), stdio: ['ignore', 'ignore', 'inherit'] });
  return buildRelease(directory);
}

/** What is wrong with this version: nothing, where no tag is given. */
function unfit(tag: string | undefined): string[] {
  const heading = `## [${version()}]`;
  const changes = readFileSync(pathOf('CHANGELOG.md'), 'utf8');
  return [
    ...(tag !== undefined && tag !== `v${version()}` ? [`the tag is ${tag}, package.json has ${version()}`] : []),
    ...(changes.includes(heading) ? [] : [`CHANGELOG.md has no section ${heading}`]),
  ];
}

const { values } = parseArgs({ options: { tag: { type: 'string' } } });
rmSync(RELEASE, { recursive: true, force: true });
const files = build(RELEASE);

const again = mkdtempSync(join(tmpdir(), 'drain-hook-release-'));
Object.assign(process.env, ELSEWHERE);
let differing: string[];
try {
  build(again);
  differing = files.filter((file) => !readFileSync(join(RELEASE, file)).equals(readFileSync(join(again, file))));
} finally {
  rmSync(again, { recursive: true });
}

for (const file of files) {
  const content = readFileSync(join(RELEASE, file));
  console.log(`${sha256(content)}  ${`${(content.length / 1024).toFixed(0)} kB`.padStart(8)}  dist/release/${file}`);
}
const problems = [...differing.map((file) => `${file}: a second build has other bytes`), ...unfit(values.tag)];
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exitCode = 1;
else console.log('built twice, with the same bytes');
