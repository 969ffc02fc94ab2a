import type { EventBus } from '../../events/events.ts';
import type { Ids } from '../../ids.ts';
import { type Group, type Member, resolveVersion, type Timing } from '../../model.ts';
import { QueryError } from '../../query-protocol.ts';
import type { Schedule } from '../schedule.ts';
import { InstanceRefresh } from './instance-refresh.ts';
import { canRollBack, type Wanted } from './preferences.ts';
import { boundsOf, percentOf, progressOf, stuckBecause } from './progress.ts';

/**
 * Without progress for an hour it fails, whether it waits for protected or standby instances, or new ones are not healthy.
 * https://docs.aws.amazon.com/autoscaling/ec2/userguide/instance-refresh-overview.html
 */
const PATIENCE_MS = 3_600_000;
/** The same page: "Instance refreshes … can run for a maximum of 14 days". */
const LONGEST_MS = 14 * 86_400_000;
const CAUSE = 'an instance was taken out of service in response to an instance refresh.';
const LAUNCH_CAUSE = 'an instance was launched in response to an instance refresh.';

/** The rest of the groups' world. */
interface World {
  members(group: Group): Member[];
  counted(group: Group): Member[];
  remove(instance: Member, cause: string, reuse?: boolean): void;
  reconcile(group: Group, cause: string): void;
}

/**
 * The instance refreshes of the groups, with the strategy Rolling. Warm pools are left alone.
 * https://docs.aws.amazon.com/autoscaling/ec2/userguide/instance-refresh-overview.html
 */
export class Refreshes {
  readonly #all: InstanceRefresh[] = [];
  readonly #schedule: Schedule;
  readonly #bus: EventBus;
  readonly #ids: Ids;
  readonly #timing: Timing;
  readonly #world: World;

  constructor(schedule: Schedule, bus: EventBus, ids: Ids, timing: Timing, world: World) {
    this.#schedule = schedule;
    this.#bus = bus;
    this.#ids = ids;
    this.#timing = timing;
    this.#world = world;
  }

  /** The newest first. */
  of(group: Group): InstanceRefresh[] {
    return this.#all.filter((refresh) => refresh.group === group).reverse();
  }

  active(group: Group): InstanceRefresh | undefined {
    return this.of(group).find(({ isActive }) => isActive);
  }

