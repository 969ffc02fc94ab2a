import { randomUUID } from 'node:crypto';
import type { ConfigDocument } from '../../lambda/config/config.ts';
import type { Report } from '../../lambda/core/drain/report.ts';
import { EVENT_SOURCE } from '../../lambda/core/model/drain-event.ts';
import type { Logger } from '../../lambda/core/ports.ts';
import type { Answer } from '../../lambda/core/queries/query.ts';
import { AwsEmulator } from '../aws/aws.ts';
import type { InstanceOptions } from '../aws/ec2/fleet.ts';
import { environmentOf } from '../aws/environment.ts';
import type { EventBridgeEvent } from '../aws/events/events.ts';
import { ACCOUNT, REGION } from '../aws/model.ts';
import { ManualClock } from '../clock.ts';
import { NomadEmulator } from '../nomad/emulator.ts';
import type { NodeSpec } from '../nomad/nodes.ts';
import { loadBundle, runInOwnProcess } from './bundle.ts';
import { type ClientNetwork, openClientNetwork } from './client-network.ts';
import { DrivenClock } from './driven-clock.ts';
import {
  deliveredTypes,
  documentOf,
  GROUP,
  HEARTBEAT_TIMEOUT,
  HOOK,
  LAUNCHING_HOOK,
  type WorldOptions,
} from './world-options.ts';

export { DOCUMENT, type WorldOptions } from './world-options.ts';

export const SWEEP = { source: 'aws.events', 'detail-type': 'Scheduled Event' };
export const STATUS = { command: 'status' };
export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;

/** The name that Lambda gives the function. */
export const FUNCTION = 'DrainHook-Function-0123456789AB';

/** Of the function, as the first termination policy of a group. */
export const FUNCTION_ARN = `arn:aws:lambda:${REGION}:${ACCOUNT}:function:${FUNCTION}`;

/** How long Lambda lets a run go on. */
const TIMEOUT = 67 * SECOND;

/** A client that does not say which instance it is: its fingerprint of EC2 failed at boot. */
export const UNNAMED = { instanceId: '' };

/** Wakes one function environment. */
export type Invoke = (
  event: unknown,
  context?: { getRemainingTimeInMillis(): number; awsRequestId?: string; invokedFunctionArn?: string },
) => Promise<Report | Answer>;

/** One record of the function's log. */
export type LogRecord = { level: keyof Logger; message: string } & Record<string, unknown>;

/**
 * A group of builders, the AWS account and the Nomad cluster that they live in, and the deployed bundle: real HTTP
 * between them, on a clock that only the test moves. While the function runs, time passes as fast as it can.
 */
export class World {
  readonly clock: ManualClock;
  readonly aws: AwsEmulator;
  readonly nomad: NomadEmulator;
  readonly #loggedAt = new WeakMap<LogRecord, number>();
  /** What the function has logged. */
  readonly log: LogRecord[] = [];
  /** The lines of metrics that it has printed. */
  readonly printed: string[] = [];
  /** What the function has put on the event bus, as a rule would hand it on. */
  readonly told: EventBridgeEvent[] = [];
  /** Events that have arrived, and start no run until `deliver` is called. */
  readonly events: EventBridgeEvent[] = [];
  /** What the function has answered. */
  readonly reports: Report[] = [];
  /** The errors of failed runs that no caller awaited: see {@link wakeByEvents}. */
  readonly failed: Error[] = [];
  /** The nodes of each instance, the one that its agent is now last. */
  readonly #nodes = new Map<string, string[]>();
  readonly #groupOf = new Map<string, string>();
  readonly #environment: Record<string, string>;
  /** Auto Scaling has heard who goes, where it has asked. */
  #chosen: Promise<void> = Promise.resolve();
  #invoke: Invoke;
  /** Where Nomad is asked through its clients. */
  #clients: ClientNetwork | undefined;
  /** What the function lives by. */
  readonly #time: DrivenClock;

