import { AutoScalingClient } from '@aws-sdk/client-auto-scaling';
import { EC2Client } from '@aws-sdk/client-ec2';
import type { AnswerPortsOptions } from './answer-ports.ts';
import { AutoScaling } from './aws/auto-scaling.ts';
import { EmbeddedMetrics } from './aws/embedded-metrics.ts';
import { EventBus } from './aws/event-bus.ts';
import { CLIENT, forRun } from './aws/for-run.ts';
import { Heartbeats } from './aws/heartbeats.ts';
import { type HookMemory, Hooks } from './aws/hooks.ts';
import { addressesOfInstances } from './aws/instances.ts';
import { type OnDemand, onDemand } from './aws/on-demand.ts';
import { WaitMemory } from './aws/wait-memory.ts';
import { WaitingInstances } from './aws/waiting-instances.ts';
import type { Config } from './config.ts';
import type { Allocation } from './core/allocation.ts';
import type { ChooseOptions } from './core/choose.ts';
import type { Clock, RunClock } from './core/clock.ts';
import { IdleWait } from './core/idle-wait.ts';
import type { Journal, Ports } from './core/ports.ts';
import { tokenName, transportTo } from './nomad/access.ts';
import type { Permissions } from './nomad/acl.ts';
import { NomadApi } from './nomad/api.ts';
import { NomadClients } from './nomad/clients.ts';
import { EndedNodes } from './nomad/dead-nodes.ts';
import { NodeObserver } from './nomad/observe.ts';
import { readOnly } from './nomad/read-only.ts';
import { SeenAllocations } from './nomad/seen-allocations.ts';
import { stderrTails } from './nomad/stderr-tails.ts';
import { OurNodes } from './nomad/taken-nodes.ts';
import type { Transport } from './nomad/transport.ts';
import { WhoIsWho } from './nomad/who-is-who.ts';
import type { Serving } from './runs.ts';

/** What a warm function runs with. */
export interface Environment {
  clock: Clock;
  journal: Journal;
  /** Writes a line of metrics. */
  print: (line: string) => void;
  functionName: string;
}

/** The time of one run. */
export interface RunTime {
  clock: RunClock;
  hooks: Hooks;
  /** When no further pass begins, milliseconds since the epoch. */
  until: number;
  /** When the run ends at the latest, milliseconds since the epoch. */
  last: number;
}

/**
 * Wires everything together: the clients, connections and memories that a warm function keeps, all of which can be lost; and
 * from them, for each run, the ports of the story. Everything that waits gets the clock of its run.
 */
export class Composition {
  readonly metrics: EmbeddedMetrics;
  readonly #config: Config;
  readonly #journal: Journal;
  readonly #autoScaling = new AutoScalingClient(CLIENT);
  readonly #ec2 = new EC2Client(CLIENT);
  readonly #onDemand: OnDemand;
  readonly #nomad: Transport;
  readonly #memory = new WaitMemory();
  readonly #hooks: HookMemory = new Map();
  readonly #stuck = new Map<string, string>();
  readonly #whoIsWho: WhoIsWho;
  readonly #idleWait: IdleWait | undefined;
  readonly #seenAllocations = new SeenAllocations();
  readonly #functionName: string;
  /** Marks what we write in Nomad as ours. */
  #deployment: string;
  /** When the last sweep began in this environment, milliseconds since the epoch. */
  #lastSweepAt: number | undefined;

