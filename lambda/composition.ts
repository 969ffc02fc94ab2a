import { AutoScalingClient } from '@aws-sdk/client-auto-scaling';
import { EC2Client } from '@aws-sdk/client-ec2';
import { AutoScaling } from './aws/auto-scaling.ts';
import { CLIENT, forRun } from './aws/client.ts';
import { describeInstances, instancesAt } from './aws/ec2.ts';
import { EventBus } from './aws/event-bus.ts';
import { type OnDemand, onDemand } from './aws/lazy-clients.ts';
import { EmbeddedMetrics } from './aws/metrics.ts';
import { Heartbeats } from './aws/terminations/heartbeats.ts';
import { type HookMemory, Hooks } from './aws/terminations/lifecycle-hooks.ts';
import { AwsTerminations } from './aws/terminations/terminations.ts';
import { WaitMemory } from './aws/terminations/wait-memory.ts';
import type { Config } from './config/config.ts';
import { ANY_GROUP } from './config/names.ts';
import type { Allocation } from './core/model/allocation.ts';
import type { Clock, EpochMs, RunClock } from './core/model/clock.ts';
import type { Logger, Ports, Terminations } from './core/ports.ts';
import type { ChooseOptions } from './core/scale-in/choose.ts';
import { IdleWait } from './core/scale-in/idle-wait.ts';
import type { Permissions } from './nomad/acl.ts';
import { NomadApi } from './nomad/api.ts';
import { NomadEligibility } from './nomad/nodes/eligibility.ts';
import { NodeObserver } from './nomad/nodes/observe.ts';
import { NomadEndedNodes } from './nomad/nodes/purge.ts';
import { SeenAllocations } from './nomad/nodes/seen-allocations.ts';
import { NomadClients } from './nomad/queries/clients.ts';
import { missingClients } from './nomad/queries/missing-clients.ts';
import { WhoIsWho } from './nomad/queries/nodes-by-instance.ts';
import { stderrTails } from './nomad/queries/stderr-tails.ts';
import { readOnly } from './nomad/read-only.ts';
import { tokenName, transportTo } from './nomad/transport/create-transport.ts';
import type { Transport } from './nomad/transport/transport.ts';
import type { AnswerPortsOptions } from './queries.ts';
import type { Serving } from './runs.ts';

/** What a warm function runs with. */
export interface Environment {
  clock: Clock;
  logger: Logger;
  /** Writes a line of metrics. */
  print: (line: string) => void;
  functionName: string;
  /** When Lambda began to start the function. */
  bornAt: EpochMs;
}

/** Whether a sweep that begins now is one that looks for missing clients. */
const isFifthMinute = (now: EpochMs): boolean => Math.floor(now / 60_000) % 5 === 0;

/** The time of one run. */
interface RunLimits {
  clock: RunClock;
  hooks: Hooks;
  /** When no further pass begins. */
  until: EpochMs;
  /** When the run ends at the latest. */
  last: EpochMs;
}

/**
 * Wires everything together: the clients, connections and memories that a warm function keeps, all of which can be lost; and
 * from them, for each run, the ports of the story. Everything that waits gets the clock of its run.
 */
export class Composition {
  readonly metrics: EmbeddedMetrics;
  readonly #config: Config;
  readonly #logger: Logger;
  readonly #autoScaling = new AutoScalingClient(CLIENT);
  readonly #ec2 = new EC2Client(CLIENT);
  readonly #onDemand: OnDemand;
  readonly #nomad: Transport;
  readonly #memory = new WaitMemory();
  readonly #hooks: HookMemory = new Map();
  readonly #stuck = new Map<string, string>();
  readonly #whoIsWho: WhoIsWho;
  readonly #idleWaits: ReadonlyMap<string, IdleWait>;
  readonly #seenAllocations = new SeenAllocations();
  readonly #functionName: string;
  /** Marks what we write in Nomad as ours. */
  #deployment: string;
  /** The group that has asked last which instances go. */
  #chosenFor: string | undefined;
  /** When the last sweep began in this environment. */
  #lastSweepAt: EpochMs | undefined;

