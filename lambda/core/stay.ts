import { nodesOf } from './observation.ts';
import type { Ports, RunOptions } from './ports.ts';
import type { Progress } from './progress.ts';
import { SWEEP_SECONDS } from './time.ts';

/** No run stays where more drains are on: each that stays holds a connection, and Nomad takes a hundred from one address. */
const MOST_DRAINS = 8;

/**
 * Until when a run goes on whose time is up, milliseconds since the epoch; undefined if it ends. That of an event stays for its
 * draining instance until the next sweep, which is awake for it from then on. Not where many drains are on; nor where a sweep is awake,
 * which it is while there is a drain older than a minute, and has seen this one begin.
 */
export async function staysUntil(
  progress: readonly Progress[],
  { nodes, clock }: Ports,
  { stayUntil }: RunOptions,
): Promise<number | undefined> {
  if (stayUntil === undefined || !progress.every(isDraining) || !(await nodes.watchFleet())) return undefined;
  const on = nodes.drainsForWaits;
  const isSeen = progress.every(({ termination }) =>
    on.some(({ instanceId }) => instanceId === termination.instanceId),
  );
  const sweepIsAwake = on.some(({ since }) => clock.now() - since > SWEEP_SECONDS * 1000);
  return on.length > MOST_DRAINS || (isSeen && sweepIsAwake) ? undefined : stayUntil;
}

/** Nomad tells when it is over: every node of the instance drains, and none of them is down. */
export function isDraining({ seen }: Pick<Progress, 'seen'>): boolean {
  const nodes = nodesOf(seen);
  return nodes.length > 0 && nodes.every(({ drain, status }) => drain && status !== 'down');
}
