import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { RE2JS } from 're2js';
import type { CommandDocument, DocumentParameter } from './command-document.ts';

/** How a command ended, as the agent reports it. */
export interface Reported {
  status: 'Success' | 'Failed' | 'TimedOut';
  details: 'Success' | 'Failed' | 'ExecutionTimedOut';
  code: number;
  stdout: string;
  stderr: string;
}

/** What an agent reports of the output: `DefaultOutputConfig` of iohandler.go. */
const STDOUT_CHARACTERS = 24_000;
const STDERR_CHARACTERS = 8_000;
const TRUNCATED = '--output truncated--';
/** The exit code of a command that the agent has killed. */
const KILLED = 137;
/** Directories of an instance that are not those of this machine. */
const OF_THE_INSTANCE = /(?<![\w.-])\/(run|tmp|var\/tmp|etc)\//g;

/**
 * The SSM agent of one instance, by its own source (github.com/aws/amazon-ssm-agent, agent/framework/docparser and
 * agent/plugins/runscript): it runs a document's real script in a shell of this machine.
 */
export class SsmAgent {
  /** Stands for the root of the instance's file system, as far as the script's text names paths in it. */
  readonly root: string;

  constructor(root: string) {
    this.root = root;
    for (const directory of ['run', 'tmp', 'var/tmp', 'etc']) mkdirSync(join(root, directory), { recursive: true });
  }

  /** @param shell what the instance's environment holds, such as PATH */
  async run(
    commandId: string,
    document: CommandDocument,
    parameters: Record<string, string>,
    shell: Record<string, string>,
  ): Promise<Reported> {
    const problems = Object.entries(document.parameters).flatMap(([name, definition]) =>
      problemOf(name, definition, parameters[name] ?? ''),
    );
    if (problems.length > 0) {
      const stdout = `all errors during param validation errors: ${problems.join('\n')}`;
      return { status: 'Failed', details: 'Failed', code: 1, stdout, stderr: '' };
    }
    const [step] = document.mainSteps;
    if (!step) throw new Error('Unsupported schema format');
    return this.execute(commandId, step.inputs, parameters, shell);
  }

  /** The plugin aws:runShellScript, which takes the parameters as they are. */
  execute(
    commandId: string,
    { runCommand, timeoutSeconds = '3600' }: CommandDocument['mainSteps'][number]['inputs'],
    parameters: Record<string, string>,
    shell: Record<string, string>,
  ): Promise<Reported> {
    const directory = join(this.root, 'var/lib/amazon/ssm', commandId);
    mkdirSync(directory, { recursive: true });
    const path = join(directory, '_script.sh');
    const text = `${runCommand.join('\n')}\n`.replaceAll(OF_THE_INSTANCE, (path) => `${this.root}${path}`);
    writeFileSync(path, text, { mode: 0o700 });
    const variables = Object.entries(parameters).map(([name, value]) => [`SSM_${name}`, value]);
    const env = { ...shell, SSM_COMMAND_ID: commandId, ...Object.fromEntries(variables) };
    const timeout = Number(timeoutSeconds) * 1_000;
    return new Promise((resolve) => {
      execFile('/bin/sh', ['-c', path], { env, timeout, killSignal: 'SIGKILL' }, (error, stdout, stderr) => {
        const code = error?.killed ? KILLED : typeof error?.code === 'number' ? error.code : error ? 1 : 0;
        resolve({
          status: error?.killed ? 'TimedOut' : code === 0 ? 'Success' : 'Failed',
          details: error?.killed ? 'ExecutionTimedOut' : code === 0 ? 'Success' : 'Failed',
          code,
          stdout: prefix(stdout, STDOUT_CHARACTERS),
          stderr: prefix(stderr, STDERR_CHARACTERS),
        });
      });
    });
  }
}

/** allowedregexparamvalidator.go: Go's regexp, which is RE2. The other limits are the service's. */
function problemOf(name: string, { allowedPattern }: DocumentParameter, value: string): string[] {
  if (!allowedPattern) return [];
  const where = `error thrown in 'AllowedRegexParamValidator' while validating parameter /${name}/`;
  try {
    if (RE2JS.compile(allowedPattern).matcher(value).find()) return [];
    return [`${where}: parameter value /${value}/ does not match the allowed pattern /${allowedPattern}/`];
  } catch (error) {
    return [
      `${where}: encountered error while compiling allowed pattern - internal error: ${(error as Error).message}`,
    ];
  }
}

/** StringPrefix of pluginutil.go. */
function prefix(text: string, most: number): string {
  return text.length < most ? text : text.slice(0, most - TRUNCATED.length) + TRUNCATED;
}
