import { type Client, groupKey, type Running } from './candidate.ts';
import type { KnownNeeds } from './needs.ts';

/** By what it is judged; where nothing is known of a group all of it is placed, and one of it may move at a time, as is Nomad's default. */
export interface DrainRules {
  clients: readonly Client[];
  needs?: KnownNeeds;
  /** Task groups of which some are not placed, by `groupKey`. */
  blocked?: ReadonlyMap<string, unknown>;
}

/**
 * Which of these services that have nowhere to go a drain stops all the same, at once, each with how many of its group that leaves. Of a
 * group Nomad keeps `count - max_parallel` running; for the others the drain waits until its deadline (docs/decisions/0008).
 */
export function stoppedAtOnce(
  nowhere: readonly Running[],
  { clients, needs, blocked }: DrainRules,
): Map<Running, number> {
  const stopped = new Map<Running, number>();
  for (const [key, ofGroup] of Map.groupBy(nowhere, groupKey)) {
    const [{ job, namespace, taskGroup }] = ofGroup as [Running];
    const isOfGroup = (run: Running) => run.job === job && run.taskGroup === taskGroup && run.namespace === namespace;
    const alive = clients.flatMap(({ runs }) => runs.filter((run) => isOfGroup(run) && !run.stopping)).length;
    const { count, maxParallel } = needs?.get(key) ?? { count: alive + (blocked?.has(key) ? 1 : 0), maxParallel: 1 };
    const going = ofGroup.slice(0, Math.max(0, alive - (count - maxParallel)));
    for (const run of going) stopped.set(run, alive - going.length);
  }
  return stopped;
}
