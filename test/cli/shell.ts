import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { devNull, tmpdir } from 'node:os';
import { onTestFinished } from 'vitest';
import { CLI } from '../../scripts/build-cli.ts';
import { type EndedOnTerminal, Terminal } from './terminal.ts';

/** What a command has printed, and how it ended. */
export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** A person's shell, in which the built command line is typed. */
export class Shell {
  /** All of its variables: nothing of the real shell is among them but the path. */
  readonly environment: Record<string, string | undefined>;

  constructor(variables: Record<string, string>) {
    this.environment = {
      PATH: process.env.PATH,
      HOME: tmpdir(),
      TERM: 'xterm-256color',
      ...variables,
      AWS_CONFIG_FILE: devNull,
      AWS_SHARED_CREDENTIALS_FILE: devNull,
      AWS_EC2_METADATA_DISABLED: 'true',
      // What goes wrong is told, not tried again: a process cannot be given another clock.
      AWS_MAX_ATTEMPTS: '1',
    };
  }

  /** Runs the command in a pipe, with nobody at the keyboard. */
  async run(...args: string[]): Promise<Ended> {
    const child = spawn(process.execPath, [CLI, ...args], { env: this.environment, stdio: ['ignore', 'pipe', 'pipe'] });
    endedWithTest(child);
    const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)];
    const [code] = await once(child, 'close');
    return { code, stdout: stdout(), stderr: stderr() };
  }

  /** Runs the command on a terminal of 80 columns, and leaves it at once. */
  async onTerminal(...args: string[]): Promise<EndedOnTerminal> {
    return this.atTerminal(args).ended();
  }

  /** Begins the command on a terminal: what it asks can be answered. util-linux's `script` is the terminal. */
  atTerminal(args: readonly string[], columns = 80): Terminal {
    const command = [process.execPath, CLI, ...args].map((each) => `'${each}'`).join(' ');
    const child = spawn('script', ['-qefc', `stty cols ${columns} rows 24; exec ${command}`, devNull], {
      env: { ...this.environment, SHELL: '/bin/sh' },
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    endedWithTest(child);
    return new Terminal(child, columns);
  }
}

function collect(stream: NodeJS.ReadableStream | null): () => string {
  let text = '';
  stream?.setEncoding('utf8');
  stream?.on('data', (chunk: string) => (text += chunk));
  return () => text;
}

const endedWithTest = (child: ChildProcess) => onTestFinished(() => void child.kill('SIGKILL'));
