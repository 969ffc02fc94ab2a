import type { LifecycleState } from '@aws-sdk/client-auto-scaling';
import type { Fleet, InstanceOptions } from '../ec2/fleet.ts';
import type { EventBus } from '../events/events.ts';
import type { Ids } from '../ids.ts';
import {
  ACCOUNT,
  type Group,
  type GroupOptions,
  type Instance,
  isMember,
  type Member,
  makeHook,
  REGION,
  type Timing,
} from '../model.ts';
import { Activities } from './activities.ts';
import { Arrivals } from './arrivals.ts';
import { Lifecycle } from './lifecycle.ts';
import { LifecycleActions } from './lifecycle-actions.ts';
import { Refreshes } from './refresh/refreshes.ts';
import type { Schedule } from './schedule.ts';
import { checkPolicies, TerminationPolicies } from './termination-policies.ts';

/** The states of an instance that counts toward its group's desired capacity. Retained ones do not. */
const COUNTED = /^(Pending|InService|ReplacingRootVolume|RootVolumeReplaced)/;
/** The states of an instance that is on its way out already. */
const GOING = /^(Warmed:)?Terminat/;

/** The Auto Scaling groups: how many instances each should have, and what becomes of those that it has. */
export class Groups {
  readonly groups = new Map<string, Group>();
  readonly activities: Activities;
  readonly actions: LifecycleActions;
  readonly policies: TerminationPolicies;
  readonly refreshes: Refreshes;
  readonly #lifecycle: Lifecycle;
  readonly #arrivals: Arrivals;
  readonly #schedule: Schedule;
  readonly #ids: Ids;
  readonly #bus: EventBus;
  readonly #fleet: Fleet;

  constructor(schedule: Schedule, bus: EventBus, ids: Ids, fleet: Fleet, timing: Timing) {
    this.#schedule = schedule;
    this.#ids = ids;
    this.#bus = bus;
    this.#fleet = fleet;
    this.activities = new Activities(schedule, ids);
    this.policies = new TerminationPolicies(schedule, timing, this);
    this.refreshes = new Refreshes(schedule, bus, ids, timing, this);
    this.actions = new LifecycleActions(schedule, bus, ids);
    this.#lifecycle = new Lifecycle(schedule, timing, this.activities, this.actions, (passage, result) =>
      this.#arrivals.arrive(passage, result),
    );
    this.#arrivals = new Arrivals({ schedule, bus, fleet, timing, lifecycle: this.#lifecycle, groups: this });
    const check = (instance: Instance) => {
      schedule.after(timing.healthCheckMs, () => isMember(instance) && this.#checkHealth(instance));
    };
    fleet.dying.add(check);
    fleet.stopping.add(check);
  }

  add(options: GroupOptions): Group {
    const { name, hook, hooks = hook ? [hook] : [], moreHooks = [], warmPool } = options;
    const { retainOnAbandon = false, minSize = 0, deregistrationSeconds = 0 } = options;
    const { terminationPolicies = ['Default'], onDemandPercentage = 100, suspendedProcesses = [] } = options;
    const { desiredCapacityType, weight, deletionProtection = 'none', launchTemplateVersion = '1' } = options;
    const { attributeBased = false, refreshAwaitsTermination = true } = options;
    checkPolicies(terminationPolicies);
    const group: Group = {
      name,
      arn: `arn:aws:autoscaling:${REGION}:${ACCOUNT}:autoScalingGroup:${this.#ids.uuid()}:autoScalingGroupName/${name}`,
      hooks: new Map([...hooks, ...moreHooks].map((each) => [each.name, makeHook(each)])),
      ...(warmPool && { warmPool: { reuse: false, state: 'Stopped' as const, ...warmPool } }),
      retainOnAbandon,
      deletionProtection,
      terminationPolicies,
      onDemandPercentage,
      deregistrationSeconds,
      minSize,
      maxSize: 1000,
      desiredCapacity: 0,
      createdAt: this.#schedule.now(),
      suspendedProcesses,
      launchTemplate: { version: launchTemplateVersion, latest: 1, default: 1 },
      attributeBased,
      refreshAwaitsTermination,
      ...(desiredCapacityType && { desiredCapacityType }),
      ...(weight !== undefined && { weight }),
    };
    this.groups.set(name, group);
    return group;
  }

  members(group: Group): Member[] {
    return [...this.#fleet.instances.values()].filter(isMember).filter(({ member }) => member.group === group);
  }

  /** Milliseconds since the epoch. */
  get now(): number {
    return this.#schedule.now();
  }

  instance(id: string): Instance | undefined {
    return this.#fleet.instances.get(id);
  }

  /** An instance that was launched before the story begins: it is InService, and desired. */
  addInService(group: Group, options: InstanceOptions): Member {
    group.desiredCapacity += 1;
    return this.#lifecycle.join(this.#fleet.launch(group, options), group, 'InService');
  }

  /** Launches an instance, which waits for the group's launching hooks on its way. */
  launch(group: Group, into: 'AutoScalingGroup' | 'WarmPool', cause: string, options: InstanceOptions = {}): Member {
    const name = into === 'WarmPool' ? 'launchIntoWarmPool' : 'launch';
    const member = this.#lifecycle.join(
      this.#fleet.launch(group, options),
      group,
      into === 'WarmPool' ? 'Warmed:Pending' : 'Pending',
    );
    this.#lifecycle.begin(name, member, cause);
    return member;
  }

