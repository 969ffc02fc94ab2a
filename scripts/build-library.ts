import { execFileSync } from 'node:child_process';
import { globSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const DIRECTORY = join(ROOT, 'dist/lib');

/** The CDK is an optional peer, which npm does not install: the command line needs none of its 185 MB. */
const NEEDS_CDK = `for (const name of ['aws-cdk-lib', 'constructs']) {
  try {
    require.resolve(name);
  } catch {
    throw new Error('The construct of nomad-drain-hook needs ' + name + '. Run: npm install aws-cdk-lib constructs');
  }
}`;

/**
 * Builds the construct as it is published: one CommonJS module, which `require` and `import` both take, and the
 * declarations of its sources. What was there before is removed.
 * @returns the size of the module, in bytes
 * @throws esbuild's BuildFailure, or an Error where the compiler refuses, after printing what is wrong
 */
export async function buildLibrary(): Promise<number> {
  rmSync(DIRECTORY, { recursive: true, force: true });
  const outfile = join(DIRECTORY, 'index.js');
  await build({
    entryPoints: [join(ROOT, 'lib/index.ts')],
    outfile,
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    // What an app has already, or shares with us: two copies of the CDK would not know each other's constructs.
    external: ['aws-cdk-lib', 'constructs', 'zod'],
    // A source in a folder of lib/ finds files by its own URL, from the folder above. In the package they are at the same place.
    define: { 'import.meta.url': 'sourceUrl' },
    banner: {
      js: `'use strict';\n${NEEDS_CDK}\nconst sourceUrl = require('node:url').pathToFileURL(__dirname + '/../../lib/any/_').href;`,
    },
    legalComments: 'none',
    logLevel: 'warning',
  });
  // The whole repository is of ES modules; this directory is not, and its declarations are read accordingly.
  writeFileSync(join(DIRECTORY, 'package.json'), `${JSON.stringify({ type: 'commonjs' })}\n`);
  const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
  execFileSync(process.execPath, [compiler, '--project', join(ROOT, 'tsconfig.build.json')], { stdio: 'inherit' });
  // The compiler leaves the endings of the sources, which TypeScript understands and some editors do not.
  for (const file of globSync(join(DIRECTORY, '**/*.d.ts'))) {
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll(/(from '\.[^']*)\.ts'/g, "$1.js'"));
  }
  return statSync(outfile).size;
}
