import { AutoScalingClient } from '@aws-sdk/client-auto-scaling';
import { EC2Client } from '@aws-sdk/client-ec2';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { SSMClient } from '@aws-sdk/client-ssm';
import { STSClient } from '@aws-sdk/client-sts';
import { AutoScaling } from './aws/auto-scaling.ts';
import { EmbeddedMetrics } from './aws/embedded-metrics.ts';
import { EventBus } from './aws/event-bus.ts';
import { type GatewaysOptions, gateways } from './aws/gateways.ts';
import { HookTimeouts } from './aws/hook-timeouts.ts';
import { webIdentity } from './aws/identity.ts';
import { readParameter } from './aws/parameters.ts';
import { Rehearsal } from './aws/rehearsal.ts';
import { EveryTermination, HeartbeatMemory, OneTermination } from './aws/terminations.ts';
import type { Clock } from './clock.ts';
import type { Config } from './config.ts';
import { drain } from './drain.ts';
import { RunFailed } from './errors.ts';
import { measureSweep } from './measure.ts';
import { tokenName, transportTo } from './nomad/access.ts';
import { type Permissions, readPermissions } from './nomad/acl.ts';
import { Fleet } from './nomad/fleet.ts';
import type { Transport } from './nomad/transport.ts';
import { type Journal, type Terminations, UNKNOWN } from './ports.ts';
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
/** Who only listens is not waited for so long. */
const BUS_CLIENT = {
  maxAttempts: 2,
  requestHandler: { connectionTimeout: 1_000, requestTimeout: 2_000, throwOnRequestTimeout: true },
};

/** What a warm function stands on. */
export interface Ground {
  clock: Clock;
  journal: Journal;
  /** Takes the lines of metrics. */
  print: (line: string) => void;
  functionName: string;
}

/** The composition root: what one warm function holds. */
export class App {
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
  readonly #metrics: EmbeddedMetrics;
  readonly #bus: EventBus;
  #permissions: Promise<Permissions> | undefined;
  /** Runs under way: one in Lambda, several where a demo or a test wakes one function twice. */
  #runs = 0;

