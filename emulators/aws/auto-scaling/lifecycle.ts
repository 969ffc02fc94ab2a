import type { LifecycleState } from '@aws-sdk/client-auto-scaling';
import {
  type Group,
  type Instance,
  type LifecycleActionResult,
  type Member,
  type Timing,
  versionToLaunch,
} from '../model.ts';
import type { Activities } from './activities.ts';
import type { LifecycleActions } from './lifecycle-actions.ts';
import type { Passage } from './passage.ts';
import type { Schedule } from './schedule.ts';
import { TRANSITIONS, type TransitionName } from './transitions.ts';

/** What comes at the end of a passage: EC2's part and the group's. */
type Arrive = (passage: Passage, result: LifecycleActionResult) => void;

/** Moves instances through the states of their lifecycle: `first`, `first:Wait` while hooks wait, `first:Proceed`. */
export class Lifecycle {
  /** Told when an instance enters a state. */
  readonly entered = new Set<(instance: Member) => void>();
  readonly #schedule: Schedule;
  readonly #timing: Timing;
  readonly #activities: Activities;
  readonly #actions: LifecycleActions;
  readonly #arrive: Arrive;
  readonly #passages = new Map<string, Passage>();

  constructor(schedule: Schedule, timing: Timing, activities: Activities, actions: LifecycleActions, arrive: Arrive) {
    this.#schedule = schedule;
    this.#timing = timing;
    this.#activities = activities;
    this.#actions = actions;
    this.#arrive = arrive;
  }

  join(instance: Instance, group: Group, state: LifecycleState): Member {
    const version = versionToLaunch(group);
    instance.member = { group, state, shown: state, healthy: true, version, inServiceAt: this.#schedule.now() };
    return instance as Member;
  }

  enter(instance: Member, state: LifecycleState): void {
    const { member } = instance;
    member.state = state;
    if (state === 'InService') member.inServiceAt = this.#schedule.now();
    this.#schedule.after(this.#timing.describeLagMs, () => {
      member.shown = state;
    });
    for (const listener of [...this.entered]) listener(instance);
  }

  /** Sends the instance on its way, past its hooks unless told otherwise. Another way that it was on ends here, and so do its lifecycle actions. */
  begin(name: TransitionName, instance: Member, cause: string, hooks = true): Passage {
    const former = this.#passages.get(instance.id);
    if (former) this.#activities.end(former.activity, 'Cancelled');
    this.#actions.drop(instance);

    const transition = TRANSITIONS[name];
    const description = `${transition.activity} ${instance.id}`;
    const activity = this.#activities.start(instance.member.group, description, cause);
    const passage: Passage = { name, transition, instance, activity };
    this.#passages.set(instance.id, passage);
    const registered = instance.member.state === 'InService';
    this.enter(instance, transition.first);
    if (!hooks) return passage;
    const { group, deregistrationSeconds = group.deregistrationSeconds } = instance.member;
    const deregisters = passage.transition.deregisters && registered && deregistrationSeconds > 0;
    if (deregisters) this.#deregister(passage, deregistrationSeconds * 1000);
    else this.#later(passage, this.#timing.beforeWaitMs, () => this.#wait(passage));
    return passage;
  }

  /**
   * "If the Auto Scaling group is being used with Elastic Load Balancing, the terminating instance is first deregistered from the
   * load balancer": https://docs.aws.amazon.com/autoscaling/ec2/userguide/lifecycle-hooks-overview.html. What its activity says
   * meanwhile: https://repost.aws/questions/QUBxhYcFd_RrqBPHFJsVsPqQ/ec2-instance-terminated-with-active-processes
   */
  #deregister(passage: Passage, ms: number): void {
    const { activity } = passage;
    const { description } = activity;
    activity.status = 'WaitingForELBConnectionDraining';
    activity.description = `${description} - Waiting For ELB Connection Draining.`;
    this.#later(passage, ms, () => {
      activity.status = 'InProgress';
      activity.description = description;
      this.#later(passage, this.#timing.beforeWaitMs, () => this.#wait(passage));
    });
  }

  /** The instance goes on, after a stop in this state, by another transition of the same scaling activity. */
  goOn({ instance, activity }: Passage, stop: LifecycleState, name: TransitionName): void {
    const passage: Passage = { name, transition: TRANSITIONS[name], instance, activity };
    this.#passages.set(instance.id, passage);
    this.enter(instance, stop);
    this.#later(passage, this.#timing.afterProceedMs, () => {
      this.enter(instance, passage.transition.first);
      this.#later(passage, this.#timing.beforeWaitMs, () => this.#wait(passage));
    });
  }

  /** The instance changes its place and no hook is asked: it is in `first` for a moment, and then `arrived` is called. */
  move(instance: Member, first: LifecycleState, description: string, cause: string, arrived: () => void): void {
    const former = this.#passages.get(instance.id);
    if (former) this.#activities.end(former.activity, 'Cancelled');
    this.#passages.delete(instance.id);
    this.#actions.drop(instance);
    const activity = this.#activities.start(instance.member.group, `${description} ${instance.id}`, cause);
    this.enter(instance, first);
    this.#schedule.after(this.#timing.beforeWaitMs, () => {
      if (instance.member?.state !== first) return;
      this.#activities.end(activity, 'Successful');
      arrived();
    });
  }

  /** The instance has arrived where it was going. */
  finish(passage: Passage, state: LifecycleState, status: 'Successful' | 'Failed' = 'Successful'): void {
    this.#passages.delete(passage.instance.id);
    this.#activities.end(passage.activity, status);
    this.enter(passage.instance, state);
  }

  #wait(passage: Passage): void {
    const { instance, transition, activity } = passage;
    const hooks = [...instance.member.group.hooks.values()].filter((hook) => hook.transition === transition.waitsFor);
    if (hooks.length === 0) {
      this.#proceed(passage, 'CONTINUE');
      return;
    }
    activity.status = 'MidLifecycleAction';
    this.enter(instance, `${transition.first}:Wait`);
    this.#actions.start(passage, hooks, (result) => this.#proceed(passage, result));
  }

  #proceed(passage: Passage, result: LifecycleActionResult): void {
    passage.activity.status = 'InProgress';
    passage.activity.progress = 75;
    this.enter(passage.instance, `${passage.transition.first}:Proceed`);
    this.#later(passage, this.#timing.afterProceedMs, () => this.#arrive(passage, result));
  }

  #later(passage: Passage, ms: number, callback: () => void): void {
    this.#schedule.after(ms, () => {
      if (this.#passages.get(passage.instance.id) === passage) callback();
    });
  }
}
