import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Metafile } from 'esbuild';
import manifest from '../package.json' with { type: 'json' };
import { buildCli } from './build-cli.ts';
import { buildLibrary } from './build-library.ts';
import { SELF_CONTAINED } from './esbuild-options.ts';
import { builtinsByName, shakeSchemas } from './lean-import.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/**
 * Bundles the Lambda function, AWS SDK and all, into ES modules: `index.mjs`, which exports `handler`, what it imports at once, and what it
 * imports when it is needed. The same sources give the same files, so an unchanged function is not deployed again.
 * @param entry the module that exports `handler`
 * @param directory where to write the modules; those that were there before are removed
 * @returns what each of them holds
 * @throws esbuild's BuildFailure, after printing what is wrong
 */
export async function bundle(
  entry: string = join(ROOT, 'lambda/handler.ts'),
  directory: string = join(ROOT, 'dist/lambda'),
): Promise<Metafile> {
  const { outputFiles, metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: [{ in: entry, out: 'index' }],
    outdir: directory,
    chunkNames: 'chunks/[name]-[hash]',
    outExtension: { '.js': '.mjs' },
    ...SELF_CONTAINED,
    // What is imported dynamically is a file of its own: not even parsed before.
    splitting: true,
    define: { NOMAD_DRAIN_HOOK_VERSION: JSON.stringify(manifest.version) },
    plugins: [shakeSchemas, builtinsByName],
    metafile: true,
    write: false,
  });
  mkdirSync(join(directory, 'chunks'), { recursive: true });
  for (const { path, contents } of outputFiles) {
    // Others may be reading it: a file that stays as it is is not written.
    if (!existsSync(path) || !readFileSync(path).equals(contents)) writeFileSync(path, contents);
  }
  const written = outputFiles.map(({ path }) => path);
  for (const path of globSync(join(directory, '**/*.mjs'))) {
    if (!written.includes(path)) rmSync(path);
  }
  return metafile;
}

/** The modules that are loaded as soon as the function is imported, by their paths in the metafile. */
export function atStart({ outputs }: Metafile): string[] {
  const found = new Set(Object.keys(outputs).filter((path) => basename(path) === 'index.mjs'));
  for (const path of found) {
    for (const { path: imported, kind } of outputs[path]?.imports ?? []) {
      if (kind === 'import-statement') found.add(imported);
    }
  }
  return [...found];
}

if (import.meta.main) {
  const kB = (bytes: number) => `${(bytes / 1024).toFixed(0)} kB`;
  const metafile = await bundle();
  // The CDK builds before it synthesizes: the app needs the function alone, and stdout is the template's.
  if (!process.argv.includes('--for-synth')) {
    const sizeOf = (paths: string[]) => paths.reduce((sum, path) => sum + (metafile.outputs[path]?.bytes ?? 0), 0);
    const [loaded, all] = [atStart(metafile), Object.keys(metafile.outputs)].map(sizeOf) as [number, number];
    console.log(`dist/lambda/index.mjs ${kB(loaded)} with what it imports at once, of ${kB(all)}`);
    console.log(`dist/lib/index.js ${kB(await buildLibrary())}`);
    console.log(`dist/cli/main.mjs ${kB(await buildCli())}`);
  }
}
