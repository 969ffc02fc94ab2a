import type { Fleet } from '../ec2/fleet.ts';
import type { Maintenance, Notices, SpotAction } from '../ec2/notices.ts';
import { type Group, type Instance, isMember, type Member } from '../model.ts';
import type { Groups } from './groups.ts';
import type { AskedPolicy, TerminationFunction } from './termination-policies.ts';

export interface ScaleInOptions {
  deregistrationSeconds?: number;
}

/** The ways in which an instance leaves its group, or EC2: whatever a test may wish. */
export class WaysOut {
  readonly #groups: Groups;
  readonly #fleet: Fleet;
  readonly #notices: Notices;

  constructor(groups: Groups, fleet: Fleet, notices: Notices) {
    this.#groups = groups;
    this.#fleet = fleet;
    this.#notices = notices;
  }

  /** The function that is a termination policy: it is asked with what Lambda would hand it, and answers as it would. */
  onTerminationPolicy(arn: string, ask: TerminationFunction): void {
    this.#groups.policies.functions.set(arn, ask);
  }

  /** What functions of termination policies were asked, in order, with their answers. */
  get asked(): readonly AskedPolicy[] {
    return this.#groups.policies.asked;
  }

  /** Lowers the group's desired capacity by this number: its termination policies choose the instances. */
  shrink(group: string, by: number): void {
    const from = this.group(group);
    const before = from.desiredCapacity;
    from.desiredCapacity = Math.max(0, before - by);
    const cause = `a monitor alarm in state ALARM triggered policy scale-in changing the desired capacity from ${before} to ${from.desiredCapacity}.`;
    this.#groups.reconcile(from, cause);
  }

  /**
   * Scales in by these instances, or by this number of the oldest: to the warm pool where that reuses them. A load balancer takes
   * `deregistrationSeconds` to let them go first, if not as long as the group says.
   */
  scaleIn(group: string, which: readonly string[] | number, { deregistrationSeconds }: ScaleInOptions = {}): string[] {
    const from = this.group(group);
    const inService = this.#groups.members(from).filter(({ member }) => member.state === 'InService');
    const chosen = typeof which === 'number' ? inService.slice(0, which) : which.map((id) => this.member(id));
    const before = from.desiredCapacity;
    from.desiredCapacity = Math.max(0, before - chosen.length);
    const cause = `a monitor alarm in state ALARM triggered policy scale-in changing the desired capacity from ${before} to ${from.desiredCapacity}.`;
    for (const instance of chosen) {
      if (deregistrationSeconds !== undefined) instance.member.deregistrationSeconds = deregistrationSeconds;
      this.#groups.remove(instance, cause);
    }
    return chosen.map(({ id }) => id);
  }

  /** EC2 terminates the instance, no hook asked: a Spot interruption, or TerminateInstances by hand. */
  terminate(id: string): void {
    this.#fleet.shutDown(this.known(id));
  }

  /** Terminates an instance of the warm pool: the pool shrinks. */
  terminateFromWarmPool(id: string): void {
    this.#groups.remove(this.member(id), 'an instance was removed from the warm pool.');
  }

  /** An instance refresh with the strategy ReplaceRootVolume reaches this instance. */
  replaceRootVolume(id: string): void {
    this.#groups.replaceRootVolume(this.member(id));
  }

  /** The instance leaves its group, whose desired capacity shrinks, and runs on. */
  detach(id: string): void {
    this.#release(id, 'Detached', 'detached');
  }

  standby(id: string): void {
    this.#release(id, 'Standby', 'put into standby');
  }

  exitStandby(id: string): void {
    const instance = this.member(id);
    instance.member.group.desiredCapacity += 1;
    this.#groups.exitStandby(instance, 'instance was moved out of standby in response to a user request.');
  }

  /** DeleteAutoScalingGroup with ForceDelete: no hook is asked. */
  forceDeleteGroup(name: string): void {
    this.#groups.forceDelete(this.group(name));
  }

  /** An instance refresh that reaches this instance, and ends with it. */
  refresh(id: string): void {
    this.#groups.refresh(this.member(id));
  }

  rebalanceZones(id: string): void {
    this.#groups.rebalanceZones(this.member(id));
  }

  /** The instance is older than the group's maximum lifetime; it is replaced when its hooks let it go. */
  exceedLifetime(id: string): void {
    this.#groups.remove(
      this.member(id),
      'an instance was taken out of service in response to a maximum instance lifetime.',
      false,
    );
  }

  /** SetInstanceHealth says that the instance is unhealthy, or a load balancer does: it runs on until its hooks let it go. */
  failHealthCheck(id: string): void {
    this.#groups.replaceUnhealthy(
      this.member(id),
      'an instance was taken out of service in response to a user health-check.',
    );
  }

  #release(id: string, to: 'Detached' | 'Standby', what: string): void {
    const instance = this.member(id);
    instance.member.group.desiredCapacity -= 1;
    this.#groups.release(instance, to, `instance was ${what} in response to a user request.`);
  }

  /** Warns that a Spot instance is interrupted; EC2 ends it two minutes later, or later than that, one that hibernates at once. */
  interruptSpot(id: string, action: SpotAction = 'terminate', afterMs?: number): void {
    this.#notices.interruptSpot(this.known(id), action, afterMs);
  }

  /** Says that a Spot instance is at a raised risk of interruption. */
  recommendRebalance(id: string): void {
    this.#notices.recommendRebalance(this.known(id));
  }

  /** AWS Health announces scheduled maintenance, and EC2 lists it for each of these instances. */
  scheduleMaintenance(ids: readonly string[], maintenance: Maintenance): void {
    this.#notices.scheduleMaintenance(
      ids.map((id) => this.known(id)),
      maintenance,
    );
  }

  endMaintenance(ids: readonly string[], how: 'Completed' | 'Canceled'): void {
    this.#notices.endMaintenance(
      ids.map((id) => this.known(id)),
      how,
    );
  }

  /** The launch template of the group has a new version; the group uses it if it uses the latest, or is told to. */
  newTemplateVersion(name: string, { use = true }: { use?: boolean } = {}): number {
    const { launchTemplate } = this.group(name);
    launchTemplate.latest += 1;
    if (use && !launchTemplate.version.startsWith('$')) launchTemplate.version = String(launchTemplate.latest);
    return launchTemplate.latest;
  }

  /** The version of the launch template that an instance was launched with. */
  templateVersion(id: string): number {
    return this.member(id).member.version;
  }

  /** Protects an instance from scale-in, or ends that. */
  protect(id: string, isProtected = true): void {
    this.member(id).protectedFromScaleIn = isProtected;
  }

  protected group(name: string): Group {
    const group = this.#groups.groups.get(name);
    if (!group) throw new Error(`no group ${name}`);
    return group;
  }

  protected known(id: string): Instance {
    const instance = this.#groups.instance(id);
    if (!instance) throw new Error(`no instance ${id}`);
    return instance;
  }

  protected member(id: string): Member {
    const instance = this.known(id);
    if (!isMember(instance)) throw new Error(`instance ${id} is in no group`);
    return instance;
  }
}
