import { Logger } from '@aws-lambda-powertools/logger';
import { AutoScalingClient } from '@aws-sdk/client-auto-scaling';
import { EC2Client } from '@aws-sdk/client-ec2';
import { SSMClient } from '@aws-sdk/client-ssm';
import { STSClient } from '@aws-sdk/client-sts';
import { AutoScaling } from './aws/auto-scaling.ts';
import { HookTimeouts } from './aws/hook-timeouts.ts';
import { webIdentity } from './aws/identity.ts';
import { runningWithTag } from './aws/instances.ts';
import { readParameter } from './aws/parameters.ts';
import { runCommand } from './aws/run-command.ts';
import { EveryTermination, HeartbeatMemory, OneTermination } from './aws/terminations.ts';
import { type Clock, systemClock } from './clock.ts';
import { CONFIG_VARIABLE, type Config, parseConfig } from './config.ts';
import { drain } from './drain.ts';
import { RunFailed } from './errors.ts';
import { tokenName, transportTo } from './nomad/access.ts';
import { type Permissions, readPermissions } from './nomad/acl.ts';
import { Fleet } from './nomad/fleet.ts';
import type { Transport } from './nomad/transport.ts';
import { type Journal, UNKNOWN } from './ports.ts';
import type { Report } from './report.ts';
import { type LifecycleEvent, readWake, type Wake } from './termination.ts';
import { lapsesBeforeSweep } from './time.ts';

/** An event's run starts the drain of one instance and goes; the sweep stays for most of its minute. Milliseconds. */
const EVENT_BUDGET_MS = 5_000;
const SWEEP_BUDGET_MS = 50_000;
/** Kept free before the function's own timeout, for what a last look begins. */
const RESERVE_MS = 8_000;

/** The SDK waits for a connection for ever; in a subnet without a way to an API that would be the end of the run. */
const AWS_CLIENT = { requestHandler: { connectionTimeout: 2_000, requestTimeout: 6_000, throwOnRequestTimeout: true } };

/** What Lambda passes beside the event, as far as we use it. */
export interface Context {
  getRemainingTimeInMillis?: () => number;
}

export type Handler = (event: unknown, context?: Context) => Promise<Report>;

/** What a handler stands on. Whatever is left out is the real thing. */
export interface Surroundings {
  clock?: Clock;
  environment?: Record<string, string | undefined>;
  journal?: Journal;
}

/**
 * Makes a handler. It reads its configuration at its first call and keeps connections and what does not change for all
 * later ones, as a warm Lambda does.
 */
export function makeHandler(surroundings: Surroundings = {}): Handler {
  const { clock = systemClock, environment = process.env } = surroundings;
  const journal: Journal = surroundings.journal ?? new Logger({ serviceName: 'nomad-drain-hook' });
  let app: App | undefined;
  return async (event, context) => {
    app ??= new App(parseConfig(environment[CONFIG_VARIABLE]), clock, journal);
    return app.run(event, context);
  };
}

/** The function's entry point. */
export const handler: Handler = makeHandler();

/** The composition root: what one warm function holds. */
class App {
  readonly #config: Config;
  readonly #clock: Clock;
  readonly #journal: Journal;
  readonly #ec2 = new EC2Client(AWS_CLIENT);
  readonly #ssm = new SSMClient(AWS_CLIENT);
  readonly #sts = new STSClient(AWS_CLIENT);
  readonly #autoScaling: AutoScaling;
  readonly #transport: Transport;
  readonly #heartbeats = new HeartbeatMemory();
  readonly #hooks: HookTimeouts;
  #permissions: Promise<Permissions> | undefined;
  /** Runs under way: one in Lambda, several where a demo or a test wakes one function twice. */
  #runs = 0;

