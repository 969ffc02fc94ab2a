import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { AwsEmulator } from '../../../emulators/aws/aws.ts';
import type { LogLine } from '../../../emulators/aws/cloudwatch/log-events.ts';
import { environmentOf } from '../../../emulators/aws/environment.ts';
import type { GroupOptions } from '../../../emulators/aws/model.ts';
import { RunningClock } from '../../../emulators/clock.ts';
import { since } from '../../../emulators/nomad/version.ts';
import { type AgentOptions, addressOf, type RealNomad, startNomad } from '../../../emulators/real-nomad/agent.ts';
import { loadBundle } from '../../../emulators/world/bundle.ts';
import { Network } from '../../../emulators/world/network.ts';
import { FUNCTION } from '../../../emulators/world/world.ts';
import type { Report } from '../../../lambda/core/drain/report.ts';
import type { Clock } from '../../../lambda/core/model/clock.ts';

export const SWEEP = { source: 'aws.events', 'detail-type': 'Scheduled Event' };
export const DRAINER = 'node { policy = "write" }\nnamespace "*" { capabilities = ["read-job"] }';

const TOKEN = '/nomad/drain-token';
/** How the function gets its token, unless a test says otherwise. */
export const ACCESS = { token: { parameter: TOKEN } };

/** A function that stays warm. */
export type Handler = Awaited<ReturnType<Stage['deploy']>>;

export interface Allocation {
  ID: string;
  NodeID: string;
  ClientStatus: string;
  TaskStates: Record<string, { State: string; FinishedAt: string | null }> | null;
}

export interface JobOptions {
  type?: string;
  namespace?: string;
  killTimeoutSeconds?: number;
  migrate?: boolean;
  count?: number;
  /** The meta of the job. */
  meta?: Record<string, string>;
  /** Further fields of the task group, in Nomad's words. */
  group?: object;
  /** Further tasks besides `t`. */
  tasks?: object[];
}

/** One task that runs a shell script. */
export const shellTask = (name: string, script: string, more: object = {}) => ({
  Name: name,
  Driver: 'raw_exec',
  Config: { command: '/bin/sh', args: ['-c', script] },
  KillTimeout: 5e9,
  Resources: { CPU: 20, MemoryMB: 20 },
  ...more,
});

/** A real Nomad with clients on instances of an emulated group, and the deployed bundle between them. */
export class Stage {
  readonly nomad: RealNomad;
  readonly aws: AwsEmulator;
  readonly events: unknown[] = [];
  readonly #instanceIds: string[];
  #network: Network | undefined;

  private constructor(nomad: RealNomad, aws: AwsEmulator, instanceIds: string[]) {
    this.nomad = nomad;
    this.aws = aws;
    this.#instanceIds = instanceIds;
    aws.onEvent((event) => this.events.push(event), { detailType: 'EC2 Instance-terminate Lifecycle Action' });
  }

  /**
   * @param count how many instances: each test takes one, and one stays in service
   * @param heartbeat the least time, and the grace, in which a client has to be heard
   * @param others how many of the instances are in further groups; the rest are builders
   */
  static async start(
    count: number,
    {
      group = {},
      others = {},
      ...agents
    }: AgentOptions & { group?: Partial<GroupOptions>; others?: Record<string, number> } = {},
  ): Promise<Stage> {
    const binary = process.env.NOMAD_BIN;
    if (!binary) throw new Error('NOMAD_BIN is not set: NOMAD_BIN=/path/to/nomad npm run test:nomad');
    const instanceIds = [...'123456789abcdef'].slice(0, count).map((digit) => `i-${digit.repeat(17)}`);
    const nomad = await startNomad(binary, instanceIds, agents);
    const aws = await AwsEmulator.start({ clock: new RunningClock(), timing: { beforeWaitMs: 100 } });
    const stage = new Stage(nomad, aws, instanceIds);
    const hook = { name: 'nomad-drain', heartbeatTimeoutSeconds: 1800 };
    for (const name of ['builders', ...Object.keys(others)]) aws.addGroup({ name, hook, ...group });
    const groups = Object.entries(others).flatMap(([name, size]) => Array<string>(size).fill(name));
    Object.assign(process.env, environmentOf(aws));
    if (nomad.managementToken) aws.putParameter(TOKEN, await stage.token('drainer', DRAINER), 'SecureString');
    for (const [i, id] of instanceIds.entries()) {
      if (agents.late?.includes(i)) continue;
      aws.addInstance(groups[i] ?? 'builders', { id, privateIp: addressOf(i) });
    }
    return stage;
  }