  constructor(config: Config, { clock, logger, print, functionName }: Environment) {
    this.#config = config;
    this.#logger = logger;
    this.#functionName = functionName;
    this.#deployment = functionName;
    this.metrics = new EmbeddedMetrics(functionName, clock, print);
    this.#onDemand = onDemand(config, {
      ec2: this.#ec2,
      autoScaling: this.#autoScaling,
      groups: () => this.#groups,
    });
    this.#nomad = transportTo(config.nomad, this.#onDemand);
    this.#whoIsWho = new WhoIsWho(config.nomad.nodeMetaKey);
    const waiting = config.groups.filter(({ chooses }) => chooses.onlyIdle);
    this.#idleWaits = new Map(waiting.map(({ name, chooses }) => [name, new IdleWait(chooses.onlyIdleForSeconds)]));
  }

  /** Loads what this configuration needs and not every one does. */
  load(): Promise<void> {
    return this.#onDemand.load();
  }

  /** @param functionArn such as `arn:aws:lambda:eu-west-1:123456789012:function:drain-hook`, with a version or alias or without */
  deployedAs(functionArn: string | undefined): void {
    const [, , , region, account, , name] = functionArn?.split(':') ?? [];
    this.#deployment = name ? `${account}/${region}/${name}` : this.#functionName;
  }

  /** The hooks of the groups, for one run. */
  hooks({ hooks }: Serving, clock: RunClock): Hooks {
    const autoScaling = new AutoScaling(this.#autoScaling, clock);
    const asConfigured = hooks === 'as configured';
    return new Hooks({ autoScaling, clock, logger: this.#logger, memory: this.#hooks, asConfigured });
  }

  /** The ports of the story, for one run. */
  forRun(run: Serving, { clock, hooks, until, last }: RunLimits): Ports & { nodes: NodeObserver } {
    const { nomad, groups } = this.#config;
    const { sweeps, dryRun, scope, thorough } = run;
    if (sweeps) this.#lastSweepAt = clock.now();
    const logger = this.#logger;
    const metrics = this.metrics;
    const api = new NomadApi(dryRun ? readOnly(this.#nomad) : this.#nomad, clock);
    const deployment = this.#deployment;
    const ec2 = forRun(this.#ec2, clock);
    const nodes = new NodeObserver({
      nomad: api,
      clock,
      metrics,
      deployment,
      tokenName: tokenName(nomad),
      nodeMetaKey: nomad.nodeMetaKey,
      outsideEc2: nomad.outsideEc2,
      instancesAt: (addresses) => instancesAt(ec2, addresses),
      seenAllocations: this.#seenAllocations,
      scope,
      thorough,
    });
    const autoScaling = new AutoScaling(this.#autoScaling, clock);
    const memory = this.#memory;
    const notOurs = new Set<string>();
    const byEvent = run.heartbeats === 'until the sweep';
    const beats = { autoScaling, clock, logger, metrics, memory, notOurs, hooks, groups, byEvent, until: last };
    const describe = { autoScaling, ec2, clock, logger, groups, hooks, memory };
    const terminations = new AwsTerminations({
      find: run.find(describe, until),
      heartbeats: dryRun ? undefined : new Heartbeats(beats),
      notOurs,
      autoScaling,
      ec2,
      clock,
      logger,
      memory,
      groups: groups.map(({ name }) => name),
    });
    const logs = { stderrTails: (allocations: readonly Allocation[]) => stderrTails(api, allocations) };
    const publisher = this.#eventBus(clock);
    const cordons = sweeps && groups.some(({ notices }) => notices.rebalance !== 'off');
    const eligibility = new NomadEligibility({
      nomad: api,
      clock,
      deployment,
      drainedByUs: () => (sweeps ? nodes.drainedByUs : []),
      cordons,
    });
    const purging = new Set(groups.filter(({ purge }) => purge).map(({ name }) => name));
    // A drain whose record names no group may be of any of them.
    const isPurged = (group?: string) => (group === undefined ? purging.size === groups.length : purging.has(group));
    const purges = sweeps && purging.size > 0;
    const endedNodes = purges ? { endedNodes: new NomadEndedNodes(api, nomad.nodeMetaKey, deployment, isPurged) } : {};
    const looksForMissing = run.missing === 'always' || (run.missing === 'sometimes' && isFifthMinute(clock.now()));
    const missing = (inService: Terminations['inService']) =>
      missingClients(
        {
          nomad: api,
          whoIsWho: this.#whoIsWho,
          nodeMetaKey: nomad.nodeMetaKey,
          describe: (ids) => describeInstances(ec2, ids, () => {}),
          now: clock.now(),
        },
        inService,
      );
    return {
      terminations,
      nodes,
      eligibility,
      ...endedNodes,
      ...(looksForMissing && { missingClients: missing }),
      logs,
      clock,
      logger,
      metrics,
      publisher,
    };
  }

  /** The groups whose instances lead to Nomad, where it is asked through them. */
  get #groups(): readonly string[] {
    const names = this.#config.groups.map(({ name }) => name);
    if (!names.includes(ANY_GROUP)) return names;
    return this.#chosenFor === undefined ? [] : [this.#chosenFor];
  }

  /** It is known whom to ask for Nomad: of the clients of any group, those of the group that has asked last who goes. */
  get knowsNomad(): boolean {
    return this.#config.nomad.via === 'http' || this.#groups.length > 0;
  }

  /** What the story of who goes needs, for one run. @param group the one that scales in */
  forChoice(group: string, clock: RunClock): ChooseOptions {
    this.#chosenFor = group;
    const clients = new NomadClients({
      nomad: new NomadApi(this.#nomad, clock),
      clock,
      whoIsWho: this.#whoIsWho,
      permissions: () => this.permissions(clock),
      readsJobs: this.#config.nomad.via !== 'ssm',
    });
    const publisher = this.#eventBus(clock);
    const isNamed = this.#config.groups.some(({ name }) => name === group);
    const idleWait = this.#idleWaits.get(isNamed ? group : ANY_GROUP);
    return { clients, clock, logger: this.#logger, metrics: this.metrics, publisher, idleWait };
  }

  /** What the ports of answers are made of, for one run. */
  forAnswers(clock: RunClock): AnswerPortsOptions {
    let asked: Promise<Permissions> | undefined;
    return {
      config: this.#config,
      clock,
      logger: this.#logger,
      autoScaling: new AutoScaling(this.#autoScaling, clock),
      ec2: this.#ec2,
      aws: this.#onDemand,
      transport: this.#nomad,
      whoIsWho: this.#whoIsWho,
      permissions: () => {
        asked ??= this.permissions(clock);
        return asked;
      },
      lastSweepAt: this.#lastSweepAt,
    };
  }

  /** What the token may see, read now. @throws Error if Nomad does not say, or refuses the token */
  permissions(clock: RunClock): Promise<Permissions> {
    return new NomadApi(this.#nomad, clock).permissions(tokenName(this.#config.nomad));
  }

  /** The client or the instance that has answered for Nomad; undefined where the servers are asked themselves. */
  get through(): string | undefined {
    return this.#config.nomad.via === 'http' ? undefined : this.#nomad.through;
  }

  /** Closes what a frozen function would hold open. */
  close(): void {
    this.#nomad.close();
  }

  #eventBus(clock: RunClock): EventBus {
    return new EventBus({
      eventBridge: this.#onDemand.eventBridge,
      bus: this.#config.events?.bus,
      clock,
      logger: this.#logger,
      metrics: this.metrics,
      stuck: this.#stuck,
    });
  }
}
