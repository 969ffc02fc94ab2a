import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Schedule } from '../auto-scaling/schedule.ts';
import type { Fleet } from '../ec2/fleet.ts';
import type { Ids } from '../ids.ts';
import { ACCOUNT } from '../model.ts';
import { bindParameters, type CommandDocument, Documents } from './command-document.ts';
import { JsonError } from './ssm.ts';
import { SsmAgent } from './ssm-agent.ts';

export type { CommandDocument } from './command-document.ts';

/** A command is known a moment after it was sent: until then, InvocationDoesNotExist. */
const KNOWN_AFTER_MS = 600;
/** An agent gets its commands one after the other: the earlier of two is so far ahead in its shell, in milliseconds of this machine. */
const HEAD_START_MS = 500;
/** https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_SendCommand.html */
const TIMEOUT_SECONDS = { least: 30, most: 2_592_000, default: 3_600 };
const MOST_INSTANCES = 50;
/** Passes parameters as environment variables. */
const AGENT_VERSION = '3.3.2746.0';

/** What was sent to one instance. */
export interface Sent {
  instanceId: string;
  parameters: Record<string, string>;
}

interface Invocation extends Sent {
  commandId: string;
  documentName: string;
  sentAt: number;
  status: 'Pending' | 'InProgress' | 'Delayed' | 'Success' | 'TimedOut' | 'Failed' | 'Cancelled';
  details: string;
  /** -1 until it has ended. */
  code: number;
  stdout: string;
  stderr: string;
  /** It was given up, and no report changes that: it may run all the same. */
  expired: boolean;
  running: Promise<void> | undefined;
}

/** How SSM itself ends a command, and the status that goes with it. */
const GIVEN_UP = {
  DeliveryTimedOut: 'TimedOut',
  Undeliverable: 'Failed',
  InvalidPlatform: 'Failed',
  AccessDenied: 'Failed',
  Terminated: 'Cancelled',
  Cancelled: 'Cancelled',
} as const;

/** How a command reaches an instance. */
export interface Delivery {
  /** After this many milliseconds; Infinity is never. @default at once */
  afterMs?: number;
  /** The command runs, and what the agent reports of it is lost (github.com/aws/amazon-ssm-agent/issues/316). */
  unreported?: boolean;
  /** SSM gives it up at once, and says so. */
  givenUpAs?: keyof typeof GIVEN_UP;
}

/** Run Command: has the agents of instances run a document's real script. */
export class RunCommand {
  readonly documents = new Documents();
  /** Variables of each instance's shell, by its id; where to find its `nomad` command, among them. */
  readonly shells = new Map<string, Record<string, string>>();
  /** Instances whose agent has not registered, or is lost. */
  readonly offline = new Set<string>();
  /** The versions of agents that are not the usual one. */
  readonly agentVersions = new Map<string, string>();
  /** How a command is delivered. At once, unless a test says otherwise. */
  delivery: (sent: Sent) => Delivery = () => ({});
  /** Which instance was asked what, in order. */
  readonly sent: Sent[] = [];
  readonly #fleet: Fleet;
  readonly #ids: Ids;
  readonly #schedule: Schedule;
  readonly #invocations = new Map<string, Invocation>();
  /** The command that each instance has got last. */
  readonly #latest = new Map<string, Promise<unknown>>();
  readonly #agents = new Map<string, SsmAgent>();
  readonly #directory = mkdtempSync(join(tmpdir(), 'run-command-'));

  constructor(schedule: Schedule, fleet: Fleet, ids: Ids) {
    this.#schedule = schedule;
    this.#fleet = fleet;
    this.#ids = ids;
  }

  /** Its actions, by their name. */
  get actions() {
    return {
      SendCommand: (input: Record<string, unknown>) => this.send(input),
      GetCommandInvocation: (input: Record<string, unknown>) => this.invocation(input),
      DescribeInstanceInformation: () => this.inventory(),
    };
  }

