import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { RunningProvider } from './provider/provider.ts';

// biome-ignore lint/suspicious/noExplicitAny: what a plan holds is any JSON
type Json = any;

/** How a command of Terraform has ended, and what it has said. */
export interface Ended {
  readonly code: number;
  readonly said: string;
}

/**
 * Runs a command of Terraform.
 * @param program another than the one in the PATH: a version of it, or OpenTofu
 */
export async function terraform(
  args: string[],
  directory: string,
  environment: object = {},
  program = 'terraform',
): Promise<Ended> {
  const env = {
    PATH: process.env.PATH,
    HOME: directory,
    CHECKPOINT_DISABLE: '1',
    TF_CLI_CONFIG_FILE: '/dev/null',
    ...environment,
  };
  try {
    const { stdout } = await promisify(execFile)(program, args, { cwd: directory, env, maxBuffer: 1e9 });
    return { code: 0, said: stdout };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number | string; stdout: string; stderr: string };
    if (typeof code !== 'number') throw error;
    return { code, said: `${stdout}${stderr}` };
  }
}

/**
 * Why there is no Terraform here of this version or a later one; empty where there is.
 * @param minor of version 1
 */
export async function missingTerraform(minor: number): Promise<string> {
  try {
    const { said } = await terraform(['version', '-json'], tmpdir());
    const { terraform_version: version } = JSON.parse(said);
    const [first, second] = version.split('.').map(Number);
    return first > 1 || second >= minor ? '' : `this is Terraform ${version}, not 1.${minor} or later`;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no terraform command here' : String(error);
  }
}

/** What Terraform would do, as `terraform show -json` tells it, and what it has said about it. */
export interface Planned {
  readonly plan: Json;
  readonly diagnostics: readonly { severity: string; summary: string; detail: string; address?: string }[];
}

/**
 * Plans a configuration in a folder of its own.
 * @param configuration in Terraform's JSON syntax, or as a text of its language
 */
export async function planned(configuration: object | string, { environment }: RunningProvider): Promise<Planned> {
  const directory = mkdtempSync(join(tmpdir(), 'drain-hook-terraform-'));
  try {
    if (typeof configuration === 'string') writeFileSync(join(directory, 'main.tf'), configuration);
    else writeFileSync(join(directory, 'main.tf.json'), JSON.stringify(configuration));
    const { code, said } = await terraform(['init', '-no-color'], directory, environment);
    if (code !== 0) throw new Error(said);
    const plan = await terraform(['plan', '-json', '-out=plan'], directory, environment);
    const lines: Json[] = plan.said
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line));
    const diagnostics = lines.flatMap(({ diagnostic }) => (diagnostic ? [diagnostic] : []));
    if (plan.code !== 0) return { plan: undefined, diagnostics };
    const shown = await terraform(['show', '-json', 'plan'], directory, environment);
    return { plan: JSON.parse(shown.said), diagnostics };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** A configuration that uses a module once for each of these variables. */
export function using(source: string, uses: Readonly<Record<string, object>>): object {
  return {
    module: Object.fromEntries(Object.entries(uses).map(([name, variables]) => [name, { source, ...variables }])),
  };
}
