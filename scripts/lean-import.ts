import { readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import type { Plugin } from 'esbuild';

/**
 * The SDK writes the shapes of all operations of a service into one file, with keys like `[_xN]`. A computed key may run code, so esbuild keeps
 * every shape that has one: 800 kB of EC2's, of which two operations need 30. With the constant's value in its place the rest is shaken off.
 */
export const shakeSchemas: Plugin = {
  name: 'shake-schemas',
  setup: (build) => {
    build.onLoad({ filter: /[\\/]@aws-sdk[\\/].*[\\/]schemas_\d+\.js$/ }, ({ path }) => {
      const source = readFileSync(path, 'utf8');
      const constants = new Map(
        [...source.matchAll(/^const (_\w+) = ("[^"\\]*");$/gm)].map(([, name = '', value = '']) => [name, value]),
      );
      const contents = source.replaceAll(/\[(_\w+)\]:/g, (key, name) => {
        const value = constants.get(name);
        return value === undefined ? key : `[${value}]:`;
      });
      return { contents, loader: 'js' };
    });
  },
};

/**
 * Node's own modules, without `import`: that reads every export, and so, with `node:http`, loads all of `fetch` and WebSocket. Nobody here
 * uses them, and they cost a quarter of the time that the import of the function takes.
 */
export const builtinsByName: Plugin = {
  name: 'builtins-by-name',
  setup: (build) => {
    const namespace = 'builtin';
    build.onResolve({ filter: /^[a-z]/ }, ({ path, kind }) => {
      if (!isBuiltin(path)) return undefined;
      const name = path.replace(/^(node:)?/, 'node:');
      // Imported in the middle of a run, if ever: the SDK does so with `node:http`, for addresses that are not of AWS.
      return kind === 'dynamic-import' ? { path: name, external: true } : { path: name, namespace };
    });
    build.onLoad({ filter: /.*/, namespace }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule(${JSON.stringify(path)});`,
      loader: 'js',
    }));
  },
};
