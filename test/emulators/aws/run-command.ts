import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Fleet } from './fleet.ts';
import type { Ids } from './ids.ts';
import { JsonError } from './ssm.ts';

/** A Command document of schema 2.2 with one shell step, as the emulator runs it. */
export interface CommandDocument {
  parameters: Record<string, { allowedPattern: string; interpolationType: string }>;
  mainSteps: { action: string; inputs: { runCommand: string[] } }[];
}

/** What SSM keeps of the output. https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetCommandInvocation.html */
const OUTPUT_CHARACTERS = 24_000;

interface Invocation {
  instanceId: string;
  ended: Promise<{ status: 'Success' | 'Failed'; code: number; stdout: string; stderr: string }>;
}

/** Run Command: runs a document's real script in a shell of this machine, as an instance's agent would. */
export class RunCommand {
  readonly documents = new Map<string, CommandDocument>();
  /** Variables of each instance's shell, by its id; where to find its `nomad` command, among them. */
  readonly shells = new Map<string, Record<string, string>>();
  /** Instances whose agent does not answer. */
  readonly offline = new Set<string>();
  /** Which instance was asked what, in order. */
  readonly sent: { instanceId: string; parameters: Record<string, string> }[] = [];
  readonly #fleet: Fleet;
  readonly #ids: Ids;
  readonly #invocations = new Map<string, Invocation>();
  readonly #directory = mkdtempSync(join(tmpdir(), 'run-command-'));

  constructor(fleet: Fleet, ids: Ids) {
    this.#fleet = fleet;
    this.#ids = ids;
  }

  close(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }

  send({ DocumentName, InstanceIds, Parameters = {} }: Record<string, unknown>) {
    const document = this.documents.get(String(DocumentName));
    if (!document) throw new JsonError('InvalidDocument', 'Document with name does not exist');
    const [instanceId = ''] = InstanceIds as string[];
    const running = this.#fleet.instances.get(instanceId)?.ec2State === 'running';
    if (!running || this.offline.has(instanceId)) {
      throw new JsonError('InvalidInstanceId', `Instances [[${instanceId}]] not in a valid state for account`);
    }
    const given = Object.entries(Parameters as Record<string, string[]>).map(([name, [value = '']]) => [name, value]);
    const parameters = Object.fromEntries(given) as Record<string, string>;
    for (const [name, { allowedPattern }] of Object.entries(document.parameters)) {
      const value = parameters[name];
      if (value === undefined) throw new JsonError('InvalidParameters', `missing parameter ${name}`);
      if (!new RegExp(allowedPattern).test(value)) {
        throw new JsonError('InvalidParameters', `Parameter ${name} does not match the allowed pattern`);
      }
    }
    this.sent.push({ instanceId, parameters });
    const CommandId = this.#ids.uuid();
    this.#invocations.set(CommandId, { instanceId, ended: this.#run(document, instanceId, parameters) });
    return { Command: { CommandId, DocumentName, InstanceIds, Status: 'Pending' } };
  }

  /** Answered when the command has ended: the time that tests move stands still meanwhile. */
  async invocation({ CommandId, InstanceId }: Record<string, unknown>) {
    const invocation = this.#invocations.get(String(CommandId));
    if (!invocation || invocation.instanceId !== InstanceId) throw new JsonError('InvocationDoesNotExist');
    const { status, code, stdout, stderr } = await invocation.ended;
    return {
      CommandId,
      InstanceId,
      Status: status,
      StatusDetails: status,
      ResponseCode: code,
      StandardOutputContent: stdout.slice(0, OUTPUT_CHARACTERS),
      StandardErrorContent: stderr.slice(0, 8_000),
    };
  }

  #run(document: CommandDocument, instanceId: string, parameters: Record<string, string>): Invocation['ended'] {
    const variables = Object.entries(parameters).map(([name, value]) => [`SSM_${name}`, value]);
    const environment = {
      PATH: process.env.PATH ?? '',
      TMPDIR: this.#directory,
      ...this.shells.get(instanceId),
      ...Object.fromEntries(variables),
    };
    const script = document.mainSteps.flatMap(({ inputs }) => inputs.runCommand).join('\n');
    return new Promise((resolve) => {
      execFile('/bin/sh', ['-c', script], { env: environment, timeout: 30_000 }, (error, stdout, stderr) => {
        const code = typeof error?.code === 'number' ? error.code : error ? 1 : 0;
        resolve({ status: code === 0 ? 'Success' : 'Failed', code, stdout, stderr });
      });
    });
  }
}
