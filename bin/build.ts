import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { buildLibrary } from './build-library.ts';

const ENTRY = fileURLToPath(new URL('../lambda/handler.ts', import.meta.url));
const OUTFILE = fileURLToPath(new URL('../dist/lambda/index.mjs', import.meta.url));

/**
 * Bundles the Lambda function, AWS SDK and all, into one ES module that exports `handler`. The same sources give the
 * same bytes, so an unchanged function is not deployed again.
 * @param entry the module that exports `handler`
 * @param outfile where to write the bundle
 * @returns the size of the bundle, in bytes
 * @throws esbuild's BuildFailure, after printing what is wrong
 */
export async function bundle(entry: string = ENTRY, outfile: string = OUTFILE): Promise<number> {
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    // Lambda runs Node 24; 20 lets the bundle also be run by hand with the Node of a common workstation.
    target: 'node20',
    // The ES module build of each dependency, where there is one, can be tree-shaken: the SDK ships both.
    mainFields: ['module', 'main'],
    // What is left of CommonJS asks for Node's own modules with require(), which an ES module does not have.
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    // Whitespace and syntax only: names stay, so that a stack trace in the log can be read.
    minifyWhitespace: true,
    minifySyntax: true,
    keepNames: false,
    sourcemap: false,
    legalComments: 'none',
    logLevel: 'warning',
  });
  return statSync(outfile).size;
}

if (import.meta.main) {
  const told = (path: string, bytes: number) => console.log(`${path} ${(bytes / 1024).toFixed(0)} kB`);
  const bytes = await bundle();
  // The CDK builds before it synthesizes: the app needs the function alone, and stdout is the template's.
  if (!process.argv.includes('--for-synth')) {
    told('dist/lambda/index.mjs', bytes);
    told('dist/lib/index.js', await buildLibrary());
  }
}
