import {
  allocation,
  at,
  done,
  drain,
  force,
  HOUR,
  MINUTE,
  node,
  SECOND,
  type Situation,
  START,
  start,
  undated,
  wait,
  waiting,
} from './situation.ts';

export const draining: readonly Situation[] = [
  // Not draining: start.
  { when: 'the node was never drained, nor is it draining', nomad: node(), decision: start(21_600) },
  {
    when: 'the policy asks for a shorter deadline',
    nomad: node(),
    policy: { deadlineSeconds: 90 },
    decision: start(90),
  },
  {
    when: "the hook's cap leaves less than the policy wants",
    termination: waiting({ heartbeatTimeoutSeconds: 30 }),
    nomad: node(),
    now: START,
    decision: start(3000 - 300),
  },
  {
    when: 'a late start has eaten into the cap',
    termination: waiting({ heartbeatTimeoutSeconds: 30 }),
    nomad: node(),
    now: at(1000 * SECOND),
    decision: start(3000 - 300 - 1000),
  },
  {
    when: 'the cap leaves no time to drain: what runs is killed while it can still be waited for',
    termination: waiting({ heartbeatTimeoutSeconds: 30 }),
    nomad: node(),
    now: at(2710 * SECOND),
    decision: force,
  },
  {
    when: 'the last second of the time to drain has come: a deadline of 0 would be none at all',
    termination: waiting({ heartbeatTimeoutSeconds: 30 }),
    nomad: node(),
    now: at(2700 * SECOND),
    decision: force,
  },
  {
    when: 'not even time to kill is left',
    termination: waiting({ heartbeatTimeoutSeconds: 30 }),
    nomad: node(),
    now: at(2910 * SECOND),
    decision: done('timed-out'),
  },
  {
    when: 'nobody could tell since when it waits',
    termination: undated(),
    nomad: node(),
    now: at(40 * HOUR),
    decision: start(21_600),
  },

  {
    when: 'Nomad could not be asked until long after the time was up, and the cap still leaves time to drain',
    nomad: node(),
    now: at(20 * HOUR),
    decision: start(21_600),
  },
  // Draining: wait, and never ask twice.
  { when: 'our drain is on', nomad: node({ drain: drain('draining') }), decision: wait },
  {
    when: 'a drain of somebody else is on',
    nomad: node({ drain: { status: 'draining', startedAt: START, updatedAt: START } }),
    decision: wait,
  },
  {
    when: 'our drain is on and builds are left',
    nomad: node({ drain: drain('draining'), allocations: [allocation('running')], copying: [] }),
    decision: wait,
  },
  {
    when: 'the drain is on, and everything has stopped without Nomad noticing, as with sysbatch jobs',
    nomad: node({ drain: drain('draining'), allocations: [allocation('complete')], copying: [] }),
    decision: done('drained'),
  },
  {
    when: 'our drain is down to system jobs, which Nomad stops last, and has overlooked for a minute',
    nomad: node({
      drain: drain('draining', { updatedAt: at(10 * MINUTE) }),
      allocations: [allocation('running', { jobType: 'system' })],
    }),
    now: at(11 * MINUTE),
    decision: start(6 * 3600 - 11 * 60, 'renew'),
  },
  {
    when: 'our drain has been down to system jobs for some seconds',
    nomad: node({
      drain: drain('draining', { updatedAt: at(10 * MINUTE) }),
      allocations: [allocation('running', { jobType: 'system' })],
    }),
    now: at(10 * MINUTE + 9 * SECOND),
    decision: wait,
  },
  {
    when: 'our drain waits for a build and a system job',
    nomad: node({
      drain: drain('draining', { updatedAt: START }),
      allocations: [allocation('running', { jobType: 'system' }), allocation('running')],
    }),
    decision: wait,
  },
  {
    when: 'our drain is down to system jobs, and its deadline has come',
    nomad: node({
      drain: drain('draining', { updatedAt: START }),
      allocations: [allocation('running', { jobType: 'system' })],
    }),
    now: at(6 * HOUR),
    decision: wait,
  },
  {
    when: 'the drain of somebody else is down to system jobs',
    nomad: node({
      drain: { status: 'draining', startedAt: START, updatedAt: START },
      allocations: [allocation('running', { jobType: 'system' })],
    }),
    decision: wait,
  },
  {
    when: 'the drain is on and nothing is left, as far as a token sees that does not see every namespace',
    nomad: node({ drain: drain('draining'), allocations: [], copying: [] }),
    now: at(5 * HOUR),
    blind: true,
    decision: wait,
  },
];