  /** The client agents answer at the private addresses of their instances, for as long as those run. */
  openClients(): void {
    this.#network = Network.open((address, port) => {
      const instance = this.aws.instanceAt(address);
      if (instance?.ec2State !== 'running') return 'lost';
      const { address: own = '' } = this.nomad.nodes[this.#instanceIds.indexOf(instance.id)] ?? {};
      return port === 4646 && own !== '' ? Number(new URL(own).port) : 'refused';
    });
  }

  async close(): Promise<void> {
    this.#network?.close();
    await this.aws.close();
    await this.nomad.close();
  }

  /** Sends a request to Nomad as its operator. */
  async ask<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(`${this.nomad.address}${path}`, {
      method,
      headers: { 'X-Nomad-Token': this.nomad.managementToken },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    const text = await response.text();
    return (text ? JSON.parse(text) : undefined) as T;
  }

  allocationsOf(job: string, namespace = 'default'): Promise<Allocation[]> {
    return this.ask('GET', `/v1/job/${job}/allocations?namespace=${namespace}`);
  }

  /** Runs a shell script as the task `t` of a job on this node, and waits until it runs. */
  async run(job: string, nodeId: string | undefined, script: string, options: JobOptions = {}): Promise<void> {
    const { namespace = 'default', count = 1 } = options;
    await this.ask('POST', `/v1/jobs?namespace=${namespace}`, { Job: jobOf(job, nodeId, script, options) });
    const running = async () =>
      (await this.allocationsOf(job, namespace)).filter(({ ClientStatus }) => ClientStatus === 'running').length;
    await expect.poll(running, { timeout: 20_000 }).toBe(count);
  }

  /** Creates a token with a policy of these rules. */
  async token(name: string, rules: string): Promise<string> {
    await this.ask('POST', `/v1/acl/policy/${name}`, { Name: name, Rules: rules });
    const body = { Name: name, Type: 'client', Policies: [name] };
    return (await this.ask<{ SecretID: string }>('POST', '/v1/acl/token', body)).SecretID;
  }

  /** Gives the function a token with these rules. */
  async grant(name: string, rules: string): Promise<void> {
    this.aws.putParameter(TOKEN, await this.token(name, rules), 'SecureString');
  }

  /** What the functions have logged, and printed of metrics. */
  readonly logLines: LogLine[] = [];
  readonly printed: string[] = [];

  /** The deployed function, started from its environment. */
  async deploy(policy: object, access: object = ACCESS, more: object = {}, clock?: Clock) {
    const { makeHandler } = await loadBundle();
    const document = {
      groups: [{ name: 'builders', hook: 'nomad-drain' }],
      nomad: 'via' in access ? access : { via: 'http', address: this.nomad.address, ...access },
      policy,
      ...more,
    };
    const write = (message: string, fields: object) => {
      this.logLines.push({ at: Date.now(), message: JSON.stringify({ message, ...fields }) });
    };
    const logger = { debug: write, info: write, warn: write, error: write };
    const environment = { NOMAD_DRAIN_HOOK: JSON.stringify(document), AWS_LAMBDA_FUNCTION_NAME: FUNCTION };
    const print = (line: string) => void this.printed.push(line);
    return makeHandler({ environment, logger, print, ...(clock && { clock }) });
  }

  /** Scales the instance in, wakes the function by its event, and sweeps until it is released. @returns what was reported */
  async scaleIn(
    instanceId: string,
    policy: object,
    { during = async () => {}, access }: { during?: () => Promise<unknown>; access?: object } = {},
  ) {
    const handler = await this.deploy(policy, access);
    const completed = this.aws.completions.length;
    this.events.length = 0;
    this.aws.scaleIn('builders', [instanceId]);
    await expect.poll(() => this.events.length, { timeout: 5_000 }).toBe(1);
    let report: Report = await handler(this.events[0], {});
    await during();
    while (this.aws.completions.length === completed)
      report = await handler(SWEEP, { getRemainingTimeInMillis: () => 30_000 });
    return { report, completion: this.aws.completions.at(-1) };
  }

  /**
   * When the last task of a job stopped, milliseconds since the epoch; infinite while one has not. Nomad also writes FinishedAt
   * for tasks of a failed allocation that have yet to run.
   */
  async stoppedAt(job: string, namespace = 'default'): Promise<number> {
    const states = (await this.allocationsOf(job, namespace)).flatMap(({ TaskStates }) =>
      Object.values(TaskStates ?? {}),
    );
    return Math.max(
      ...states.map(({ State, FinishedAt }) =>
        State === 'dead' && FinishedAt ? Date.parse(FinishedAt) : Number.POSITIVE_INFINITY,
      ),
    );
  }

  /** Scales the instance in, and waits for its event. */
  async beginScaleIn(instanceId: string): Promise<object> {
    this.events.length = 0;
    this.aws.scaleIn('builders', [instanceId]);
    await expect.poll(() => this.events.length, { timeout: 5_000 }).toBe(1);
    return this.events[0] as object;
  }

  /** One sweep of a function; it goes on for as long as somebody waits, at most eleven seconds less than it has left. */
  sweep(handler: Handler, remainingMs = 20_000): Promise<Report> {
    return handler(SWEEP, { getRemainingTimeInMillis: () => remainingMs });
  }

  /** Sweeps until no instance waits; a sweep may fail, since a busy machine answers late. */
  async untilNobodyWaits(handler: Handler): Promise<void> {
    while (this.aws.waiting.length > 0) await this.sweep(handler).catch(() => sleep(1_000));
  }

  /** Sweeps until the instance is released; a sweep may fail. @returns what was reported of it last */
  async untilReleased(handler: Handler, instanceId: string, remainingMs?: number) {
    let last: Report | undefined;
    while (!this.completionOf(instanceId)) {
      last = (await this.sweep(handler, remainingMs).catch(() => sleep(1_000))) ?? last;
    }
    return last?.instances.find((each) => each.instanceId === instanceId);
  }

  /** When the instance was released, milliseconds since the epoch; not a number if it waits. */
  releasedAt(instanceId: string): number {
    return this.completionOf(instanceId)?.at ?? Number.NaN;
  }

  /** How the wait of an instance ended, if it has. */
  completionOf(instanceId: string) {
    return this.aws.completions.find((each) => each.instanceId === instanceId);
  }

  /** Keeps the allocations of a client that is away, as each version spells it. */
  get keptWhileAway(): object {
    return since(this.nomad.version, '1.8.0')
      ? { Disconnect: { LostAfter: 3600e9, Replace: false } }
      : { MaxClientDisconnect: 3600e9 };
  }

  /** Where a node can be down and keep allocations as unknown, what has it do so (cases-away.ts); else what keeps them on a disconnected one. */
  get keptThoughDown(): object {
    const { version } = this.nomad;
    return since(version, '1.8.0') && !since(version, '1.11.2')
      ? { Disconnect: { Replace: false } }
      : this.keptWhileAway;
  }

  nodeOf(instanceId: string): string {
    return this.nomad.nodes.find((node) => node.instanceId === instanceId)?.id ?? '';
  }

  clientOf(instanceId: string): number {
    return this.#instanceIds.indexOf(instanceId);
  }

  /** An instance with a Nomad client that no test has scaled in yet. */
  inService(): string {
    return this.allInService()[0] ?? '';
  }

  allInService(): string[] {
    const inService = this.aws.instances('builders').filter(({ state }) => state === 'InService');
    return inService.map(({ id }) => id).filter((id) => this.#instanceIds.includes(id));
  }
}

function jobOf(job: string, nodeId: string | undefined, script: string, options: JobOptions): object {
  const { type = 'batch', namespace = 'default', killTimeoutSeconds = 5, migrate = false, count = 1, meta } = options;
  // biome-ignore lint/suspicious/noTemplateCurlyInString: Nomad interpolates it
  const Constraints = nodeId ? [{ LTarget: '${node.unique.id}', RTarget: nodeId, Operand: '=' }] : null;
  const group = {
    Name: 'g',
    Count: count,
    RestartPolicy: { Attempts: 0, Mode: 'fail' },
    ...(migrate && { EphemeralDisk: { Migrate: true, Sticky: true, SizeMB: 300 } }),
    ...(type === 'service' && {
      Migrate: { MaxParallel: 1, HealthCheck: 'task_states', MinHealthyTime: 1e9, HealthyDeadline: 60e9 },
    }),
    ...options.group,
    Tasks: [shellTask('t', script, { KillTimeout: killTimeoutSeconds * 1e9 }), ...(options.tasks ?? [])],
  };
  const placed = { Namespace: namespace, Type: type, Datacenters: ['*'], Constraints };
  return { ID: job, Name: job, ...placed, ...(meta && { Meta: meta }), TaskGroups: [group] };
}
