import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import manifest from '../package.json' with { type: 'json' };
import { buildCli } from './build-cli.ts';
import { buildLibrary } from './build-library.ts';
import { SELF_CONTAINED } from './esbuild-options.ts';

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
  const define = { NOMAD_DRAIN_HOOK_VERSION: JSON.stringify(manifest.version) };
  await build({ ...SELF_CONTAINED, entryPoints: [entry], outfile, define });
  return statSync(outfile).size;
}

if (import.meta.main) {
  const told = (path: string, bytes: number) => console.log(`${path} ${(bytes / 1024).toFixed(0)} kB`);
  const bytes = await bundle();
  // The CDK builds before it synthesizes: the app needs the function alone, and stdout is the template's.
  if (!process.argv.includes('--for-synth')) {
    told('dist/lambda/index.mjs', bytes);
    told('dist/lib/index.js', await buildLibrary());
    told('dist/cli/nomad-drain-hook.mjs', await buildCli());
  }
}
