import { spawnSync } from 'node:child_process';

/** A program that a suite needs. */
export interface Tool {
  readonly command: string;
  /** Why the suite is skipped, for its name; empty where the program is here. */
  readonly missing: string;
}

/**
 * @param variable the environment variable that may name the program
 * @param command its name in the PATH
 * @param version the arguments by which it prints its version
 */
export function tool(variable: string, command: string, ...version: string[]): Tool {
  const named = process.env[variable] || command;
  const { error, status, stderr } = spawnSync(named, version, { encoding: 'utf8' });
  if (!error && status === 0) return { command: named, missing: '' };
  const why = error ? 'is not here' : `fails: ${stderr.trim().split('\n')[0]}`;
  return { command: named, missing: ` (skipped: ${named} ${why}; ${variable} names another)` };
}
