#!/usr/bin/env node
// A file of its own, in syntax that any Node with ES modules parses: an older one would print a line of the bundle, and a stack trace.

/** Written in by the build: what package.json names under `engines`, such as `>=22`. */
declare const NODE_WANTED: string;

/** The oldest that the bundle runs on, as {@link NODE_WANTED} is the oldest that is supported. */
const OLDEST = [20, 12] as const;

const version = process.versions.node;
const [major = 0, minor = 0] = version.split('.').map(Number);

if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
  const wanted = NODE_WANTED.replace('>=', '');
  console.error(`error: nomad-drain-hook needs Node.js ${wanted} or later, and this is Node.js ${version}.`);
  process.exitCode = 1;
} else {
  // What in the bundle writes in colour reads this when it is loaded. https://no-color.org
  if (process.argv.includes('--no-color')) process.env.NO_COLOR = '1';
  // Beside this file once it is built. Not a literal: there is no such file among the sources.
  const bundle = './main.mjs';
  import(bundle);
}