  constructor(config: Config, { clock, journal, print, functionName }: Ground) {
    this.#config = config;
    this.#clock = clock;
    this.#journal = journal;
    this.#metrics = new EmbeddedMetrics(functionName, clock, print);
    this.#bus = new EventBus(new EventBridgeClient(BUS_CLIENT), config.events?.bus, journal, this.#metrics);
    this.#autoScaling = new AutoScaling(new AutoScalingClient(AWS_CLIENT), clock);
    this.#hooks = new HookTimeouts(this.#autoScaling, clock, journal);
    const groups = config.groups.map(({ name }) => name);
    const keys = {
      parameter: (name: string) => readParameter(this.#ssm, name),
      identity: (audience: string) => webIdentity(this.#sts, audience),
      instances: (by: Pick<GatewaysOptions, 'document' | 'gateway'>) =>
        gateways({ ...by, ec2: this.#ec2, ssm: this.#ssm, autoScaling: this.#autoScaling, clock, groups }),
    };
    this.#transport = transportTo(config.nomad, keys, clock);
  }

  /**
   * @param remainingMs what is left of the function's timeout, in milliseconds
   * @throws EventError where the event cannot be understood
   * @throws RunFailed where an instance could not be served, after all others have been
   */
  async run(event: unknown, remainingMs = Number.POSITIVE_INFINITY): Promise<Report> {
    this.#runs += 1;
    try {
      return await this.#run(event, remainingMs);
    } finally {
      this.#runs -= 1;
      this.#metrics.flush();
      if (this.#runs === 0) this.#transport.close();
    }
  }

  async #run(event: unknown, remainingMs: number): Promise<Report> {
    const wake = readWake(event);
    const subject = subjectOf(wake);
    const about = {
      run: onlyLooks(wake) && wake.kind !== 'status' ? 'dryRun' : wake.kind,
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
    const latest = now + Math.max(0, remainingMs - RESERVE_MS);

    const { report, failures } = await this.#drain(wake, Math.min(now + budget, latest), latest);
    // The end of the run is the last record.
    this.#metrics.flush();
    const [first] = report.instances;
    this.#journal.info('run ended', {
      ...about,
      nodeId: (subject && first?.nodeId) ?? UNKNOWN,
      instances: report.instances.map(({ remaining: left, ...instance }) => ({ ...instance, remaining: left.length })),
    });
    // What failed may be mended by the next run: a token renewed, a policy widened.
    if (failures.length > 0 || report.warnings.length > 0) this.#permissions = undefined;
    if (failures.length === 0 || onlyLooks(wake)) return report;
    throw new RunFailed(failures.join('; '), report);
  }

  /**
   * @param until when to stop looking, milliseconds since the epoch
   * @param latest when to stop asking even in the middle of a look
   */
  async #drain(wake: Wake, until: number, latest: number): Promise<{ report: Report; failures: string[] }> {
    const { policy, nomad } = this.#config;
    const lookOnly = onlyLooks(wake);
    const nodes = new Fleet({
      transport: this.#transport,
      clock: this.#clock,
      meter: this.#metrics,
      permissions: () => this.#readPermissions(),
      policy,
      nodeMetaKey: nomad.nodeMetaKey,
      until: latest,
      wholeFleet: wake.kind === 'sweep' || wake.kind === 'status',
      explainAll: lookOnly,
    });
    const ports = {
      terminations: this.#terminations(wake, until),
      nodes,
      clock: this.#clock,
      journal: this.#journal,
      meter: this.#metrics,
      announcements: this.#bus,
    };
    const result = await drain(ports, { policy, until, lookOnly });
    const { instances, unserved } = result;
    if (!lookOnly) this.#measure(wake, result, nodes.permissions);

    // A hook that is too short is refused, but only after its instances have been served as well as it allows: a setting
    // that is wrong must not cost a build.
    const tooShort = this.#hooks.tooShort(policy);
    const warnings = [...tooShort, ...narrowToken(nodes.permissions)];
    for (const warning of warnings) this.#journal.error('warning', { because: warning });
    const count = `${unserved.length} of ${instances.length} instances not served`;
    const failures = [...(unserved.length > 0 ? [`${count}: ${unserved.join('; ')}`] : []), ...tooShort];
    const nobody = wake.kind === 'dryRun' && instances.length === 0;
    const because = `Auto Scaling has no instance ${nobody ? wake.instanceId : ''} in the groups served here`;
    return { report: { run: wake.kind, instances, warnings, ...(nobody && { because }) }, failures };
  }

  #terminations(wake: Wake, until: number): Terminations {
    const options = {
      autoScaling: this.#autoScaling,
      ec2: this.#ec2,
      clock: this.#clock,
      journal: this.#journal,
      meter: this.#metrics,
      groups: this.#config.groups,
      hooks: this.#hooks,
      heartbeats: this.#heartbeats,
    };
    if (wake.kind === 'event') return new OneTermination(options, wake.event, until);
    return wake.kind === 'dryRun' ? new Rehearsal(options, wake.instanceId) : new EveryTermination(options);
  }

  #measure(wake: Wake, result: Parameters<typeof measureSweep>[0], permissions: Permissions | undefined): void {
    if (permissions) this.#metrics.add('TokenTooNarrow', permissions.missing.length > 0 ? 1 : 0);
    if (wake.kind === 'sweep') measureSweep(result, this.#metrics, this.#clock.now());
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

/** Whom the run is about, where it is about one instance. */
function subjectOf(wake: Wake): { instanceId: string; group?: string } | undefined {
  if (wake.kind === 'event') return wake.event;
  return wake.kind === 'dryRun' ? wake : undefined;
}

/** Whether the run only says what it would do. */
const onlyLooks = (wake: Wake): boolean =>
  wake.kind === 'status' || wake.kind === 'dryRun' || ('dryRun' in wake && wake.dryRun);
