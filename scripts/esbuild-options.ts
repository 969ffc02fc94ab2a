import type { BuildOptions } from 'esbuild';

/** An ES module for Node with everything that it imports in it, and nothing to install beside it. */
export const SELF_CONTAINED = {
  bundle: true,
  format: 'esm',
  platform: 'node',
  // Lambda runs Node 24; 20 lets the bundle also be run by hand with the Node of a common workstation.
  target: 'node20',
  // The ES module build of each dependency, where there is one, can be tree-shaken: the SDK ships both.
  mainFields: ['module', 'main'],
  // Whitespace and syntax only: names stay, so that a stack trace can be read.
  minifyWhitespace: true,
  minifySyntax: true,
  keepNames: false,
  sourcemap: false,
  legalComments: 'none',
  logLevel: 'warning',
} as const satisfies BuildOptions;