  /** @throws QueryError where one is under way already */
  start(group: Group, wanted: Wanted): InstanceRefresh {
    if (this.active(group)) {
      throw new QueryError(
        'InstanceRefreshInProgress',
        'An Instance Refresh is already in progress and blocks the execution of this Instance Refresh.',
      );
    }
    const version = resolveVersion(group.launchTemplate, wanted.desiredVersion ?? group.launchTemplate.version);
    const refresh = new InstanceRefresh(this.#ids.uuid(), group, wanted, version, this.#schedule.now());
    this.#all.push(refresh);
    refresh.choose(this.#world.members(group), wanted.preferences.skipMatching);
    group.refreshing = refresh.refreshing;
    this.#later(refresh);
    return refresh;
  }

  /** "It does not roll back any replacements that have already been completed, but it prevents new replacements from being started." */
  cancel(group: Group, waits: boolean): InstanceRefresh {
    const refresh = this.#requireActive(group);
    if (waits) refresh.status = 'Cancelling';
    else this.#end(refresh, 'Cancelled', 'Cancelled due to user request.');
    return refresh;
  }

  /** https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_RollbackInstanceRefresh.html */
  rollBack(group: Group): InstanceRefresh {
    const refresh = this.#requireActive(group);
    if (!canRollBack(group, refresh.desiredVersion) || !['Pending', 'InProgress', 'Baking'].includes(refresh.status)) {
      throw new QueryError('IrreversibleInstanceRefresh', 'The instance refresh cannot be rolled back.');
    }
    this.#beginRollback(refresh, 'The instance refresh was rolled back due to user request.');
    return refresh;
  }

  #requireActive(group: Group): InstanceRefresh {
    const refresh = this.active(group);
    if (refresh) return refresh;
    throw new QueryError(
      'ActiveInstanceRefreshNotFound',
      'No in progress or pending Instance Refresh found for the group.',
    );
  }

  #later(refresh: InstanceRefresh): void {
    this.#schedule.after(this.#timing.refreshStepMs, () => {
      if (refresh.isActive) this.#step(refresh);
      if (refresh.isActive) this.#later(refresh);
    });
  }

  #step(refresh: InstanceRefresh): void {
    const now = this.#schedule.now();
    if (refresh.status === 'Pending') {
      refresh.status = 'InProgress';
      this.#announce(refresh, 'Started');
    }
    // Suspending it "stops replacing instances, but this doesn't cancel any in-progress instance refresh operations":
    // https://docs.aws.amazon.com/autoscaling/ec2/userguide/understand-how-suspending-processes-affects-other-processes.html
    // Whether the hour goes on meanwhile is not said: here it does.
    if (!refresh.group.suspendedProcesses.includes('InstanceRefresh')) this.#advance(refresh, now);
    const { waitsUntil, bakesSince } = refresh;
    const progress = progressOf(refresh, this.#world.members(refresh.group), now);
    if (progress > refresh.seen) refresh.progressAt = now;
    refresh.seen = Math.max(refresh.seen, progress);
    if (!refresh.isActive || waitsUntil !== undefined || bakesSince !== undefined) return;
    if (now - refresh.progressAt >= PATIENCE_MS) this.#fail(refresh, stuckBecause(refresh));
    else if (now - refresh.startedAt >= LONGEST_MS) this.#fail(refresh, 'The instance refresh has run for 14 days.');
  }

  #advance(refresh: InstanceRefresh, now: number): void {
    const { preferences, status } = refresh;
    if (refresh.waitsUntil !== undefined) {
      if (now < refresh.waitsUntil && status === 'InProgress') return;
      delete refresh.waitsUntil;
      refresh.checkpointsPassed += 1;
      refresh.progressAt = now;
    }
    if (status !== 'Cancelling' && preferences.standbyInstances === 'Terminate') {
      for (const each of refresh.remaining) {
        if (each.member.state === 'Standby') this.#world.remove(each, CAUSE, false);
      }
    }
    this.#terminate(refresh, now);
    this.#launch(refresh);
    if (!this.#isSettled(refresh, now)) return;
    if (status === 'Cancelling') this.#end(refresh, 'Cancelled', 'Cancelled due to user request.');
    else if (this.#allowed(refresh) === 0) this.#reach(refresh, now);
  }

  /** As many old ones go as leave the least that has to be healthy. */
  #terminate(refresh: InstanceRefresh, now: number): void {
    const { group, refreshing } = refresh;
    if (group.suspendedProcesses.includes('Terminate')) return;
    const counted = this.#world.counted(group);
    const { floor, launchesFirst } = boundsOf(refresh);
    const ready = counted.filter((each) => refresh.isReady(each, now)).length;
    // Those of which the function that is the group's termination policy has yet to choose.
    const asked = Math.max(0, counted.length - group.desiredCapacity - refreshing.surplus);
    const replaceable = counted.filter((each) => refresh.mayReplace(each)).length;
    // What is launched already takes the place of something, whether or not more may be replaced.
    const most = refresh.status === 'Cancelling' ? refreshing.surplus : this.#allowed(refresh);
    const paid = launchesFirst ? refreshing.surplus : Number.POSITIVE_INFINITY;
    const goes = Math.max(0, Math.min(ready - floor, replaceable, most, paid) - asked);
    if (goes === 0 && asked === 0) return;
    refreshing.surplus -= goes;
    this.#world.reconcile(group, CAUSE);
  }

  /** As many new ones come as the group may have; the hooks of the batch before are waited for where that is so. */
  #launch(refresh: InstanceRefresh): void {
    const { group, refreshing } = refresh;
    const counted = this.#world.counted(group);
    const target = group.desiredCapacity + refreshing.surplus;
    const isBlocked = group.refreshAwaitsTermination && refresh.going > 0;
    const replaceable = counted.filter((each) => refresh.mayReplace(each)).length;
    const more = refresh.status === 'Cancelling' || isBlocked ? 0 : Math.min(this.#allowed(refresh), replaceable);
    const comes = Math.min(boundsOf(refresh).most - Math.max(counted.length, target), more - refreshing.surplus);
    if (comes <= 0) return;
    refreshing.surplus += comes;
    this.#world.reconcile(group, LAUNCH_CAUSE);
  }

  /** How many old ones may still be replaced before the next checkpoint, or the end. */
  #allowed(refresh: InstanceRefresh): number {
    const { remaining, ignored, size, preferences, checkpointsPassed } = refresh;
    const percent = preferences.checkpoints[checkpointsPassed];
    if (percent === undefined || refresh.status === 'RollbackInProgress') {
      return preferences.checkpoints.length > 0 && refresh.status !== 'RollbackInProgress' ? 0 : remaining.length;
    }
    // "The minimum percentage of instances in the Auto Scaling group that must be new instances before the checkpoint is considered
    // reached": https://docs.aws.amazon.com/autoscaling/ec2/userguide/asg-adding-checkpoints-instance-refresh.html
    const isNew = size - remaining.length - ignored;
    return Math.min(remaining.length, Math.max(0, Math.ceil((size * percent) / 100) - isNew));
  }

  /** Nothing is on its way: what came is warm, and what had to go has begun to, or is gone where that is awaited. */
  #isSettled(refresh: InstanceRefresh, now: number): boolean {
    const { group, refreshing, status } = refresh;
    const counted = this.#world.counted(group);
    const serving = counted.filter(({ member }) => !/Standby/.test(member.state));
    const isWarm = serving.every((each) => refresh.isReady(each, now));
    const awaits = group.refreshAwaitsTermination || status === 'Cancelling';
    return refreshing.surplus === 0 && isWarm && !(awaits && refresh.going > 0);
  }

  /** A checkpoint, or the end. "Amazon EC2 Auto Scaling … does not emit an event for 100 percent." */
  #reach(refresh: InstanceRefresh, now: number): void {
    const { preferences, checkpointsPassed, remaining, status } = refresh;
    const isLast = checkpointsPassed >= preferences.checkpoints.length - 1;
    if (status === 'InProgress' && !isLast && remaining.length > 0) {
      refresh.waitsUntil = now + preferences.checkpointDelay * 1000;
      refresh.statusReason = `Waiting at checkpoint ${preferences.checkpoints[checkpointsPassed]}%.`;
      this.#announce(refresh, 'Checkpoint Reached');
      return;
    }
    if (status === 'RollbackInProgress') {
      this.#end(refresh, 'RollbackSuccessful');
      return;
    }
    refresh.bakesSince ??= now;
    refresh.status = 'Baking';
    if (now - refresh.bakesSince < preferences.bakeTime * 1000) return;
    if (refresh.desiredVersion !== undefined) refresh.group.launchTemplate.version = refresh.desiredVersion;
    this.#end(refresh, 'Successful');
  }

  #fail(refresh: InstanceRefresh, because: string): void {
    if (refresh.status === 'Cancelling') this.#end(refresh, 'Cancelled', because);
    else if (refresh.status === 'RollbackInProgress') this.#end(refresh, 'RollbackFailed', because);
    else if (refresh.preferences.autoRollback) this.#beginRollback(refresh, because);
    else this.#end(refresh, 'Failed', because);
  }

  #beginRollback(refresh: InstanceRefresh, because: string): void {
    const { group, refreshing } = refresh;
    const now = this.#schedule.now();
    const members = this.#world.members(group);
    refresh.percentBefore = percentOf(refresh, members, now);
    refresh.status = 'RollbackInProgress';
    refresh.statusReason = because;
    refresh.progressAt = now;
    delete refresh.waitsUntil;
    delete refresh.bakesSince;
    this.#callOffLaunches(refresh);
    refreshing.version = resolveVersion(group.launchTemplate, group.launchTemplate.version);
    refresh.choose(this.#world.members(group), true);
    refresh.seen = 0;
    this.#announce(refresh, 'Rollback Started');
  }

  #end(refresh: InstanceRefresh, status: InstanceRefresh['status'], because?: string): void {
    const { group } = refresh;
    refresh.status = status;
    refresh.endedAt = this.#schedule.now();
    if (because === undefined) delete refresh.statusReason;
    else refresh.statusReason = because;
    this.#callOffLaunches(refresh);
    delete group.refreshing;
    this.#announce(refresh, EVENTS[status] ?? status);
    this.#world.reconcile(group, CAUSE);
  }

  /** What is launched beyond the desired capacity, and not in service, goes first when nothing is replaced any more: AWS does not say. */
  #callOffLaunches({ group, refreshing }: InstanceRefresh): void {
    const pending = this.#world.counted(group).filter(({ member }) => member.state.startsWith('Pending'));
    const surplus = this.#world.counted(group).length - group.desiredCapacity;
    refreshing.surplus = 0;
    for (const each of pending.reverse().slice(0, Math.max(0, surplus))) this.#world.remove(each, CAUSE, false);
  }

  /** https://docs.aws.amazon.com/autoscaling/ec2/userguide/instance-refresh-eventbridge-events.html */
  #announce({ id, group, preferences, checkpointsPassed }: InstanceRefresh, what: string): void {
    const percentage = preferences.checkpoints[checkpointsPassed];
    this.#bus.send({
      source: 'aws.autoscaling',
      detailType: `EC2 Auto Scaling Instance Refresh ${what}`,
      resource: group.arn,
      detail: {
        InstanceRefreshId: id,
        AutoScalingGroupName: group.name,
        ...(what === 'Checkpoint Reached' && {
          CheckpointPercentage: String(percentage),
          CheckpointDelay: String(preferences.checkpointDelay),
        }),
      },
    });
  }
}

const EVENTS: Partial<Record<InstanceRefresh['status'], string>> = {
  Successful: 'Succeeded',
  RollbackSuccessful: 'Rollback Succeeded',
  RollbackFailed: 'Rollback Failed',
};
