import { unknownSince } from '../client/away.ts';
import type { Allocation, ReschedulePolicy } from '../model.ts';
import { groupOf } from '../model.ts';

/** Nomad takes what is due within a second as due. */
export const WINDOW_MS = 1000;

/** When another allocation may take the place of one that failed, or whose client is away; undefined: never. */
export const nextReschedule = (allocation: Allocation): { atMs: number; delayNanos: number } | undefined => {
  const policy = groupOf(allocation).ReschedulePolicy;
  const since = allocation.ClientStatus === 'unknown' ? unknownSince(allocation) : endedAt(allocation);
  if (!policy || since === undefined) return;
  const delayNanos = nextDelay(allocation, policy, since);
  const events = allocation.RescheduleTracker?.Events ?? [];
  const recent = events.filter(({ RescheduleTime }) => RescheduleTime / 1e6 > since - policy.Interval / 1e6);
  if (!policy.Unlimited && recent.length >= policy.Attempts) return;
  return { atMs: since + delayNanos / 1e6, delayNanos };
};

const endedAt = ({ TaskStates, ModifyTime }: Allocation): number =>
  Math.max(...Object.values(TaskStates ?? {}).map(({ FinishedAt }) => (FinishedAt ? Date.parse(FinishedAt) : 0))) ||
  ModifyTime / 1e6;

const nextDelay = (allocation: Allocation, policy: ReschedulePolicy, since: number): number => {
  const events = allocation.RescheduleTracker?.Events ?? [];
  const [last, before] = [events.at(-1), events.at(-2)];
  if (!last || policy.DelayFunction === 'constant') return policy.Delay;
  const grown = policy.DelayFunction === 'exponential' ? last.Delay * 2 : last.Delay + (before?.Delay ?? 0);
  if (policy.MaxDelay === 0 || grown <= policy.MaxDelay) return grown;
  // It has held for longer than the longest delay: the delays begin anew.
  return since * 1e6 - last.RescheduleTime > policy.MaxDelay ? policy.Delay : policy.MaxDelay;
};

/** Of an allocation that takes another's place: which ones failed before it, the last five. */
export const trackerOf = (
  previous: Allocation | undefined,
  rescheduled: boolean,
  nanos: number,
): Allocation['RescheduleTracker'] => {
  if (!previous) return null;
  if (!rescheduled) return previous.RescheduleTracker;
  const Delay = nextReschedule(previous)?.delayNanos ?? 0;
  const event = { RescheduleTime: nanos, PrevAllocID: previous.ID, PrevNodeID: previous.NodeID, Delay };
  return { Events: [...(previous.RescheduleTracker?.Events ?? []), event].slice(-5), LastReschedule: 'ok' };
};