  private constructor(
    clock: ManualClock,
    aws: AwsEmulator,
    nomad: NomadEmulator,
    environment: Record<string, string>,
    delivered: readonly string[],
  ) {
    this.clock = clock;
    this.aws = aws;
    this.nomad = nomad;
    this.#environment = environment;
    this.#time = new DrivenClock(clock, () => [
      ...this.#servers,
      ...(this.#clients ? [this.#clients.network.waiting] : []),
    ]);
    this.#invoke = () => Promise.reject(new Error('not deployed'));
    for (const detailType of delivered) aws.onEvent((event) => this.events.push(event), { detailType });
    aws.onEvent((event) => this.told.push(event), { source: EVENT_SOURCE });
    aws.onTerminationPolicy(FUNCTION_ARN, (event) => this.#choose(event));
    aws.onInstanceGone(({ id }) => {
      for (const node of this.nodesOf(id)) nomad.killInstance(node);
    });
  }

  static async start(options: WorldOptions = {}) {
    const { group, acl = false, before, moreGroups = [], version } = options;
    const clock = new ManualClock();
    const aws = await AwsEmulator.start({ clock });
    const nomad = await NomadEmulator.start({ clock, acl, ...(version && { version }) });
    const { heartbeatTimeoutSeconds = HEARTBEAT_TIMEOUT } = options;
    const hook = { name: HOOK, heartbeatTimeoutSeconds, defaultResult: 'CONTINUE' as const };
    const { admission } = options;
    const launching = {
      ...LAUNCHING_HOOK,
      ...(admission?.heartbeatTimeoutSeconds && { heartbeatTimeoutSeconds: admission.heartbeatTimeoutSeconds }),
    };
    const hooks = { hook, ...(admission && { moreHooks: [launching] }) };
    aws.addGroup({ name: GROUP, ...hooks, ...group });
    for (const each of moreGroups) aws.addGroup({ ...hooks, ...each });
    Object.assign(process.env, environmentOf(aws));
    const address = (await before?.(nomad.url)) ?? nomad.url;
    const document = documentOf(options, address);
    const environment = { NOMAD_DRAIN_HOOK: JSON.stringify(document), AWS_LAMBDA_FUNCTION_NAME: FUNCTION };
    const world = new World(clock, aws, nomad, environment, deliveredTypes(options));
    const nodesOf = (instanceId: string) => world.nodesOf(instanceId);
    if (options.clients) world.#clients = await openClientNetwork({ aws, nomad, nodesOf, ...options.clients });
    await world.coldStart();
    return world;
  }

  /** From now on no packet reaches this instance. */
  cutOff(instanceId: string): void {
    this.#clients?.cutOff.add(instanceId);
  }

  /** A new function environment: nothing of the one before is left. */
  async coldStart(): Promise<void> {
    this.#invoke = await this.environment();
  }

