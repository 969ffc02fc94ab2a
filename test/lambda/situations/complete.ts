import {
  allocation,
  at,
  done,
  drain,
  drained,
  HOUR,
  MINUTE,
  node,
  type Situation,
  START,
  stopping,
  wait,
} from './situation.ts';

export const complete: readonly Situation[] = [
  // Complete on paper.
  { when: 'the drain is complete and no allocation was ever there', nomad: drained([]), decision: done('drained') },
  {
    when: 'the drain is complete and every allocation has ended',
    nomad: drained([allocation('complete'), allocation('failed'), allocation('lost')]),
    decision: done('drained'),
  },
  {
    when: 'the drain is complete, two killed tasks still stop',
    nomad: drained([stopping('running'), stopping('running')]),
    decision: wait,
  },
  { when: 'the drain is complete, a killed task still stops', nomad: drained([stopping('running')]), decision: wait },
  { when: 'the drain is complete, an allocation is pending', nomad: drained([stopping('pending')]), decision: wait },
  {
    when: 'the drain is complete, an allocation on a disconnected client is unknown',
    nomad: drained([stopping('unknown')]),
    decision: wait,
  },
  {
    when: 'the drain is complete, its allocations have not been read',
    nomad: node({ drain: drain('complete') }),
    decision: wait,
  },
  {
    when: 'the drain is complete, a system job still runs',
    nomad: drained([stopping('running', { jobType: 'system' })]),
    decision: wait,
  },
  {
    when: 'the drain is complete, a system job still runs and is not to be counted',
    nomad: drained([allocation('running', { jobType: 'system' })]),
    policy: { ignoreSystemJobs: true },
    decision: done('drained'),
  },
  {
    when: 'system jobs are not counted, but a sysbatch job runs',
    nomad: drained([stopping('running', { jobType: 'sysbatch' })]),
    policy: { ignoreSystemJobs: true },
    decision: wait,
  },
  {
    when: 'the drain is complete, a replacement elsewhere still copies its disk from here',
    nomad: drained([allocation('complete')], {}, [allocation('pending')]),
    decision: wait,
  },
  {
    when: 'the drain of somebody else is complete and everything has stopped',
    nomad: node({ drain: { status: 'complete', startedAt: START, updatedAt: START }, allocations: [] }),
    decision: done('drained'),
  },
  {
    when: 'Nomad killed what was left at the drain deadline',
    nomad: drained([allocation('complete')], { deadlineReached: true }),
    decision: done('forced'),
  },
  {
    when: 'we forced the drain',
    nomad: drained([allocation('complete')], {
      ours: { instanceId: 'i-0123456789abcdef0', forcedAt: at(6 * HOUR) },
    }),
    decision: done('forced'),
  },
  // A token that does not see everything.
  {
    when: 'the drain is complete, but the token does not see every namespace',
    nomad: drained([]),
    now: at(14 * MINUTE),
    blind: true,
    decision: wait,
  },
  {
    when: 'the token does not see every namespace, and the kill margin has passed since Nomad completed the drain',
    nomad: drained([]),
    now: at(15 * MINUTE),
    blind: true,
    decision: done('drained'),
  },
  {
    when: 'the token does not see every namespace, and what it sees still runs',
    nomad: drained([stopping('running')]),
    now: at(15 * MINUTE),
    blind: true,
    decision: wait,
  },
];
