import { AutoScalingClient } from '@aws-sdk/client-auto-scaling';
import { EC2Client } from '@aws-sdk/client-ec2';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { SSMClient } from '@aws-sdk/client-ssm';
import { STSClient } from '@aws-sdk/client-sts';
import { AutoScaling } from './aws/auto-scaling.ts';
import { EmbeddedMetrics } from './aws/embedded-metrics.ts';
import { EventBus } from './aws/event-bus.ts';
import { CLIENT, forRun } from './aws/for-run.ts';
import { gateways } from './aws/gateways.ts';
import { type HookMemory, Hooks } from './aws/hooks.ts';
import { webIdentity } from './aws/identity.ts';
import { Parameters } from './aws/parameters.ts';
import { Rehearsal } from './aws/rehearsal.ts';
import { EveryTermination, HeartbeatMemory, OneTermination, type TerminationsOptions } from './aws/terminations.ts';
import type { Config } from './config.ts';
import type { Clock, RunClock } from './core/clock.ts';
import type { Journal, Ports, Terminations } from './core/ports.ts';
import { type Keys, parametersOf, tokenName, transportTo } from './nomad/access.ts';
import { type Permissions, readPermissions } from './nomad/acl.ts';
import { Fleet } from './nomad/fleet.ts';
import type { Question, Transport } from './nomad/transport.ts';
import { onlyLooks, type Wake } from './wake.ts';

/** What a warm function stands on. */
export interface Ground {
  clock: Clock;
  journal: Journal;
  /** Takes the lines of metrics. */
  print: (line: string) => void;
  functionName: string;
}

/** What a run is given. */
export interface RunOptions {
  wake: Wake;
  clock: RunClock;
  hooks: Hooks;
  /** When to stop looking, milliseconds since the epoch. */
  until: number;
}

/**
 * What is wired together: the clients, connections and memories that a warm function keeps, all of which can be lost; and of
 * them, for each run, the ports of the story. Whatever waits is given the clock of its run.
 */
export class Wiring {
  readonly metrics: EmbeddedMetrics;
  readonly #config: Config;
  readonly #journal: Journal;
  readonly #autoScaling = new AutoScalingClient(CLIENT);
  readonly #ec2 = new EC2Client(CLIENT);
  readonly #ssm = new SSMClient(CLIENT);
  readonly #sts = new STSClient(CLIENT);
  readonly #eventBridge = new EventBridgeClient(CLIENT);
  readonly #nomad: Transport;
  readonly #heartbeats = new HeartbeatMemory();
  readonly #hooks: HookMemory = new Map();
  readonly #stuck = new Map<string, string>();
  #permissions: Promise<Permissions> | undefined;

  constructor(config: Config, { clock, journal, print, functionName }: Ground) {
    this.#config = config;
    this.#journal = journal;
    this.metrics = new EmbeddedMetrics(functionName, clock, print);
    this.#nomad = transportTo(config.nomad, this.#keys());
  }

  /** The hooks of the groups, as one run knows them. An event's run has no time to ask for what its configuration says. */
  hooks(wake: Wake, clock: RunClock): Hooks {
    const autoScaling = new AutoScaling(this.#autoScaling, clock);
    const asConfigured = wake.kind === 'event';
    return new Hooks({ autoScaling, clock, journal: this.#journal, memory: this.#hooks, asConfigured });
  }

  /** The ports of the story, for one run. */
  forRun({ wake, clock, hooks, until }: RunOptions): { ports: Ports; nodes: Fleet } {
    const { policy, nomad, groups, events } = this.#config;
    const journal = this.#journal;
    const meter = this.metrics;
    const nodes = new Fleet({
      transport: this.#nomad,
      clock,
      meter,
      permissions: () => this.#readPermissions(clock),
      policy,
      nodeMetaKey: nomad.nodeMetaKey,
      wholeFleet: wake.kind === 'sweep' || wake.kind === 'status',
      explainAll: onlyLooks(wake),
    });
    const terminations = terminationsOf(wake, until, {
      autoScaling: new AutoScaling(this.#autoScaling, clock),
      ec2: forRun(this.#ec2, clock),
      clock,
      journal,
      meter,
      groups,
      hooks,
      heartbeats: this.#heartbeats,
    });
    const bus = { client: this.#eventBridge, bus: events?.bus, clock, journal, meter, stuck: this.#stuck };
    return { ports: { terminations, nodes, clock, journal, meter, announcements: new EventBus(bus) }, nodes };
  }

  /** What failed may be mended by the next run: a token renewed, a policy widened. */
  doubtPermissions(): void {
    this.#permissions = undefined;
  }

  /** Lets go of what a frozen function would hold. */
  close(): void {
    this.#nomad.close();
  }

  #keys(): Keys {
    const { nomad, groups } = this.#config;
    const parameters = new Parameters(this.#ssm, parametersOf(nomad));
    return {
      parameter: (name, clock) => parameters.read(name, clock),
      identity: (audience, clock) => webIdentity(this.#sts, audience, clock),
      instances: (by) =>
        gateways({
          ...by,
          ec2: this.#ec2,
          ssm: this.#ssm,
          autoScaling: (clock) => new AutoScaling(this.#autoScaling, clock),
          groups: groups.map(({ name }) => name),
        }),
    };
  }

  #readPermissions(clock: RunClock): Promise<Permissions> {
    const ask = (question: Question) => this.#nomad.ask(question, clock);
    this.#permissions ??= readPermissions(ask, tokenName(this.#config.nomad), clock.now()).catch((error) => {
      this.#permissions = undefined;
      throw error;
    });
    return this.#permissions;
  }
}

function terminationsOf(wake: Wake, until: number, options: TerminationsOptions): Terminations {
  if (wake.kind === 'event') return new OneTermination(options, wake.event, until);
  return wake.kind === 'dryRun' ? new Rehearsal(options, wake.instanceId) : new EveryTermination(options);
}
