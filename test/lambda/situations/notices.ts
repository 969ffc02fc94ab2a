import type { Decision } from '../../../lambda/core/model/decision.ts';
import type { Notice } from '../../../lambda/core/model/notice.ts';
import type { Termination } from '../../../lambda/core/model/termination.ts';
import {
  allocation,
  at,
  both,
  done,
  drain,
  drained,
  HOUR,
  MINUTE,
  node,
  SECOND,
  type Situation,
  START,
  start,
  theirs,
  undated,
  wait,
  waiting,
} from './situation.ts';

/** All of these are looked at eleven minutes after the beginning. */
const NOW = at(11 * MINUTE);
const inService = (notice: Notice, more: Partial<Termination> = {}) =>
  waiting({ state: 'InService', held: false, notice, ...more });
const spot = (more: Partial<Termination> = {}, endsAt = NOW + 120 * SECOND) =>
  inService({ kind: 'spot', endsAt }, more);
const rebalance = (how: 'drain' | 'cordon', more: Partial<Termination> = {}) =>
  inService({ kind: 'rebalance', how, restoreAt: NOW + HOUR }, more);
const maintenance = (startsAt: number, more: Partial<Termination> = {}) =>
  inService({ kind: 'maintenance', startsAt, restoreAt: startsAt + HOUR }, more);
const shorten = (seconds: number) => start(seconds, 'shorten');
const cordon = (...nodeIds: string[]) => ({ action: 'cordon', nodeIds }) as Partial<Decision>;
const unserved = { action: 'wait', unserved: true } as Partial<Decision>;
const awaited = { action: 'wait', unserved: true, until: NOW + 3 * SECOND } as Partial<Decision>;
const draining = (deadlineAt: number | 'never') => node({ drain: theirs({ deadlineAt }) });

