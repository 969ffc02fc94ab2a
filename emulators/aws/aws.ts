import type { Timeline } from '../clock.ts';
import { Issuer } from '../jwt.ts';
import { Loopback } from '../server.ts';
import { autoScalingActions } from './auto-scaling/auto-scaling.ts';
import { Groups } from './auto-scaling/groups.ts';
import type { LifecycleAction } from './auto-scaling/lifecycle-actions.ts';
import { Schedule } from './auto-scaling/schedule.ts';
import type { InstanceView, LaunchOptions } from './auto-scaling/views.ts';
import { WaysOut } from './auto-scaling/ways-out.ts';
import { ec2Actions } from './ec2/ec2.ts';
import { Fleet, type InstanceOptions } from './ec2/fleet.ts';
import { Notices } from './ec2/notices.ts';
import { eventBridgeActions } from './events/event-bridge.ts';
import { type EventBridgeEvent, EventBus, type EventPattern, withTime } from './events/events.ts';
import { Ids } from './ids.ts';
import {
  type Completion,
  DEFAULT_TIMING,
  type GroupOptions,
  type Heartbeat,
  type HookOptions,
  makeHook,
  type Timing,
} from './model.ts';
import { type RecordedRequest, serveAutoScaling, serveEc2, serveJson, serveSts } from './services.ts';
import { RunCommand } from './ssm/run-command.ts';
import { ParameterStore, type ParameterType, ssmActions } from './ssm/ssm.ts';
import { type Federation, stsActions } from './ssm/sts.ts';

/** Every emulated account is the same account, and making its keys takes a tenth of a second. */
const ISSUER = new Issuer();

interface AwsOptions {
  clock: Timeline;
  timing?: Partial<Timing>;
}

/** One AWS account in one region: Auto Scaling, EC2, SSM and EventBridge over the same instances. */
export class AwsEmulator extends WaysOut {
  readonly servers: Record<'autoScaling' | 'ec2' | 'ssm' | 'sts' | 'eventBridge', Loopback>;
  /** SSM Run Command. */
  readonly commands: RunCommand;
  /** The account's outbound identity federation. */
  readonly federation: Federation;
  /** What was asked, in the order of arrival. */
  readonly requests: RecordedRequest[];
  readonly #schedule: Schedule;
  readonly #bus: EventBus;
  readonly #fleet: Fleet;
  readonly #groups: Groups;
  readonly #parameters: ParameterStore;

  private constructor(
    schedule: Schedule,
    bus: EventBus,
    fleet: Fleet,
    groups: Groups,
    parameters: ParameterStore,
    servers: AwsEmulator['servers'],
    requests: RecordedRequest[],
    federation: Federation,
    commands: RunCommand,
    notices: Notices,
  ) {
    super(groups, fleet, notices);
    this.commands = commands;
    this.federation = federation;
    this.#schedule = schedule;
    this.#bus = bus;
    this.#fleet = fleet;
    this.#groups = groups;
    this.#parameters = parameters;
    this.servers = servers;
    this.requests = requests;
  }

  static async start({ clock, timing }: AwsOptions): Promise<AwsEmulator> {
    const schedule = new Schedule(clock);
    const ids = new Ids();
    const times = { ...DEFAULT_TIMING, ...timing };
    const bus = new EventBus(schedule, ids);
    const fleet = new Fleet(schedule, bus, ids, times);
    const groups = new Groups(schedule, bus, ids, fleet, times);
    const notices = new Notices(schedule, bus, ids, fleet);
    const parameters = new ParameterStore();
    const commands = new RunCommand(schedule, fleet, ids);
    const federation: Federation = { issuer: ISSUER, enabled: true };
    const requests: RecordedRequest[] = [];
    const note = (service: RecordedRequest['service'], action: string, params: Record<string, unknown>) => {
      requests.push({ service, action, params, at: schedule.now() });
    };
    const servers = {
      autoScaling: await Loopback.listen(serveAutoScaling(autoScalingActions(groups), note)),
      ec2: await Loopback.listen(serveEc2(ec2Actions(fleet), note)),
      ssm: await Loopback.listen(serveJson('ssm', { ...ssmActions(parameters, schedule), ...commands.actions }, note)),
      sts: await Loopback.listen(serveSts(stsActions(schedule, federation), note)),
      eventBridge: await Loopback.listen(serveJson('events', eventBridgeActions(bus, ids), note)),
    };
    return new AwsEmulator(schedule, bus, fleet, groups, parameters, servers, requests, federation, commands, notices);
  }

  /** For `AWS_ENDPOINT_URL_…` of each service. */
  get autoScalingUrl(): string {
    return this.servers.autoScaling.url;
  }

  get ec2Url(): string {
    return this.servers.ec2.url;
  }

  get ssmUrl(): string {
    return this.servers.ssm.url;
  }

  get stsUrl(): string {
    return this.servers.sts.url;
  }

  get eventBridgeUrl(): string {
    return this.servers.eventBridge.url;
  }

  /** The rules of the event bus, by their names. */
  get rules(): EventBus['rules'] {
    return this.#bus.rules;
  }

  /** How every wait at a hook ended, in order. */
  get completions(): readonly Completion[] {
    return this.#groups.actions.completions;
  }

