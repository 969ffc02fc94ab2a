import { chmodSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import manifest from '../package.json' with { type: 'json' };
import { SELF_CONTAINED } from './esbuild-options.ts';

/** Where the command line is built: what package.json names under `bin`. */
export const CLI = fileURLToPath(new URL('../dist/cli/nomad-drain-hook.mjs', import.meta.url));

/** The rest of it, with everything that it uses, which an old Node cannot parse: {@link CLI} looks at the version, then loads it. */
export const BUNDLE = join(dirname(CLI), 'main.mjs');

/**
 * Builds the command line, with everything that it uses: installing the package pulls nothing more for it.
 * @returns the size of the bundle, in bytes
 * @throws esbuild's BuildFailure, after printing what is wrong
 */
export async function buildCli(): Promise<number> {
  rmSync(dirname(CLI), { recursive: true, force: true });
  await build({
    ...SELF_CONTAINED,
    entryPoints: [source('main.ts')],
    outfile: BUNDLE,
    // What is left of CommonJS asks for Node's own modules with require(), which an ES module does not have.
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  });
  await build({
    entryPoints: [source('start.ts')],
    outfile: CLI,
    format: 'esm',
    platform: 'node',
    // What the first Nodes with ES modules parse.
    target: 'es2019',
    supported: { 'dynamic-import': true },
    define: { NODE_WANTED: JSON.stringify(manifest.engines.node) },
    logLevel: 'warning',
  });
  chmodSync(CLI, 0o755);
  return statSync(BUNDLE).size;
}

const source = (name: string): string => fileURLToPath(new URL(`../bin/cli/${name}`, import.meta.url));
