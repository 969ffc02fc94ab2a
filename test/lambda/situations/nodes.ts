import type { Decision } from '../../../lambda/core/model/decision.ts';
import {
  allocation,
  at,
  both,
  done,
  drain,
  drained,
  force,
  HOUR,
  homeless,
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

export const nodes: readonly Situation[] = [
  // Several nodes that say that they are the instance.
  {
    when: 'its agent came back under a new id while the old one drains',
    nomad: both({ drain: drain('draining') }, {}),
    decision: { ...start(21_600), nodeIds: ['n2'] } as Partial<Decision>,
  },
  {
    when: 'two nodes are the instance, and neither drains',
    nomad: both({}, {}),
    decision: { ...start(21_600), nodeIds: ['n2', 'n1'] } as Partial<Decision>,
  },
  {
    when: 'two nodes are the instance, and the new one still has a build',
    nomad: both(
      { status: 'down', drain: drain('draining'), allocations: [allocation('lost')] },
      { drain: drain('draining'), allocations: [allocation('running')] },
    ),
    decision: wait,
  },
  {
    when: 'two nodes are the instance, the old one is lost and the new one has drained',
    nomad: both(
      { status: 'down', drain: drain('draining'), allocations: [allocation('lost')] },
      { drain: drain('complete'), allocations: [] },
    ),
    decision: done('drained'),
  },
  {
    when: 'two nodes are the instance, both have drained, and one was forced',
    nomad: both(
      { drain: drain('complete', { deadlineReached: true }), allocations: [] },
      { drain: drain('complete'), allocations: [] },
    ),
    decision: done('forced'),
  },
  {
    when: 'two nodes are the instance, and each waits for something that does not pass by itself',
    nomad: both(
      { status: 'down', drain: drain('draining'), allocations: [allocation('unknown')] },
      { drain: drain('draining'), allocations: [homeless(0)] },
    ),
    decision: {
      action: 'wait',
      because:
        'client-b: the drain waits for 1 allocation: web (task group g, running for 11 min; nowhere to go: no eligible node in ' +
        'pool default); client-a: the node is down, but 1 allocation may still run there: its Nomad agent has to come back: ' +
        'build-42 (task group build, unknown for 11 min)',
      stuck:
        'web (task group g) has nowhere to go: no eligible node in pool default; ' +
        'the node is down, but 1 allocation may still run there: its Nomad agent has to come back',
    },
  },
  {
    when: 'two nodes are the instance, and one of them is past its time while the other has not begun',
    nomad: both({ drain: drain('draining'), allocations: [allocation('running')] }, {}),
    now: at(6 * HOUR + 5 * MINUTE),
    decision: { ...start(21_600), nodeIds: ['n2'] } as Partial<Decision>,
  },
  {
    when: 'two nodes are the instance, and one of them is down to what Nomad stops last',
    nomad: both(
      { drain: drain('draining'), allocations: [allocation('running')] },
      { drain: drain('draining'), allocations: [allocation('running', { jobType: 'system' })] },
    ),
    decision: { ...start(6 * 3600 - 11 * 60, 'renew'), nodeIds: ['n2'] } as Partial<Decision>,
  },
  {
    when: 'two nodes are the instance, and both drains are past their deadline and the kill margin',
    nomad: both(
      { drain: drain('draining'), allocations: [allocation('running')] },
      { drain: drain('draining'), allocations: [allocation('running')] },
    ),
    now: at(6 * HOUR + 5 * MINUTE),
    decision: { ...force, nodeIds: ['n2', 'n1'] } as Partial<Decision>,
  },
  {
    when: 'the node is disconnected and may come back',
    nomad: node({ status: 'disconnected', drain: drain('draining') }),
    decision: wait,
  },
  {
    when: 'the node is gone from Nomad, where this run has seen it',
    nomad: { is: 'absent', seen: true },
    decision: done('node-lost'),
  },
  {
    when: 'Nomad has no node of this instance, within the grace period',
    nomad: { is: 'absent', seen: false },
    now: at(119 * SECOND),
    decision: wait,
  },
  {
    when: 'Nomad has no node of this instance, after the grace period',
    nomad: { is: 'absent', seen: false },
    now: at(120 * SECOND),
    decision: done('not-a-node'),
  },
  {
    when: 'Nomad has no node of this instance, and nobody could tell since when it waits',
    termination: undated(),
    nomad: { is: 'absent', seen: false },
    now: at(40 * HOUR),
    decision: wait,
  },
  {
    when: 'Nomad has no node of this instance, and it has been seen to wait for the grace period',
    termination: undated({ seenSince: START }),
    nomad: { is: 'absent', seen: false },
    now: at(120 * SECOND),
    decision: done('not-a-node'),
  },
  {
    when: 'Nomad has no node of this instance, which was in service for long',
    termination: waiting({ launchedAt: at(-3 * HOUR) }),
    nomad: { is: 'absent', seen: false },
    decision: { ...done('not-a-node'), alarm: true } as Partial<Decision>,
  },
  {
    when: 'Nomad has no node of this instance, which was in service for just long enough to be one',
    termination: waiting({ launchedAt: at(-10 * MINUTE) }),
    nomad: { is: 'absent', seen: false },
    decision: { ...done('not-a-node'), alarm: true } as Partial<Decision>,
  },
  {
    when: 'Nomad has no node of this instance, which went almost as soon as it had come',
    termination: waiting({ launchedAt: at(-9 * MINUTE) }),
    nomad: { is: 'absent', seen: false },
    decision: done('not-a-node'),
  },
  {
    when: 'more than one node has an address of this instance',
    nomad: { is: 'ambiguous', nodeIds: ['n1', 'n2'] },
    decision: {
      action: 'error',
      because: 'more than one node may be this instance: n1, n2',
      stuck: 'more than one node may be this instance: n1, n2',
    },
  },
  {
    when: 'a service has had nowhere to go for a minute, and a build runs',
    nomad: node({ drain: drain('draining'), allocations: [allocation('running'), homeless(10 * MINUTE)] }),
    decision: { action: 'wait', stuck: 'web (task group g) has nowhere to go: no eligible node in pool default' },
  },
  {
    when: 'a service has had nowhere to go for less than a minute',
    nomad: node({ drain: drain('draining'), allocations: [homeless(10 * MINUTE + 1)] }),
    decision: wait,
  },
  {
    when: 'a service lacked room before its drain began, less than a minute ago',
    nomad: node({ drain: drain('draining', { startedAt: at(10 * MINUTE + 1) }), allocations: [homeless(-HOUR)] }),
    decision: wait,
  },
  {
    when: 'EC2 has ended the instance',
    termination: waiting({ ec2: 'gone' }),
    nomad: node({ drain: drain('draining') }),
    decision: done('instance-gone'),
  },
  {
    when: 'EC2 could not be asked',
    termination: waiting({ ec2: 'unknown' }),
    nomad: node({ drain: drain('draining') }),
    decision: wait,
  },
  {
    when: 'Nomad does not answer',
    nomad: { is: 'unanswered', because: 'ECONNREFUSED' },
    decision: { action: 'wait', because: 'ECONNREFUSED', unserved: true },
  },

  {
    when: 'Nomad does not answer, and nobody could tell since when the instance waits',
    termination: undated(),
    nomad: { is: 'unanswered', because: 'ECONNREFUSED' },
    now: at(40 * HOUR),
    decision: { action: 'wait', unserved: true },
  },
  // The instance is not held yet.
  {
    when: 'all is done, but Auto Scaling has not come to its wait yet',
    termination: waiting({ state: 'Terminating', held: false }),
    nomad: drained([]),
    decision: wait,
  },
  {
    when: 'Auto Scaling has said that the instance goes, and does not hold it yet',
    termination: waiting({ state: 'Terminating', held: false }),
    nomad: node(),
    decision: start(21_600),
  },
];