export const notices: readonly Situation[] = [
  // EC2 interrupts a Spot instance in two minutes.
  { when: 'EC2 warns of a Spot interruption', termination: spot(), nomad: node(), decision: start(90) },
  {
    when: 'EC2 warns of a Spot interruption while Auto Scaling holds the instance',
    termination: spot({ state: 'Terminating:Wait' }),
    nomad: node(),
    decision: start(90),
  },
  {
    when: 'a Spot warning comes a minute late',
    termination: spot({}, NOW + 60 * SECOND),
    nomad: node(),
    decision: start(30),
  },
  {
    when: 'a Spot warning comes with half a minute left: its time may be wrong, and forces nothing',
    termination: spot({}, NOW + 30 * SECOND),
    nomad: node(),
    decision: start(10),
  },
  {
    when: 'a Spot warning comes late, and the policy gives builds less than ten seconds',
    termination: spot({}, NOW + 30 * SECOND),
    nomad: node(),
    policy: { deadlineSeconds: 5 },
    decision: start(5),
  },
  {
    when: 'EC2 takes back a capacity reservation',
    termination: inService({ kind: 'reservation', endsAt: NOW + 120 * SECOND }),
    nomad: node(),
    decision: start(90),
  },
  {
    when: 'a Spot warning comes, and the policy gives builds less than it leaves',
    termination: spot(),
    nomad: node(),
    policy: { deadlineSeconds: 20 },
    decision: start(20),
  },
  {
    when: 'a Spot warning comes for a drain of hours',
    termination: spot(),
    nomad: node({ drain: drain('draining') }),
    decision: shorten(90),
  },
  {
    when: "a Spot warning comes for an operator's drain without a deadline",
    termination: spot(),
    nomad: draining('never'),
    decision: shorten(90),
  },
  {
    when: 'a Spot warning comes for a drain of which nobody knows the deadline',
    termination: spot(),
    nomad: node({ drain: theirs() }),
    decision: shorten(90),
  },
  {
    when: 'a Spot warning comes for a drain that ends in time',
    termination: spot(),
    nomad: draining(NOW + 60 * SECOND),
    decision: wait,
  },
  {
    when: 'a Spot warning comes for the drain that it has begun itself: Nomad counts from a little later',
    termination: spot(),
    nomad: draining(NOW + 92 * SECOND),
    decision: wait,
  },
  {
    when: 'a Spot warning comes for a drain that ends three seconds too late',
    termination: spot(),
    nomad: draining(NOW + 93 * SECOND),
    decision: shorten(90),
  },
  {
    when: 'a Spot warning comes late for a drain of hours',
    termination: spot({}, NOW + 20 * SECOND),
    nomad: draining(NOW + HOUR),
    decision: shorten(10),
  },
  {
    when: 'a Spot warning comes late, and the drain ends in seconds',
    termination: spot({}, NOW + 20 * SECOND),
    nomad: draining(NOW + 11 * SECOND),
    decision: wait,
  },
  {
    when: 'a Spot warning comes, and the node is drained',
    termination: spot(),
    nomad: drained([]),
    decision: { ...wait, because: 'EC2 interrupts the Spot instance; the node is drained already' },
  },
  {
    when: 'a Spot warning comes, and a build still runs on the draining node',
    termination: spot(),
    nomad: node({ drain: theirs({ deadlineAt: NOW + 60 * SECOND }), allocations: [allocation('running')] }),
    decision: {
      ...wait,
      because: 'EC2 interrupts the Spot instance, and its node drains: build-42 (task group build, running for 11 min)',
    },
  },
  {
    when: 'a Spot warning comes, and the node is down: its agent may come back',
    termination: spot(),
    nomad: node({ status: 'down' }),
    decision: awaited,
  },
  {
    when: 'a Spot warning comes for an instance of two nodes, both down',
    termination: spot(),
    nomad: both({ status: 'down' }, { status: 'down' }),
    decision: awaited,
  },
  {
    when: 'the time of a Spot warning is over, and the node is down',
    termination: spot({}, NOW),
    nomad: node({ status: 'down' }),
    decision: { action: 'wait', because: 'the node is down' },
  },
  {
    when: 'a Spot warning comes for an instance of two nodes, one of them down',
    termination: spot(),
    nomad: both({ status: 'down' }, {}),
    decision: { ...start(90), nodeIds: ['n2'] } as Partial<Decision>,
  },
  {
    when: 'a Spot warning comes for an instance of two nodes, one of which drains for hours',
    termination: spot(),
    nomad: both({ drain: drain('draining') }, {}),
    decision: { ...start(90), nodeIds: ['n2'] } as Partial<Decision>,
  },
  {
    when: 'a Spot warning comes for an instance of two nodes, one of which drains for hours and the other in time',
    termination: spot(),
    nomad: both({ drain: drain('draining') }, { drain: theirs({ deadlineAt: NOW }) }),
    decision: { ...shorten(90), nodeIds: ['n1'] } as Partial<Decision>,
  },
  {
    when: 'a Spot warning comes for an instance of two nodes that both drain',
    termination: spot(),
    nomad: both({ drain: theirs({ deadlineAt: NOW }) }, { drain: theirs({ deadlineAt: NOW }) }),
    decision: wait,
  },
  {
    when: 'a Spot warning comes for an instance that EC2 no longer runs',
    termination: spot({ ec2: 'gone' }),
    nomad: node(),
    decision: wait,
  },
  {
    when: 'a Spot warning comes, and Nomad does not answer',
    termination: spot(),
    nomad: { is: 'unanswered', because: 'no leader' },
    decision: unserved,
  },
  {
    when: 'a Spot warning comes, and two nodes may be the instance',
    termination: spot(),
    nomad: { is: 'ambiguous', nodeIds: ['n2', 'n1'] },
    decision: { action: 'error', because: 'more than one node may be this instance: n1, n2' },
  },
  {
    when: 'a Spot warning comes for an instance without a node: it may yet register',
    termination: spot(),
    nomad: { is: 'absent', seen: false },
    decision: awaited,
  },

  // EC2 recommends to replace a Spot instance.
  {
    when: 'a rebalance recommendation comes, to be followed by a drain',
    termination: rebalance('drain'),
    nomad: node(),
    decision: start(21_600),
  },
  {
    when: 'a rebalance recommendation comes, and the node drains for hours',
    termination: rebalance('drain'),
    nomad: draining('never'),
    decision: wait,
  },
  {
    when: 'a rebalance recommendation comes, to be followed by a cordon',
    termination: rebalance('cordon'),
    nomad: node(),
    decision: cordon('n1'),
  },
  {
    when: 'a rebalance recommendation comes for an instance of two nodes',
    termination: rebalance('cordon'),
    nomad: both({}, {}),
    decision: cordon('n2', 'n1'),
  },
  {
    when: 'a rebalance recommendation comes, and somebody has made the node ineligible',
    termination: rebalance('cordon'),
    nomad: node({ eligible: false }),
    decision: wait,
  },
  {
    when: 'a rebalance recommendation comes for an instance that is going',
    termination: rebalance('drain', { state: 'Terminating:Wait' }),
    nomad: node(),
    decision: {
      ...wait,
      because: 'EC2 recommends to replace the Spot instance, but it is not in service (Terminating:Wait)',
    },
  },

  // Its host has scheduled maintenance.
  {
    when: 'maintenance is scheduled so that builds have their whole deadline',
    termination: maintenance(NOW + 7 * HOUR),
    nomad: node(),
    decision: start(21_600),
  },
  {
    when: 'maintenance is scheduled in an hour',
    termination: maintenance(NOW + HOUR),
    nomad: node(),
    decision: start(3_300),
  },
  {
    when: 'maintenance is scheduled within the kill margin',
    termination: maintenance(NOW + 4 * MINUTE),
    nomad: node(),
    decision: start(10),
  },
  {
    when: 'maintenance is scheduled, and a drain is on that ends after it has begun',
    termination: maintenance(NOW + HOUR),
    nomad: draining(NOW + 2 * HOUR),
    decision: shorten(3_300),
  },
  {
    when: 'maintenance is scheduled, and somebody has ended the drain for it',
    termination: maintenance(NOW + HOUR),
    nomad: node({ ended: { instanceId: 'i-0123456789abcdef0', notice: 'maintenance', drainedBy: NOW + 55 * MINUTE } }),
    decision: wait,
  },
  {
    when: 'maintenance is scheduled, and somebody has ended the drain for another one',
    termination: maintenance(NOW + HOUR),
    nomad: node({ ended: { instanceId: 'i-0123456789abcdef0', notice: 'maintenance', drainedBy: START } }),
    decision: start(3_300),
  },
  {
    when: 'maintenance is scheduled for an instance in standby',
    termination: maintenance(NOW + HOUR, { state: 'Standby' }),
    nomad: node(),
    decision: wait,
  },

  // What comes after a notice.
  {
    when: 'Auto Scaling comes to hold an instance whose node a notice has drained',
    nomad: drained([], { ours: { instanceId: 'i-0123456789abcdef0', notice: 'spot', deadlineAt: NOW } }),
    decision: done('drained'),
  },
  {
    when: 'a wait without a date comes after a notice of two days before: the drain for that does not date it',
    termination: undated({ seenSince: NOW }),
    nomad: node({
      drain: {
        ...drain('draining', { startedAt: NOW - 47 * HOUR, updatedAt: NOW - 47 * HOUR }),
        ours: { instanceId: 'i-0123456789abcdef0', notice: 'rebalance', deadlineAt: NOW + HOUR },
      },
      allocations: [allocation('running')],
    }),
    decision: wait,
  },
];