  /** The heartbeats that were accepted, in order. */
  get heartbeats(): readonly Heartbeat[] {
    return this.#groups.actions.heartbeats;
  }

  /** Who waits for which hook now. */
  get waiting(): readonly LifecycleAction[] {
    return this.#groups.actions.underWay();
  }

  /** Every event that was sent, those that were lost included. */
  get events(): readonly EventBridgeEvent[] {
    return this.#bus.sent;
  }

  /** Sends an event again: it has the same id, and another time (milliseconds since the epoch) where one is given. */
  resend(event: EventBridgeEvent, { time }: { time?: number } = {}): void {
    this.#bus.resend(time === undefined ? event : withTime(event, time));
  }

  /** When each copy of an event arrives: `[]` loses it, `[0, 500]` brings it twice. At once unless this is set. */
  set deliver(deliver: EventBus['deliver']) {
    this.#bus.deliver = deliver;
  }

  /** Of its clock, in milliseconds since the epoch. */
  get now(): number {
    return this.#schedule.now();
  }

  desiredCapacity(group: string): number {
    return this.group(group).desiredCapacity;
  }

  /** The group wants more instances than EC2 has capacity for, such as Spot: none is launched. */
  lackCapacity(group: string, desiredCapacity: number): void {
    this.group(group).desiredCapacity = desiredCapacity;
  }

  addGroup(options: GroupOptions): void {
    this.#groups.add(options);
  }

  /** Adds a hook to a group, or changes it: it holds for the waits that begin from now on. */
  addHook(group: string, hook: HookOptions): void {
    this.group(group).hooks.set(hook.name, makeHook(hook));
  }

  /** Adds an instance that is InService already; the group's desired capacity grows by one. */
  addInstance(group: string, options: InstanceOptions = {}): string {
    return this.#groups.addInService(this.group(group), options).id;
  }

  /** Adds an instance that runs outside any group: a server, or a builder that is not ours. */
  addForeignInstance(options: InstanceOptions = {}): string {
    return this.#fleet.launch(undefined, options).id;
  }

  /** Launches an instance into the group, or its warm pool: it waits for the launching hooks that there are. */
  launch(group: string, { into = 'AutoScalingGroup', ...options }: LaunchOptions = {}): string {
    const into_ = this.group(group);
    if (into === 'AutoScalingGroup') into_.desiredCapacity += 1;
    return this.#groups.launch(into_, into, 'an instance was launched at the wish of a test.', options).id;
  }

  /** Puts an instance of the warm pool back into service, as a scale-out does. */
  startFromWarmPool(id: string): void {
    const instance = this.member(id);
    instance.member.group.desiredCapacity += 1;
    this.#groups.startFromWarmPool(instance, 'an instance was started from the warm pool.');
  }

  instance(id: string): InstanceView {
    const { privateIp, privateDns, ec2State, member } = this.known(id);
    return { id, privateIp, privateDns, ec2State, group: member?.group.name, state: member?.state };
  }

  /** The instances of a group and its warm pool, oldest first. */
  /** The instance that has this private address. */
  instanceAt(address: string): InstanceView | undefined {
    const alive = [...this.#fleet.instances.values()].filter(({ ec2State }) => ec2State !== 'terminated');
    const found = alive.findLast(({ privateIp }) => privateIp === address);
    return found && this.instance(found.id);
  }

  instances(group: string): InstanceView[] {
    return this.#groups.members(this.group(group)).map(({ id }) => this.instance(id));
  }

  putParameter(name: string, value: string, type: ParameterType = 'String'): void {
    this.#parameters.put(name, value, type, this.#schedule.now());
  }

  removeParameter(name: string): void {
    this.#parameters.remove(name);
  }

  /** Subscribes to the event bus, as a rule with this pattern does. Returns a function that unsubscribes. */
  onEvent(listener: (event: EventBridgeEvent) => void, pattern?: EventPattern): () => void {
    return this.#bus.subscribe(listener, pattern);
  }

  /** Called when EC2 begins to shut an instance down, or to stop it for the warm pool: what runs on it dies. */
  onInstanceGone(listener: (instance: InstanceView) => void): () => void {
    return this.#tell(this.#fleet.gone, listener);
  }

  /** Called when an instance runs: launched, or started again out of the warm pool. */
  onInstanceRunning(listener: (instance: InstanceView) => void): () => void {
    return this.#tell(this.#fleet.running, listener);
  }

  /**
   * Called when the root volume of an instance is replaced. EC2 reboots it, and goes on saying that it runs: what ran on it is
   * dead, and a Nomad client whose data was on that volume comes back as another node.
   * https://aws.amazon.com/blogs/compute/quick-restoration-through-replacing-the-root-volumes-of-amazon-ec2/
   */
  onRootVolumeReplaced(listener: (instance: InstanceView) => void): () => void {
    return this.#tell(this.#fleet.rebooted, listener);
  }

  #tell(listeners: Fleet['gone'], listener: (instance: InstanceView) => void): () => void {
    const tell = ({ id }: { id: string }) => listener(this.instance(id));
    listeners.add(tell);
    return () => listeners.delete(tell);
  }

  async close(): Promise<void> {
    this.#schedule.close();
    this.commands.close();
    await Promise.all(Object.values(this.servers).map((server) => server.close()));
  }
}
