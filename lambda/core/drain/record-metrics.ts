import type { EpochMs } from '../model/clock.ts';
import type { Outcome } from '../model/decision.ts';
import type { MetricName } from '../model/metrics.ts';
import { emptySince } from '../model/node.ts';
import { nodeOf } from '../model/observation.ts';
import type { Termination } from '../model/termination.ts';
import type { Metrics } from '../ports.ts';
import type { Progress } from './progress.ts';
import { isJoining, type Result } from './report.ts';

const OUTCOMES: Record<Outcome, MetricName> = {
  drained: 'Drained',
  forced: 'Forced',
  'node-lost': 'NodeLost',
  'not-a-node': 'NotANode',
  'instance-gone': 'InstanceGone',
  'timed-out': 'TimedOut',
  admitted: 'InstancesAdmitted',
  abandoned: 'InstancesAbandoned',
};

/** Measures what has happened in one pass: how waits ended, how long the drains took, what was killed. */
export function recordPass(progress: readonly Progress[], metrics: Metrics, now: number): void {
  for (const { termination, seen, decision, effect, killed = [] } of progress) {
    if (effect !== 'released' || decision.action !== 'complete') continue;
    metrics.add(OUTCOMES[decision.outcome], 1);
    if (decision.alarm && decision.outcome === 'not-a-node') metrics.add('NodeMissing', 1);
    if (killed.length > 0) metrics.add('AllocationsKilled', killed.length);
    if (decision.outcome === 'admitted' && termination.launch?.into === 'service') {
      metrics.add('NodeReady', (now - launchedAt(termination, now)) / 1000);
    }
    const node = nodeOf(seen);
    if (!node?.drain || !node.allocations || !['drained', 'forced'].includes(decision.outcome)) continue;
    const empty = Math.min(now, emptySince(node.drain, node.allocations));
    metrics.add('TimeToDrain', Math.max(0, empty - node.drain.startedAt) / 1000);
    metrics.add('WaitAfterEmpty', (now - empty) / 1000);
  }
}

/** When an instance that is put into service was launched, or taken from its warm pool. */
const launchedAt = ({ since, launchedAt: startedAt, seenSince }: Termination, now: EpochMs): EpochMs =>
  since ?? seenSince ?? startedAt ?? now;

/** Measures the state at the end of a sweep. @param admits instances wait for our launching hook too */
export function recordSweep(
  { instances, unserved, waits, retained, missing }: Result,
  metrics: Metrics,
  { now, admits }: { now: EpochMs; admits: boolean },
): void {
  const longest = (times: readonly (EpochMs | undefined)[]) => {
    const known = times.filter((time) => time !== undefined);
    return Math.max(0, ...known.map((time) => now - time)) / 1000;
  };
  metrics.add('InstancesWaiting', waits.length);
  metrics.add('OldestWait', longest(waits.map(({ since }) => since)));
  metrics.add('LongestOverdue', longest(waits.map(({ dueAt }) => dueAt)));
  if (admits)
    metrics.add('InstancesJoining', instances.filter((each) => isJoining(each) && each.action !== 'complete').length);
  metrics.add('DrainsStuck', instances.filter(({ stuck }) => stuck !== undefined).length);
  metrics.add('InstancesUnserved', unserved.length);
  metrics.add('InstancesRetained', retained.length);
  if (missing) metrics.add('ClientsMissing', missing.length);
}