  constructor(config: Config, { clock, journal, print, functionName }: Environment) {
    this.#config = config;
    this.#journal = journal;
    this.#functionName = functionName;
    this.#deployment = functionName;
    this.metrics = new EmbeddedMetrics(functionName, clock, print);
    this.#onDemand = onDemand(config, { ec2: this.#ec2, autoScaling: this.#autoScaling });
    this.#nomad = transportTo(config.nomad, this.#onDemand);
    this.#whoIsWho = new WhoIsWho(config.nomad.nodeMetaKey);
    const { onlyIdle, onlyIdleForSeconds } = config.chooses;
    this.#idleWait = onlyIdle ? new IdleWait(onlyIdleForSeconds) : undefined;
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
    return new Hooks({ autoScaling, clock, journal: this.#journal, memory: this.#hooks, asConfigured });
  }

  /** The ports of the story, for one run. */
  forRun(run: Serving, { clock, hooks, until, last }: RunTime): Ports & { nodes: NodeObserver } {
    const { policy, nomad, groups } = this.#config;
    const { sweeps, dryRun, scope, thorough } = run;
    if (sweeps) this.#lastSweepAt = clock.now();
    const journal = this.#journal;
    const meter = this.metrics;
    const api = new NomadApi(dryRun ? readOnly(this.#nomad) : this.#nomad, clock);
    const deployment = this.#deployment;
    const ec2 = forRun(this.#ec2, clock);
    const nodes = new NodeObserver({
      nomad: api,
      clock,
      meter,
      policy,
      deployment,
      tokenName: tokenName(nomad),
      nodeMetaKey: nomad.nodeMetaKey,
      outsideEc2: nomad.outsideEc2,
      addressesOfInstances: (addresses) => addressesOfInstances(ec2, addresses),
      seenAllocations: this.#seenAllocations,
      scope,
      thorough,
    });
    const autoScaling = new AutoScaling(this.#autoScaling, clock);
    const memory = this.#memory;
    const notOurs = new Set<string>();
    const byEvent = run.heartbeats === 'until the sweep';
    const beats = { autoScaling, clock, journal, meter, memory, notOurs, hooks, groups, byEvent, until: last };
    const describe = { autoScaling, ec2, clock, journal, groups, hooks, memory };
    const terminations = new WaitingInstances({
      find: run.find(describe, until),
      heartbeats: dryRun ? undefined : new Heartbeats(beats),
      notOurs,
      autoScaling,
      ec2,
      clock,
      journal,
      memory,
      groups: groups.map(({ name }) => name),
    });
    const logs = { stderrTails: (allocations: readonly Allocation[]) => stderrTails(api, allocations) };
    const announcements = this.#eventBus(clock);
    const cordons = sweeps && this.#config.notices.rebalance !== 'off';
    const takenNodes = new OurNodes({
      nomad: api,
      clock,
      deployment,
      drainedByUs: () => (sweeps ? nodes.drainedByUs : []),
      cordons,
    });
    const purges = this.#config.purge && sweeps;
    const deadNodes = purges ? { deadNodes: new EndedNodes(api, nomad.nodeMetaKey, deployment) } : {};
    return { terminations, nodes, takenNodes, ...deadNodes, logs, clock, journal, meter, announcements };
  }

  /** What the story of who goes needs, for one run. */
  forChoice(clock: RunClock): ChooseOptions {
    const clients = new NomadClients({
      nomad: new NomadApi(this.#nomad, clock),
      clock,
      whoIsWho: this.#whoIsWho,
      permissions: () => this.permissions(clock),
    });
    const announcements = this.#eventBus(clock);
    return { clients, clock, journal: this.#journal, announcements, idleWait: this.#idleWait };
  }

  /** What the ports of answers are made of, for one run. */
  forAnswers(clock: RunClock): AnswerPortsOptions {
    let asked: Promise<Permissions> | undefined;
    return {
      config: this.#config,
      clock,
      journal: this.#journal,
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

  /** Closes what a frozen function would hold open. */
  close(): void {
    this.#nomad.close();
  }

  #eventBus(clock: RunClock): EventBus {
    return new EventBus({
      eventBridge: this.#onDemand.eventBridge,
      bus: this.#config.events?.bus,
      clock,
      journal: this.#journal,
      meter: this.metrics,
      stuck: this.#stuck,
    });
  }
}
