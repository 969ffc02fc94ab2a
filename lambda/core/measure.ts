import type { Outcome } from './decision.ts';
import type { MetricName } from './metrics.ts';
import { emptySince } from './node.ts';
import { nodeOf } from './observation.ts';
import type { Meter } from './ports.ts';
import type { Progress } from './progress.ts';
import type { Result } from './report.ts';

const OUTCOMES: Record<Outcome, MetricName> = {
  drained: 'Drained',
  forced: 'Forced',
  'node-lost': 'NodeLost',
  'not-a-node': 'NotANode',
  'instance-gone': 'InstanceGone',
  'timed-out': 'TimedOut',
};

/** Measures what has happened in one pass: how waits ended, how long the drains took, what was killed. */
export function measurePass(progress: readonly Progress[], meter: Meter, now: number): void {
  for (const { seen, decision, effect, killed = [] } of progress) {
    if (effect !== 'released' || decision.action !== 'complete') continue;
    meter.add(OUTCOMES[decision.outcome], 1);
    if (decision.alarm) meter.add('NodeMissing', 1);
    if (killed.length > 0) meter.add('AllocationsKilled', killed.length);
    const node = nodeOf(seen);
    if (!node?.drain || !node.allocations || !['drained', 'forced'].includes(decision.outcome)) continue;
    const empty = Math.min(now, emptySince(node.drain, node.allocations));
    meter.add('TimeToDrain', Math.max(0, empty - node.drain.startedAt) / 1000);
    meter.add('WaitAfterEmpty', (now - empty) / 1000);
  }
}

/** Measures the state at the end of a sweep. */
export function measureSweep({ instances, unserved, waitingSince, retained }: Result, meter: Meter, now: number): void {
  const ages = waitingSince.filter((since) => since !== undefined).map((since) => now - since);
  meter.add('InstancesWaiting', waitingSince.length);
  meter.add('OldestWait', Math.max(0, ...ages) / 1000);
  meter.add('DrainsStuck', instances.filter(({ stuck }) => stuck !== undefined).length);
  meter.add('InstancesUnserved', unserved.length);
  meter.add('InstancesRetained', retained.length);
}