  /** Takes an instance out: back to the warm pool where the group reuses instances on scale-in, else to its end. */
  remove(instance: Member, cause: string, reuse = instance.member.group.warmPool?.reuse ?? false): void {
    const { state } = instance.member;
    // Retained: AWS keeps it "until you call TerminateInstanceInAutoScalingGroup". Its hooks have had their say.
    if (state.endsWith(':Retained')) this.#arrivals.terminateRetained(instance);
    else if (GOING.test(state)) return;
    else if (state.startsWith('Warmed:')) this.#lifecycle.begin('terminateFromWarmPool', instance, cause);
    else this.#lifecycle.begin(reuse ? 'returnToWarmPool' : 'terminate', instance, cause);
  }

  startFromWarmPool(instance: Member, cause: string): void {
    if (instance.ec2State !== 'running') this.#fleet.start(instance);
    this.#lifecycle.begin('startFromWarmPool', instance, cause);
  }

  replaceRootVolume(instance: Member): void {
    this.#lifecycle.begin(
      'replaceRootVolume',
      instance,
      'an instance refresh replaced the root volume of an instance.',
    );
  }

  /** Calls `then` once, when the instance enters this state. */
  once(instance: Member, state: LifecycleState, then: () => void): void {
    const listener = (other: Member) => {
      if (other !== instance || other.member.state !== state) return;
      this.#lifecycle.entered.delete(listener);
      then();
    };
    this.#lifecycle.entered.add(listener);
  }

  /** An instance refresh replaces this instance: it goes first, and is replaced when its hooks let it go. */
  refresh(instance: Member): void {
    const { group } = instance.member;
    const InstanceRefreshId = this.#ids.uuid();
    const tell = (what: 'Started' | 'Succeeded') =>
      this.#bus.send({
        source: 'aws.autoscaling',
        detailType: `EC2 Auto Scaling Instance Refresh ${what}`,
        resource: group.arn,
        detail: { InstanceRefreshId, AutoScalingGroupName: group.name },
      });
    tell('Started');
    this.remove(instance, 'an instance was taken out of service in response to an instance refresh.', false);
    // What replaces it is launched as for any termination that leaves the group one short.
    this.once(instance, 'Terminated', () => {
      const late = this.members(group).find(({ member }) => member.state.startsWith('Pending'));
      if (late) this.once(late, 'InService', () => tell('Succeeded'));
      else tell('Succeeded');
    });
  }

  /** Availability Zone rebalancing launches first, and terminates this instance when the new one is in service. */
  rebalanceZones(instance: Member): void {
    const { group } = instance.member;
    const next = this.launch(
      group,
      'AutoScalingGroup',
      "an instance was launched to aid in balancing the group's zones.",
    );
    const cause = 'an instance was taken out of service to aid in balancing the zones of its group.';
    this.once(next, 'InService', () => {
      // It may have been detached meanwhile.
      if ((instance as Instance).member) this.remove(instance, cause, false);
    });
  }

  /** Takes the instance out of its group, or into standby, while it runs on: no hook is asked. */
  release(instance: Member, to: 'Detached' | 'Standby', cause: string): void {
    const detaches = to === 'Detached';
    const description = detaches ? 'Detaching EC2 instance:' : 'Moving EC2 instance to Standby:';
    this.#lifecycle.move(instance, detaches ? 'Detaching' : 'EnteringStandby', description, cause, () => {
      this.#lifecycle.enter(instance, to);
      if (detaches) delete (instance as Instance).member;
    });
  }

  exitStandby(instance: Member, cause: string): void {
    this.#lifecycle.move(instance, 'Pending', 'Moving EC2 instance out of Standby:', cause, () =>
      this.#lifecycle.enter(instance, 'InService'),
    );
  }

  /** Ends the group and its instances at once. */
  forceDelete(group: Group): void {
    group.desiredCapacity = 0;
    const cause = 'an instance was taken out of service in response to a user request.';
    for (const instance of this.members(group)) {
      if (instance.ec2State !== 'terminated') this.#arrivals.terminateAtOnce(instance, cause);
    }
    this.groups.delete(group.name);
  }

  /** A health check has failed: the instance goes through its hooks, dead or alive, and is never returned to the pool. */
  replaceUnhealthy(instance: Member, cause: string): void {
    instance.member.healthy = false;
    this.remove(instance, cause, false);
    this.reconcile(
      instance.member.group,
      'an instance was launched in response to an unhealthy instance needing to be replaced.',
    );
  }

  /** The instances that count toward the desired capacity, oldest first. */
  counted(group: Group): Member[] {
    return this.members(group).filter(({ member }) => COUNTED.test(member.state));
  }

  /** How many instances the group should have now. */
  target({ desiredCapacity, refreshing }: Group): number {
    return Math.max(0, desiredCapacity + (refreshing?.surplus ?? 0));
  }

  /** Launches or removes instances until the group has as many as it should. */
  reconcile(group: Group, cause: string): void {
    const counted = this.counted(group);
    if (!group.suspendedProcesses.includes('Terminate')) this.policies.reduce(group, cause);
    const warm = this.members(group).filter(({ member }) => /^Warmed:(Stopped|Running|Hibernated)$/.test(member.state));
    if (group.suspendedProcesses.includes('Launch')) return;
    for (let missing = this.target(group) - counted.length; missing > 0; missing--) {
      const instance = warm.shift();
      if (instance) this.startFromWarmPool(instance, cause);
      else this.launch(group, 'AutoScalingGroup', cause);
    }
  }

  #checkHealth(instance: Member): void {
    // The instances of a warm pool and those in standby may be stopped.
    const mayStop = /^(Warmed:|EnteringStandby|Standby)/.test(instance.member.state);
    if (GOING.test(instance.member.state) || instance.ec2State === 'running') return;
    if (mayStop && /^stop/.test(instance.ec2State)) return;
    this.replaceUnhealthy(
      instance,
      'an instance was taken out of service in response to an EC2 health check indicating it has been terminated or stopped.',
    );
  }
}
