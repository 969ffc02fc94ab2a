import { SETTLE_SECONDS, SWEEP_SECONDS } from '../decide/deadlines.ts';
import type { Decision } from '../model/decision.ts';
import { nodesOf } from '../model/observation.ts';
import type { Termination } from '../model/termination.ts';
import type { Progress } from './progress.ts';

/** How long until the next pass, in milliseconds: short for a young drain, where much happens, a minute for an old one. */
export function nextPassMs(drainAgeMs: number): number {
  return Math.min(SWEEP_SECONDS * 1000, Math.max(2_000, drainAgeMs / 20));
}

/**
 * The same while only killed tasks or poststop tasks are left, whose end changes no node: they usually take seconds, an upload may
 * take longer, and then the instance goes within five seconds.
 */
export function whileStoppingMs(sinceCompleteMs: number): number {
  return Math.min(5_000, Math.max(1_000, sinceCompleteMs / 20));
}

/**
 * An instance's place in the order of one minute's passes. Each minute has another order: if Nomad is so slow that runs are
 * cut short, no instance is always the last.
 */
export function placeInPass(instanceId: string, now: number): number {
  return hash(`${instanceId} ${Math.floor(now / (SWEEP_SECONDS * 1000))}`);
}

/** A hash of the text in [0, 1): the low bits of FNV-1a, in which similar texts differ most. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const character of text) value = Math.imul(value ^ (character.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  return (value & 0xffff) / 0x10000;
}

/**
 * How long until something may have changed, in milliseconds; undefined if no instance waits any more.
 * @param told Nomad tells at once if a node changes
 * @param asksAgainAt what has changed may be that another run has drained an instance: then the waiting instances are read again
 */
export function untilNextPass(
  progress: readonly Progress[],
  now: number,
  { told, asksAgainAt }: { told: boolean; asksAgainAt: number | undefined },
): number | undefined {
  const pauses = progress
    .filter(({ termination, decision }) => !isServed(termination, decision))
    .map(({ termination: { since }, seen, decision }) => {
      // What is placed before that is seen then.
      if (decision.action === 'start-drain') return SETTLE_SECONDS.sameLeader * 1000;
      if ('until' in decision && decision.until !== undefined) return Math.max(0, decision.until - now);
      const nodes = nodesOf(seen);
      const done = nodes.map(({ drain }) => drain).find((drain) => drain?.status === 'complete');
      if (done) return whileStoppingMs(now - done.updatedAt);
      if (told && isDraining({ seen })) return SWEEP_SECONDS * 1000;
      return nextPassMs(now - (nodes[0]?.drain?.startedAt ?? since ?? now));
    });
  if (pauses.length === 0) return undefined;
  return Math.min(...pauses, ...(told && asksAgainAt !== undefined ? [Math.max(0, asksAgainAt - now)] : []));
}

/** Nomad tells when it is over: every node of the instance drains, and none of them is down. */
function isDraining({ seen }: Pick<Progress, 'seen'>): boolean {
  const nodes = nodesOf(seen);
  return nodes.length > 0 && nodes.every(({ drain, status }) => drain && status !== 'down');
}

/** Killed tasks or poststop tasks are left, whose end changes no node. */
export const isStopping = ({ seen, decision }: Progress): boolean =>
  decision.action === 'wait' && nodesOf(seen).some(({ drain }) => drain?.status === 'complete');

/** Whether this run has nothing more to do for an instance. After a notice it is enough to see that the drain is on. */
function isServed({ notice, completed }: Termination, decision: Decision): boolean {
  if (decision.action === 'complete' || completed) return true;
  return notice !== undefined && (decision.action === 'cordon' || (decision.action === 'wait' && !decision.unserved));
}
