import { Duration } from 'aws-cdk-lib';
import { type Alarm, readAlarm } from '../../emulators/aws/cloudwatch/alarm.ts';
import { CloudWatch } from '../../emulators/aws/cloudwatch/cloud-watch.ts';
import { FUNCTION, MINUTE, SWEEP, type World, type WorldOptions } from '../../emulators/world/world.ts';
import type { Policy } from '../../lambda/core/model/policy.ts';
import type { AlarmName } from '../../lib/monitoring/alarms.ts';
import { alarmsOf } from '../lib/monitored.ts';
import { resources, templateOf } from '../lib/stacks.ts';
import { start } from './start.ts';

type Settings = Pick<Policy, 'deadlineSeconds' | 'killMarginSeconds'>;

/** The alarms of a stack with these settings, as CloudFormation would make them for the function of a world. */
function alarmsFor({ deadlineSeconds, killMarginSeconds }: Settings): Record<AlarmName, Alarm> {
  const template = templateOf({
    policy: { deadline: Duration.seconds(deadlineSeconds), killMargin: Duration.seconds(killMarginSeconds) },
    chooseIdleFirst: true,
    admitWhenReady: true,
  });
  // The world has one function for both.
  const functions = Object.keys(resources(template, 'AWS::Lambda::Function'));
  const resolve = (intrinsic: unknown) => {
    const { Ref: ref, 'Fn::GetAtt': attribute } = intrinsic as { Ref?: string; 'Fn::GetAtt'?: [string, string] };
    if (ref && functions.includes(ref)) return FUNCTION;
    // The queues are known by the ids of their constructs.
    if (attribute) return attribute[0].includes('FailedRuns') ? 'failed-runs' : 'undelivered-events';
    throw new Error(`nobody knows ${JSON.stringify(intrinsic)}`);
  };
  const entries = Object.entries(alarmsOf(template)).map(([name, alarm]) => [name, readAlarm(alarm, resolve)]);
  return Object.fromEntries(entries) as Record<AlarmName, Alarm>;
}

/** A world whose function is watched: what it prints goes to CloudWatch, and so does what AWS says of its queues. */
export class MonitoredWorld {
  readonly world: World;
  readonly #cloudWatch = new CloudWatch();
  readonly #alarms: Record<AlarmName, Alarm>;
  #read = 0;
  #failedRuns = 0;
  /** Events that EventBridge could not hand over. */
  undelivered = 0;

  private constructor(world: World, alarms: Record<AlarmName, Alarm>) {
    this.world = world;
    this.#alarms = alarms;
  }

  static async start(settings: Partial<Settings> = {}, options: WorldOptions = {}): Promise<MonitoredWorld> {
    const policy = { deadlineSeconds: 21_600, killMarginSeconds: 300, ...settings };
    return new MonitoredWorld(await start({ policy, ...options }), alarmsFor(policy));
  }

  /** Lifecycle events and a sweep a minute, for so many minutes; a run that fails leaves a message behind. */
  async run(minutes: number, sweeps = true): Promise<void> {
    for (let minute = 0; minute < minutes; minute++) {
      await this.world.advance(MINUTE - (this.world.clock.now() % MINUTE));
      const woken = [...this.world.events.splice(0), ...(sweeps ? [SWEEP] : [])];
      await Promise.all(woken.map((event) => this.#survive(this.world.wake(event))));
      this.#tellQueues();
    }
    for (const line of this.world.printed.slice(this.#read)) this.#cloudWatch.read(line);
    this.#read = this.world.printed.length;
  }

  /** Whether an alarm has rung since the beginning. */
  hasRung(name: AlarmName): boolean {
    return this.#cloudWatch.history(this.#alarms[name], this.world.clock.now()).some(({ state }) => state === 'ALARM');
  }

  /** The alarms that have rung since the beginning. */
  get rung(): AlarmName[] {
    return (Object.keys(this.#alarms) as AlarmName[]).filter((name) => this.hasRung(name));
  }

  rings(name: AlarmName): boolean {
    return this.#cloudWatch.state(this.#alarms[name], this.world.clock.now()) === 'ALARM';
  }

  /** What CloudWatch has taken no number from. */
  get refused() {
    return this.#cloudWatch.refused;
  }

  /** The names of what has been measured. */
  get measured(): string[] {
    return this.#cloudWatch.metrics.filter(({ namespace }) => namespace !== 'AWS/SQS').map(({ name }) => name);
  }

  async #survive(run: Promise<unknown>): Promise<void> {
    await run.catch(() => {
      this.#failedRuns += 1;
    });
  }

  #tellQueues(): void {
    const queues = { 'failed-runs': this.#failedRuns, 'undelivered-events': this.undelivered };
    for (const [QueueName, value] of Object.entries(queues)) {
      this.#cloudWatch.put({
        namespace: 'AWS/SQS',
        name: 'ApproximateNumberOfMessagesVisible',
        dimensions: { QueueName },
        value,
        at: this.world.clock.now(),
      });
    }
  }
}