  /** https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DescribeInstanceInformation.html, without filters. */
  inventory() {
    const running = [...this.#fleet.instances].filter(([, { ec2State }]) => ec2State === 'running');
    return {
      InstanceInformationList: running.map(([InstanceId]) => ({
        InstanceId,
        PingStatus: this.offline.has(InstanceId) ? 'ConnectionLost' : 'Online',
        AgentVersion: this.agentVersions.get(InstanceId) ?? AGENT_VERSION,
        PlatformType: 'Linux',
      })),
    };
  }

  close(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }

  agent(instanceId: string): SsmAgent {
    const agent = this.#agents.get(instanceId) ?? new SsmAgent(join(this.#directory, instanceId));
    this.#agents.set(instanceId, agent);
    return agent;
  }

  /** What the history of commands keeps: what each was sent with, and what it has printed. */
  get history(): { parameters: Record<string, string>; stdout: string; stderr: string }[] {
    return [...this.#invocations.values()].map(({ parameters, stdout, stderr }) => ({ parameters, stdout, stderr }));
  }

  /** Until every command that has been delivered has ended. */
  async settled(): Promise<void> {
    await Promise.all([...this.#invocations.values()].map(({ running }) => running));
  }

  send({ DocumentName, InstanceIds, Parameters = {}, TimeoutSeconds }: Record<string, unknown>) {
    const ids = InstanceIds as string[];
    const timeoutSeconds = (TimeoutSeconds as number | undefined) ?? TIMEOUT_SECONDS.default;
    if (timeoutSeconds < TIMEOUT_SECONDS.least) throw outOfBounds('timeoutSeconds', timeoutSeconds, 'greater', 30);
    if (timeoutSeconds > TIMEOUT_SECONDS.most) throw outOfBounds('timeoutSeconds', timeoutSeconds, 'less', 2_592_000);
    if (ids.length > MOST_INSTANCES) throw outOfBounds('instanceIds', ids.length, 'less', MOST_INSTANCES);
    const document = this.documents.get(String(DocumentName));
    if (!document) throw new JsonError('InvalidDocument', 'Document with name does not exist');
    const lost = ids.filter((id) => this.#fleet.instances.get(id)?.ec2State !== 'running' || this.offline.has(id));
    if (lost.length > 0) {
      throw new JsonError('InvalidInstanceId', `Instances [[${lost}]] not in a valid state for account ${ACCOUNT}`);
    }
    const parameters = bindParameters(document, Parameters as Record<string, string[]>);
    const commandId = this.#ids.uuid();
    for (const instanceId of ids) {
      this.sent.push({ instanceId, parameters });
      this.#send(commandId, String(DocumentName), document, { instanceId, parameters }, timeoutSeconds);
    }
    return {
      Command: { CommandId: commandId, DocumentName, InstanceIds, Status: 'Pending', StatusDetails: 'Pending' },
    };
  }

  /** Answered when a command that runs has ended: the time that tests move stands still meanwhile. */
  async invocation({ CommandId, InstanceId }: Record<string, unknown>) {
    const invocation = this.#invocations.get(`${CommandId} ${InstanceId}`);
    if (!invocation || this.#schedule.now() < invocation.sentAt + KNOWN_AFTER_MS) {
      throw new JsonError('InvocationDoesNotExist');
    }
    await invocation.running;
    return {
      CommandId,
      InstanceId,
      DocumentName: invocation.documentName,
      Status: invocation.status,
      StatusDetails: invocation.details,
      ResponseCode: invocation.code,
      StandardOutputContent: invocation.stdout,
      StandardErrorContent: invocation.stderr,
    };
  }

  #send(commandId: string, documentName: string, document: CommandDocument, sent: Sent, timeoutSeconds: number): void {
    const invocation: Invocation = {
      ...sent,
      commandId,
      documentName,
      sentAt: this.#schedule.now(),
      status: 'Pending',
      details: 'Pending',
      code: -1,
      stdout: '',
      stderr: '',
      expired: false,
      running: undefined,
    };
    this.#invocations.set(`${commandId} ${sent.instanceId}`, invocation);
    // The delivery and the execution have their time together.
    const executionSeconds = Number(document.mainSteps[0]?.inputs.timeoutSeconds ?? 3_600);
    this.#schedule.after((timeoutSeconds + executionSeconds) * 1_000, () => giveUp(invocation, 'DeliveryTimedOut'));
    const { afterMs = 0, unreported = false, givenUpAs } = this.delivery(sent);
    if (afterMs > 0) Object.assign(invocation, { status: 'Delayed', details: 'Delayed' });
    if (givenUpAs) giveUp(invocation, givenUpAs);
    if (Number.isFinite(afterMs)) {
      this.#schedule.after(afterMs, () => {
        invocation.running = this.#run(invocation, document, unreported);
      });
    }
  }

  /** A command that was given up runs all the same where it still reaches its instance. */
  async #run(invocation: Invocation, document: CommandDocument, unreported: boolean): Promise<void> {
    const { commandId, instanceId, parameters } = invocation;
    if (this.#fleet.instances.get(instanceId)?.ec2State !== 'running') return;
    if (!invocation.expired) Object.assign(invocation, { status: 'InProgress', details: 'InProgress' });
    const shell = { PATH: process.env.PATH ?? '', ...this.shells.get(instanceId) };
    const before = this.#latest.get(instanceId);
    const turn = Promise.race([before, sleep(HEAD_START_MS)]);
    const run = turn.then(() => this.agent(instanceId).run(commandId, document, parameters, shell));
    this.#latest.set(instanceId, run);
    const reported = await run;
    if (!invocation.expired && !unreported) Object.assign(invocation, reported);
  }
}

function giveUp(invocation: Invocation, details: keyof typeof GIVEN_UP): void {
  if (invocation.code !== -1 || invocation.expired) return;
  Object.assign(invocation, { status: GIVEN_UP[details], details, expired: true });
}

function outOfBounds(member: string, value: number, than: 'greater' | 'less', limit: number): JsonError {
  return new JsonError(
    'ValidationException',
    `1 validation error detected: Value '${value}' at '${member}' failed to satisfy constraint: Member must have value ${than} than or equal to ${limit}`,
  );
}