  constructor(config: Config, clock: Clock, journal: Journal) {
    this.#config = config;
    this.#clock = clock;
    this.#journal = journal;
    this.#autoScaling = new AutoScaling(new AutoScalingClient(AWS_CLIENT), clock);
    this.#hooks = new HookTimeouts(this.#autoScaling, clock, journal);
    const keys = {
      parameter: (name: string) => readParameter(this.#ssm, name),
      identity: (audience: string) => webIdentity(this.#sts, audience),
      instances: (by: { document: string; gateway?: { tag: string; value: string } | undefined }) =>
        this.#instances(by),
    };
    this.#transport = transportTo(config.nomad, keys, clock);
  }

  async run(event: unknown, context: Context | undefined): Promise<Report> {
    this.#runs += 1;
    try {
      return await this.#run(event, context);
    } finally {
      this.#runs -= 1;
      if (this.#runs === 0) this.#transport.close();
    }
  }

  async #run(event: unknown, context: Context | undefined): Promise<Report> {
    const wake = readWake(event);
    const subject = wake.kind === 'event' ? wake.event : undefined;
    const about = {
      run: wake.kind,
      instanceId: subject?.instanceId ?? UNKNOWN,
      nodeId: UNKNOWN,
      group: subject?.group ?? UNKNOWN,
    };
    this.#journal.info('run started', about);

    const stranger = this.#whyNotOurs(wake);
    if (stranger !== undefined) {
      this.#journal.info('nothing to do', { ...about, because: stranger });
      return { run: 'nothing', instances: [], warnings: [], because: stranger };
    }
    const budget = wake.kind === 'event' && !(await this.#hasShortHook(wake.event)) ? EVENT_BUDGET_MS : SWEEP_BUDGET_MS;
    const now = this.#clock.now();
    const latest = now + Math.max(0, (context?.getRemainingTimeInMillis?.() ?? Number.POSITIVE_INFINITY) - RESERVE_MS);

    const { report, failures } = await this.#drain(wake, Math.min(now + budget, latest), latest);
    const [first] = report.instances;
    this.#journal.info('run ended', {
      ...about,
      nodeId: (subject && first?.nodeId) ?? UNKNOWN,
      instances: report.instances.map(({ remaining: left, ...instance }) => ({ ...instance, remaining: left.length })),
    });
    // What failed may be mended by the next run: a token renewed, a policy widened.
    if (failures.length > 0 || report.warnings.length > 0) this.#permissions = undefined;
    if (failures.length === 0 || wake.kind === 'status') return report;
    throw new RunFailed(failures.join('; '), report);
  }

  /**
   * @param until when to stop looking, milliseconds since the epoch
   * @param latest when to stop asking even in the middle of a look
   */
  async #drain(wake: Wake, until: number, latest: number): Promise<{ report: Report; failures: string[] }> {
    const { policy, groups, nomad } = this.#config;
    const options = {
      autoScaling: this.#autoScaling,
      ec2: this.#ec2,
      clock: this.#clock,
      journal: this.#journal,
      groups,
      hooks: this.#hooks,
      heartbeats: this.#heartbeats,
    };
    const nodes = new Fleet({
      transport: this.#transport,
      clock: this.#clock,
      permissions: () => this.#readPermissions(),
      policy,
      nodeMetaKey: nomad.nodeMetaKey,
      until: latest,
      wholeFleet: wake.kind !== 'event',
    });
    const terminations =
      wake.kind === 'event' ? new OneTermination(options, wake.event, until) : new EveryTermination(options);
    const ports = { terminations, nodes, clock: this.#clock, journal: this.#journal };
    const { instances, unserved } = await drain(ports, { policy, until, lookOnly: wake.kind === 'status' });

    // A hook that is too short is refused, but only after its instances have been served as well as it allows: a setting
    // that is wrong must not cost a build.
    const tooShort = this.#hooks.tooShort(policy);
    const warnings = [...tooShort, ...narrowToken(nodes.permissions)];
    for (const warning of warnings) this.#journal.error('warning', { because: warning });
    const count = `${unserved.length} of ${instances.length} instances not served`;
    const failures = [...(unserved.length > 0 ? [`${count}: ${unserved.join('; ')}`] : []), ...tooShort];
    return { report: { run: wake.kind, instances, warnings }, failures };
  }

  /** An event of another group or another hook, or none at all, is none of ours: say so and leave it. */
  #whyNotOurs(wake: Wake): string | undefined {
    if (wake.kind === 'nothing') return wake.because;
    if (wake.kind !== 'event') return undefined;
    const { group, hook } = wake.event;
    const ours = this.#config.groups.some((each) => each.name === group && each.hook === hook);
    return ours ? undefined : `group ${group} with hook ${hook} is not configured`;
  }

  async #hasShortHook({ group }: LifecycleEvent): Promise<boolean> {
    const config = this.#config.groups.find(({ name }) => name === group);
    return config !== undefined && lapsesBeforeSweep(await this.#hooks.of(config));
  }

  /** The instances that can ask Nomad for us: the gateways, or those in service in our groups. */
  #instances({ document, gateway }: { document: string; gateway?: { tag: string; value: string } | undefined }) {
    const groups = this.#config.groups.map(({ name }) => name);
    return {
      list: async () => {
        if (gateway) return runningWithTag(this.#ec2, gateway);
        const members = await this.#autoScaling.members(groups);
        return members.filter(({ state }) => state === 'InService').map(({ instanceId }) => instanceId);
      },
      run: (instanceId: string, parameters: Record<string, string>, limitMs: number) =>
        runCommand(this.#ssm, this.#clock, { document, instanceId, parameters, limitMs }),
    };
  }

  #readPermissions(): Promise<Permissions> {
    this.#permissions ??= readPermissions(this.#transport, tokenName(this.#config.nomad), this.#clock.now()).catch(
      (error) => {
        this.#permissions = undefined;
        throw error;
      },
    );
    return this.#permissions;
  }
}

const narrowToken = (permissions: Permissions | undefined): string[] =>
  permissions && permissions.missing.length > 0
    ? [`the Nomad token is too narrow; it lacks: ${permissions.missing.join('; ')}`]
    : [];