  /** The stack is updated: from now on new environments have new code, and these settings. */
  async redeploy(policy: ConfigDocument['policy']): Promise<void> {
    const document = JSON.parse(this.#environment.NOMAD_DRAIN_HOOK ?? '') as ConfigDocument;
    this.#environment.NOMAD_DRAIN_HOOK = JSON.stringify({ ...document, policy });
    await this.coldStart();
  }

  /** One more function environment beside the others, as Lambda starts them when many events come at once. */
  async environment(startedMsAgo = 0): Promise<Invoke> {
    const write = (level: keyof Logger) => (message: string, fields: Record<string, unknown>) => {
      const record = { level, message, ...fields };
      this.log.push(record);
      this.#loggedAt.set(record, this.clock.now());
    };
    const logger = { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
    const { makeHandler } = await loadBundle();
    const print = (line: string) => void this.printed.push(line);
    const bornAt = this.clock.now() - startedMsAgo;
    return makeHandler({ clock: this.#time, logger, print, environment: this.#environment, bornAt });
  }

  /** What a process needs to be this function, beside what leads to the emulated account. */
  get variables(): Record<string, string> {
    return this.#environment;
  }

  /** An instance in service with its Nomad client. */
  addBuilder(node: Partial<NodeSpec> | typeof UNNAMED = {}, instance: InstanceOptions = {}, group = GROUP) {
    const instanceId = this.aws.addInstance(group, instance);
    return { instanceId, nodeId: this.join(instanceId, node, group) };
  }

  /** The Nomad client of an instance registers. @returns its node */
  join(instanceId: string, node: Partial<NodeSpec> | typeof UNNAMED = {}, group = GROUP): string {
    const { privateIp } = this.aws.instance(instanceId);
    const { instanceId: named = instanceId, ...spec } = node;
    const nodeId = this.nomad.addNode({ ...(named && { instanceId: named }), address: privateIp, ...spec }).id;
    this.#nodes.set(instanceId, [...this.nodesOf(instanceId), nodeId]);
    this.#groupOf.set(instanceId, group);
    return nodeId;
  }

  /** The data directory of an instance's Nomad client is emptied: its agent comes back as another node. */
  newIdentity(instanceId: string): string {
    const nodes = this.nodesOf(instanceId);
    const { id } = this.nomad.newIdentity(nodes.at(-1) ?? '');
    this.#nodes.set(instanceId, [...nodes, id]);
    return id;
  }

  /** The nodes of an instance, the one that its agent is now last. */
  nodesOf(instanceId: string): readonly string[] {
    return this.#nodes.get(instanceId) ?? [];
  }

  /** The group that launched an instance. */
  groupOf(instanceId: string): string {
    return this.#groupOf.get(instanceId) ?? GROUP;
  }

  /** The groups scale in by these instances, which then wait for the hook. */
  async scaleIn(...instanceIds: string[]): Promise<void> {
    const byGroup = Map.groupBy(instanceIds, (id) => this.groupOf(id));
    for (const [group, ids] of byGroup) this.aws.scaleIn(group, ids);
    await this.clock.advance(2 * SECOND);
  }

  /** Wakes the function with the events that have arrived, and says what it answered. */
  async deliver(): Promise<Report[]> {
    const reports: Report[] = [];
    for (const event of this.events.splice(0)) reports.push(await this.wake(event));
    return reports;
  }

  /** From now on each event wakes the function as it arrives: in an environment of its own, beside whatever runs. */
  wakeByEvents(): void {
    this.aws.onEvent(() => {
      for (const event of this.events.splice(0)) {
        const invoke: Invoke = async (...woken) => (await this.environment())(...woken);
        this.wake(event, invoke).catch((error) => this.failed.push(error as Error));
      }
    });
  }

  /** The one-minute schedule for so long: a sweep on each full minute. */
  async sweepFor(ms: number): Promise<void> {
    const end = this.clock.now() + ms;
    while (this.clock.now() < end) {
      await this.advance(Math.min(end, (Math.floor(this.clock.now() / MINUTE) + 1) * MINUTE) - this.clock.now());
      if (this.clock.now() % MINUTE === 0) await this.wake(SWEEP);
    }
  }

  /** The same with runs that may fail, as they must while some instance cannot be served: the next one runs all the same. */
  async sweepOnFor(ms: number): Promise<void> {
    const end = this.clock.now() + ms;
    while (this.clock.now() < end) await this.sweepFor(Math.min(MINUTE, end - this.clock.now())).catch(() => {});
  }

  /** Lets time pass while the function sleeps, unless Auto Scaling asks it who goes. */
  async advance(ms: number): Promise<void> {
    const target = this.clock.now() + ms;
    for (let next = this.clock.next(); next !== undefined && next <= target; next = this.clock.next()) {
      await this.clock.advance(Math.max(0, next - this.clock.now()));
      await this.#chosen;
    }
    await this.clock.advance(Math.max(0, target - this.clock.now()));
  }

  /** The group shrinks by this many instances, and its function chooses them; their terminations then begin. */
  async shrink(by: number): Promise<void> {
    this.aws.shrink(GROUP, by);
    await this.#chosen;
    await this.advance(2 * SECOND);
  }

  /** Wakes the function as Auto Scaling does. */
  async #choose(event: unknown): Promise<unknown> {
    const answered = this.#time.while(this.#invoke(event));
    this.#chosen = answered.then(settled, settled);
    return answered;
  }

  /** Wakes the function with an event and lets time pass while it waits for something, as long as Lambda would. */
  async wake(event: unknown, invoke: Invoke = this.#invoke): Promise<Report> {
    const report = (await this.#wake(event, invoke)) as Report;
    if ('instances' in report) this.reports.push(report);
    return report;
  }

  /** Asks the function something, as an operator does. */
  async ask<Run extends Answer['run']>(command: object, arn?: string): Promise<Extract<Answer, { run: Run }>> {
    return (await this.#wake(command, this.#invoke, arn)) as Extract<Answer, { run: Run }>;
  }

  /** What the function has changed in the world, or told it. */
  writings(): object[] {
    return [
      ...this.nomad.requests.filter(({ method }) => method !== 'GET'),
      ...this.aws.requests.filter(({ action }) => !action.startsWith('Describe') && !action.startsWith('Get')),
      ...this.printed.map((line) => ({ line })),
    ];
  }

  async #wake(event: unknown, invoke: Invoke, invokedFunctionArn = FUNCTION_ARN): Promise<Report | Answer> {
    const deadline = this.clock.now() + TIMEOUT;
    const awsRequestId = randomUUID();
    const run = invoke(event, {
      awsRequestId,
      invokedFunctionArn,
      getRemainingTimeInMillis: () => deadline - this.clock.now(),
    });
    let cancel = () => {};
    const timedOut = new Promise<never>((_, reject) => {
      cancel = this.clock.after(TIMEOUT, () => reject(new Error('Task timed out after 67.00 seconds')));
    });
    try {
      return await this.#time.while(Promise.race([run, timedOut]));
    } finally {
      cancel();
    }
  }

  /** The function is killed after this many requests of a run: the last one is executed, and its answer is lost. */
  async killRun(event: unknown, afterRequests: number): Promise<void> {
    let left = afterRequests;
    for (const server of this.#servers) {
      server.fault = () => {
        left -= 1;
        if (left > 0) return undefined;
        this.#time.killed = true;
        return left === 0 ? 'answer lost' : 'hang-up';
      };
    }
    await this.wake(event).catch(() => {});
    for (const server of this.#servers) server.fault = undefined;
    this.#time.killed = false;
    await this.coldStart();
  }

  get #servers() {
    return [this.nomad.server, ...(this.#clients ? [this.#clients.agents] : []), ...Object.values(this.aws.servers)];
  }

  /** The log as CloudWatch has it: a line of JSON for each record. */
  get logLines(): { at: number; message: string }[] {
    return this.log.map((record) => ({ at: this.#loggedAt.get(record) ?? 0, message: JSON.stringify(record) }));
  }

  /** Runs the handler in a process of its own, as Lambda does, on real time. Says what it wrote to its log. */
  async runAsDeployed(event: unknown): Promise<string[]> {
    return (await this.#onRealTime(event)).log;
  }

  /** The same, with a heap of this many megabytes. @returns the most memory that the process had at a time, in megabytes */
  async memoryAsDeployed(event: unknown, heapMegabytes: number): Promise<number> {
    return (await this.#onRealTime(event, [`--max-old-space-size=${heapMegabytes}`])).megabytes;
  }

  async #onRealTime(event: unknown, nodeOptions: string[] = []) {
    const real = setInterval(() => void this.clock.advance(50), 50);
    try {
      return await runInOwnProcess(event, this.#environment, nodeOptions);
    } finally {
      clearInterval(real);
    }
  }

  /** The outcome that was reported for an instance. */
  outcome(instanceId: string) {
    const instances = this.reports.flatMap((report) => report.instances);
    return instances.find((instance) => instance.instanceId === instanceId && instance.action === 'complete')?.outcome;
  }

  /** How the wait of an instance ended for Auto Scaling, if it has. */
  completion(instanceId: string) {
    return this.aws.completions.find((completion) => completion.instanceId === instanceId);
  }

  /** Builds that did not end by themselves. */
  get killedBuilds() {
    return this.nomad.killed().filter(({ jobType }) => jobType === 'batch' || jobType === 'sysbatch');
  }

  async close(): Promise<void> {
    await this.#clients?.close();
    await this.nomad.close();
    await this.aws.close();
  }
}

const settled = () => new Promise<void>((resolve) => setImmediate(resolve));
