import { chmodSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { SELF_CONTAINED } from './esbuild-options.ts';

/** Where the command line is built: what package.json names under `bin`. */
export const CLI = fileURLToPath(new URL('../dist/cli/nomad-drain-hook.mjs', import.meta.url));

/**
 * Bundles the command line with everything that it uses, so that installing the package pulls nothing more.
 * @returns the size of the bundle, in bytes
 * @throws esbuild's BuildFailure, after printing what is wrong
 */
export async function buildCli(): Promise<number> {
  rmSync(dirname(CLI), { recursive: true, force: true });
  await build({
    ...SELF_CONTAINED,
    entryPoints: [fileURLToPath(new URL('../bin/cli/main.ts', import.meta.url))],
    outfile: CLI,
    // What is left of CommonJS asks for Node's own modules with require(), which an ES module does not have.
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  });
  chmodSync(CLI, 0o755);
  return statSync(CLI).size;
}
