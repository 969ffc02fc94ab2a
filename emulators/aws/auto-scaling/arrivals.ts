import type { Fleet } from '../ec2/fleet.ts';
import { arnOf } from '../ec2/notices.ts';
import type { EventBus } from '../events/events.ts';
import type { Group, Instance, LifecycleActionResult, Member, Timing } from '../model.ts';
import { ACTIVITY_DETAILS } from './activities.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { Passage } from './passage.ts';
import type { Schedule } from './schedule.ts';

interface World {
  schedule: Schedule;
  bus: EventBus;
  fleet: Fleet;
  timing: Timing;
  lifecycle: Lifecycle;
  groups: {
    remove(instance: Member, cause: string, reuse: boolean): void;
    reconcile(group: Group, cause: string): void;
  };
}

/** What becomes of an instance when its hooks have let it go. */
export class Arrivals {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  arrive(passage: Passage, result: LifecycleActionResult): void {
    const { name, transition, instance } = passage;
    if (result === 'ABANDON' && isRetaining(passage)) this.#retain(passage);
    // "If the instance is terminating, both abandon and continue allow the instance to terminate."
    else if (transition.destination === 'EC2') this.#terminate(passage);
    else if (result === 'ABANDON') this.#giveUp(passage);
    else if (transition.destination === 'WarmPool') this.#enterWarmPool(passage);
    else if (name === 'replaceRootVolume') this.#rootVolumeReplaced(passage);
    else {
      this.#world.lifecycle.finish(passage, 'InService');
      if (name !== 'serveFromNewRootVolume') this.#announce(passage, 'EC2 Instance Launch Successful');
    }
    // What had been started while the instance was going elsewhere may be one too many, or one too few.
    this.#world.groups.reconcile(
      instance.member.group,
      'an instance was started in response to a difference between desired and actual capacity.',
    );
  }

  /** AWS keeps a retained instance "until you call TerminateInstanceInAutoScalingGroup"; its hooks have had their say. */
  terminateRetained(instance: Member): void {
    this.terminateAtOnce(instance, 'an instance was taken out of service in response to a user request.');
  }

  /** No hook is asked, and none that is waited for holds the instance any longer. */
  terminateAtOnce(instance: Member, cause: string): void {
    const name = instance.member.state.startsWith('Warmed:') ? 'terminateFromWarmPool' : 'terminate';
    this.#terminate(this.#world.lifecycle.begin(name, instance, cause, false));
  }

  #retain(passage: Passage): void {
    // One of three states: the terminating transitions but ReplacingRootVolume have one each.
    const state = `${passage.transition.first}:Retained` as 'Terminating:Retained';
    this.#world.lifecycle.finish(passage, state, 'Failed');
  }

  #terminate(passage: Passage): void {
    const { fleet, lifecycle } = this.#world;
    const { instance } = passage;
    fleet.shutDown(instance, () => {
      lifecycle.finish(passage, passage.transition.first === 'Terminating' ? 'Terminated' : 'Warmed:Terminated');
      this.#announce(passage, 'EC2 Instance Terminate Successful');
      this.#leave(instance);
    });
  }

  /** A launch, a return to the pool or a replacement that is abandoned ends the instance. */
  #giveUp(passage: Passage): void {
    const { lifecycle, groups } = this.#world;
    lifecycle.finish(passage, passage.transition.first, 'Failed');
    groups.remove(passage.instance, 'a lifecycle action of the instance was abandoned.', false);
  }

  #enterWarmPool(passage: Passage): void {
    const state = passage.instance.member.group.warmPool?.state ?? 'Stopped';
    if (state !== 'Running') this.#world.fleet.stop(passage.instance);
    this.#world.lifecycle.finish(passage, `Warmed:${state}`);
  }

  /** EC2 boots the instance from another volume, and its state says nothing of it. */
  #rootVolumeReplaced(passage: Passage): void {
    const { lifecycle, fleet } = this.#world;
    for (const listener of fleet.rebooted) listener(passage.instance);
    lifecycle.goOn(passage, 'RootVolumeReplaced', 'serveFromNewRootVolume');
  }

  #leave(instance: Instance): void {
    const { schedule, timing } = this.#world;
    schedule.after(timing.leaveMs, () => {
      delete instance.member;
    });
  }

  /** https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-event-reference.html */
  #announce({ activity, instance, transition }: Passage, detailType: string): void {
    const { group } = instance.member;
    this.#world.bus.send({
      source: 'aws.autoscaling',
      detailType,
      resource: [group.arn, arnOf(instance.id)],
      detail: {
        StatusCode: 'InProgress',
        Description: activity.description,
        AutoScalingGroupName: group.name,
        ActivityId: activity.id,
        Details: ACTIVITY_DETAILS,
        RequestId: activity.id,
        StatusMessage: '',
        EndTime: new Date(activity.endedAt ?? activity.startedAt).toISOString(),
        EC2InstanceId: instance.id,
        StartTime: new Date(activity.startedAt).toISOString(),
        Cause: activity.cause,
        Origin: transition.origin,
        Destination: transition.destination,
      },
    });
  }
}

/** TerminateHookAbandon `retain`: https://docs.aws.amazon.com/autoscaling/ec2/userguide/manage-retained-instances.html */
function isRetaining({ instance, transition }: Passage): boolean {
  return (
    instance.member.group.retainOnAbandon &&
    transition.waitsFor === 'autoscaling:EC2_INSTANCE_TERMINATING' &&
    transition.first !== 'ReplacingRootVolume'
  );
}
