import { type EventBus, LIFECYCLE_DETAIL_TYPE } from '../events/events.ts';
import type { Ids } from '../ids.ts';
import {
  type Completion,
  type Group,
  globalTimeoutSeconds,
  type Heartbeat,
  type Hook,
  type Instance,
  type LifecycleActionResult,
} from '../model.ts';
import type { Passage } from './passage.ts';
import type { Schedule } from './schedule.ts';

/** One instance that waits for one hook. */
export interface LifecycleAction {
  token: string;
  instanceId: string;
  group: Group;
  /** The hook as it was when the wait began. */
  hook: Hook;
  expiresAt: number;
  globalExpiresAt: number;
}

interface Waiting {
  actions: Set<LifecycleAction>;
  proceed: (result: LifecycleActionResult) => void;
}

/** How a caller names a lifecycle action: by its token, by its instance, or by both. */
interface ActionName {
  token?: string | undefined;
  instanceId?: string | undefined;
}

/**
 * The lifecycle actions under way. All hooks of a transition run at the same time; the instance waits for each, unless
 * one says ABANDON: "abandon stops any remaining actions, such as other lifecycle hooks, and continue allows any other
 * lifecycle hooks to complete" (https://docs.aws.amazon.com/autoscaling/ec2/userguide/lifecycle-hooks.html).
 */
export class LifecycleActions {
  readonly completions: Completion[] = [];
  readonly heartbeats: Heartbeat[] = [];
  readonly #schedule: Schedule;
  readonly #bus: EventBus;
  readonly #ids: Ids;
  readonly #waiting = new Map<string, Waiting>();
  readonly #timers = new Map<LifecycleAction, () => void>();

  constructor(schedule: Schedule, bus: EventBus, ids: Ids) {
    this.#schedule = schedule;
    this.#bus = bus;
    this.#ids = ids;
  }

  /** The instance waits from now on for each of these hooks. */
  start(passage: Passage, hooks: readonly Hook[], proceed: Waiting['proceed']): void {
    const { instance } = passage;
    const now = this.#schedule.now();
    const actions = hooks.map((hook) => ({
      token: this.#ids.uuid(),
      instanceId: instance.id,
      group: instance.member.group,
      hook,
      expiresAt: now + hook.heartbeatTimeoutSeconds * 1000,
      globalExpiresAt: now + globalTimeoutSeconds(hook) * 1000,
    }));
    this.#waiting.set(instance.id, { actions: new Set(actions), proceed });
    for (const action of actions) this.#arm(action);
    for (const action of actions) this.#announce(action, passage);
  }

  /** The action that is under way at this hook, if there is one. A token, where given, has to be the right one. */
  find(group: Group, hookName: string, { token, instanceId }: ActionName): LifecycleAction | undefined {
    for (const action of this.underWay()) {
      const named =
        action.group === group &&
        action.hook.name === hookName &&
        (token === undefined || action.token === token) &&
        (instanceId === undefined || action.instanceId === instanceId);
      // An expired action whose timer is late (the clock jumped) is over all the same.
      if (named && action.expiresAt > this.#schedule.now()) return action;
    }
    return undefined;
  }

  underWay(): LifecycleAction[] {
    return [...this.#waiting.values()].flatMap(({ actions }) => [...actions]);
  }

  complete(action: LifecycleAction, result: LifecycleActionResult, by: Completion['by']): void {
    const { instanceId, token } = action;
    const waiting = this.#waiting.get(instanceId);
    if (!waiting?.actions.delete(action)) return;
    this.#disarm(action);
    const names = { instanceId, group: action.group.name, hook: action.hook.name, token };
    this.completions.push({ ...names, result, by, at: this.#schedule.now() });
    if (result === 'CONTINUE' && waiting.actions.size > 0) return;
    for (const other of waiting.actions) this.#disarm(other);
    this.#waiting.delete(instanceId);
    waiting.proceed(result);
  }

  /** Counts the heartbeat timeout anew, never past the global timeout. */
  heartbeat(action: LifecycleAction): void {
    const now = this.#schedule.now();
    action.expiresAt = Math.min(now + action.hook.heartbeatTimeoutSeconds * 1000, action.globalExpiresAt);
    this.heartbeats.push({
      instanceId: action.instanceId,
      group: action.group.name,
      hook: action.hook.name,
      at: now,
    });
    this.#disarm(action);
    this.#arm(action);
  }

  /** The instance leaves in another way: its hooks no longer hold it. */
  drop(instance: Instance): void {
    for (const action of this.#waiting.get(instance.id)?.actions ?? []) this.#disarm(action);
    this.#waiting.delete(instance.id);
  }

  #arm(action: LifecycleAction): void {
    const by = action.expiresAt < action.globalExpiresAt ? 'timeout' : 'global-timeout';
    const expire = () => this.complete(action, action.hook.defaultResult, by);
    this.#timers.set(action, this.#schedule.after(action.expiresAt - this.#schedule.now(), expire));
  }

  #disarm(action: LifecycleAction): void {
    this.#timers.get(action)?.();
    this.#timers.delete(action);
  }

  /** https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-event-reference.html */
  #announce({ token, instanceId, group, hook }: LifecycleAction, { transition }: Passage): void {
    this.#bus.send({
      source: 'aws.autoscaling',
      detailType: LIFECYCLE_DETAIL_TYPE[hook.transition],
      resource: group.arn,
      detail: {
        LifecycleActionToken: token,
        AutoScalingGroupName: group.name,
        LifecycleHookName: hook.name,
        EC2InstanceId: instanceId,
        LifecycleTransition: hook.transition,
        ...(hook.notificationMetadata !== undefined && { NotificationMetadata: hook.notificationMetadata }),
        Origin: transition.origin,
        Destination: transition.destination,
        ...(transition.action && { Action: transition.action }),
      },
    });
  }
}
