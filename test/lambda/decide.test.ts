import { describe, expect, it, test } from 'vitest';
import { DEFAULT_POLICY, type Policy } from '../../lambda/config.ts';
import { type Decision, decide } from '../../lambda/decide.ts';
import type { Allocation, Drain, NomadNode, Observation } from '../../lambda/nomad/node.ts';
import type { Termination } from '../../lambda/termination.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
/** The wait began here; every time below counts from it. */
const START = Date.parse('2026-03-01T09:00:00Z');
const at = (ms: number) => START + ms;

const policy: Policy = { ...DEFAULT_POLICY };

const waiting = (more: Partial<Termination> = {}): Termination => ({
  instanceId: 'i-0123456789abcdef0',
  group: 'builders',
  hook: 'nomad-drain',
  state: 'Terminating:Wait',
  held: true,
  since: START,
  heartbeatTimeoutSeconds: 1800,
  ec2: 'running',
  ...more,
});

const allocation = (clientStatus: string, more: Partial<Allocation> = {}): Allocation => ({
  id: 'a1',
  job: 'build-42',
  jobType: 'batch',
  namespace: 'default',
  taskGroup: 'build',
  clientStatus,
  desiredStatus: 'run',
  stopsLast: more.jobType === 'system',
  createdAt: START,
  changedAt: START,
  tasks: ['build'],
  ...more,
});

const node = (more: Partial<NomadNode> = {}): Observation => ({
  is: 'present',
  node: { id: 'n1', name: 'client-a', status: 'ready', ...more },
});

const drain = (status: Drain['status'], more: Partial<Drain> = {}): Drain => ({
  status,
  startedAt: START,
  updatedAt: START + 10 * MINUTE,
  ours: { instanceId: 'i-0123456789abcdef0', waitingSince: START, deadlineAt: START + 6 * HOUR },
  ...more,
});

const drained = (allocations: Allocation[], more: Partial<Drain> = {}, copying: Allocation[] = []) =>
  node({ drain: drain('complete', more), allocations, copying });

/** A service that Nomad cannot place elsewhere, since then. */
const homeless = (since: number) =>
  allocation('running', {
    job: 'web',
    jobType: 'service',
    taskGroup: 'g',
    blocked: { because: 'no eligible node in pool default', since: at(since) },
  });

interface Situation {
  when: string;
  termination?: Termination;
  nomad: Observation;
  now?: number;
  policy?: Partial<Policy>;
  blind?: boolean;
  decision: Partial<Decision>;
}

const done = (outcome: string, result = 'CONTINUE') => ({ action: 'complete', outcome, result }) as Partial<Decision>;
const start = (deadlineSeconds: number, how = 'start') =>
  ({ action: 'start-drain', order: { how, deadlineSeconds } }) as Partial<Decision>;
const force = { action: 'start-drain', order: { how: 'force' } } as Partial<Decision>;
const wait = { action: 'wait' } as Partial<Decision>;

const situations: Situation[] = [
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
    now: at(2940 * SECOND),
    decision: done('timed-out'),
  },
  {
    when: 'nobody could tell since when it waits',
    termination: { ...waiting(), since: undefined } as unknown as Termination,
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
    when: 'our drain has been down to system jobs for less than a minute',
    nomad: node({
      drain: drain('draining', { updatedAt: at(10 * MINUTE) }),
      allocations: [allocation('running', { jobType: 'system' })],
    }),
    now: at(11 * MINUTE - SECOND),
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

  // Complete on paper.
  { when: 'the drain is complete and no allocation was ever there', nomad: drained([]), decision: done('drained') },
  {
    when: 'the drain is complete and every allocation has ended',
    nomad: drained([allocation('complete'), allocation('failed'), allocation('lost')]),
    decision: done('drained'),
  },
  {
    when: 'the drain is complete, two killed tasks still stop',
    nomad: drained([allocation('running'), allocation('running')]),
    decision: wait,
  },
  { when: 'the drain is complete, a killed task still stops', nomad: drained([allocation('running')]), decision: wait },
  { when: 'the drain is complete, an allocation is pending', nomad: drained([allocation('pending')]), decision: wait },
  {
    when: 'the drain is complete, an allocation on a disconnected client is unknown',
    nomad: drained([allocation('unknown')]),
    decision: wait,
  },
  {
    when: 'the drain is complete, its allocations have not been read',
    nomad: node({ drain: drain('complete') }),
    decision: wait,
  },
  {
    when: 'the drain is complete, a system job still runs',
    nomad: drained([allocation('running', { jobType: 'system' })]),
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
    nomad: drained([allocation('running', { jobType: 'sysbatch' })]),
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
    decision: { action: 'wait', alarm: true },
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
    nomad: drained([allocation('running')]),
    now: at(15 * MINUTE),
    blind: true,
    decision: wait,
  },

  // No node, or none any more.
  { when: 'the node is down', nomad: node({ status: 'down' }), decision: done('node-lost') },
  {
    when: 'the node is down and its drain is still on',
    nomad: node({ status: 'down', drain: drain('draining') }),
    decision: done('node-lost'),
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
    termination: { ...waiting(), since: undefined } as unknown as Termination,
    nomad: { is: 'absent', seen: false },
    now: at(SECOND),
    decision: done('not-a-node'),
  },
  {
    when: 'more than one node is this instance',
    nomad: { is: 'ambiguous', nodeIds: ['n1', 'n2'] },
    decision: {
      action: 'error',
      because: 'more than one node is this instance: n1, n2',
      stuck: 'more than one node is this instance: n1, n2',
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
    decision: { action: 'wait', because: 'ECONNREFUSED', alarm: true, unserved: true },
  },

  {
    when: 'Nomad does not answer, and nobody could tell since when the instance waits',
    termination: { ...waiting(), since: undefined } as unknown as Termination,
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

  // The time is up.
  {
    when: 'a second before the drain deadline and the kill margin are over',
    nomad: node({ drain: drain('draining') }),
    now: at(6 * HOUR + 5 * MINUTE - SECOND),
    decision: wait,
  },
  {
    when: 'the drain deadline and the kill margin are over, and the drain is still on',
    nomad: node({ drain: drain('draining') }),
    now: at(6 * HOUR + 5 * MINUTE),
    decision: force,
  },
  {
    when: 'the drain of somebody else is still on after our deadline and the kill margin',
    nomad: node({ drain: { status: 'draining', startedAt: START, updatedAt: START } }),
    now: at(6 * HOUR + 5 * MINUTE),
    decision: force,
  },
  {
    when: 'an allocation outlives a complete drain by the kill margin',
    nomad: drained([allocation('running')]),
    now: at(6 * HOUR + 5 * MINUTE),
    decision: force,
  },
  {
    when: 'the drain was forced, the kill margin after it is not over',
    nomad: drained([allocation('running')], {
      ours: { instanceId: 'i-0123456789abcdef0', deadlineAt: at(6 * HOUR), forcedAt: at(7 * HOUR) },
    }),
    now: at(7 * HOUR + 5 * MINUTE - SECOND),
    decision: wait,
  },
  {
    when: 'the drain was forced and the kill margin after it is over',
    nomad: drained([allocation('running')], {
      ours: { instanceId: 'i-0123456789abcdef0', deadlineAt: at(6 * HOUR), forcedAt: at(7 * HOUR) },
    }),
    now: at(7 * HOUR + 5 * MINUTE),
    decision: done('timed-out'),
  },
  {
    when: 'the time is up, and the policy is to abandon',
    nomad: drained([allocation('running')], {
      ours: { instanceId: 'i-0123456789abcdef0', deadlineAt: at(6 * HOUR), forcedAt: at(7 * HOUR) },
    }),
    now: at(7 * HOUR + 5 * MINUTE),
    policy: { onTimeout: 'ABANDON' },
    decision: done('timed-out', 'ABANDON'),
  },
  {
    when: 'Nomad has not answered until after the time was up',
    nomad: { is: 'unanswered', because: 'ECONNREFUSED' },
    now: at(6 * HOUR + 10 * MINUTE),
    decision: done('timed-out'),
  },
  {
    when: 'Nomad has not answered until a second before the time was up',
    nomad: { is: 'unanswered', because: 'ECONNREFUSED' },
    now: at(6 * HOUR + 10 * MINUTE - SECOND),
    decision: wait,
  },
  {
    when: 'more than one node is this instance, and the time is up',
    nomad: { is: 'ambiguous', nodeIds: ['n1', 'n2'] },
    now: at(6 * HOUR + 10 * MINUTE),
    decision: done('timed-out'),
  },
  {
    when: "a drain without end is still on a sweep before Auto Scaling's own cap",
    termination: waiting({ heartbeatTimeoutSeconds: 30 }),
    nomad: node({ drain: { status: 'draining', startedAt: START, updatedAt: START } }),
    now: at(2940 * SECOND),
    decision: done('timed-out'),
  },
  {
    when: 'everything has stopped, long after the time was up',
    nomad: drained([]),
    now: at(20 * HOUR),
    decision: done('drained'),
  },
  {
    when: 'the wait is not dated, but our drain says since when',
    termination: { ...waiting(), since: undefined } as unknown as Termination,
    nomad: node({ drain: drain('draining', { ours: { instanceId: 'i-0123456789abcdef0', waitingSince: START } }) }),
    now: at(6 * HOUR + 5 * MINUTE),
    decision: force,
  },
];

describe('an instance waits for our hook', () => {
  test.each(situations)('$when', ({ termination = waiting(), nomad, now = at(11 * MINUTE), decision, ...more }) => {
    const circumstances = { now, policy: { ...policy, ...more.policy }, seesEveryNamespace: !more.blind };
    expect(decide(termination, nomad, circumstances)).toMatchObject(decision);
  });

  it('tells an operator why, in a sentence for each situation', async () => {
    const sentences = situations.map(({ when, termination = waiting(), nomad, now = at(11 * MINUTE), ...more }) => {
      const circumstances = { now, policy: { ...policy, ...more.policy }, seesEveryNamespace: !more.blind };
      const { action, because, ...rest } = decide(termination, nomad, circumstances);
      const stuck = 'stuck' in rest ? `  stuck: ${rest.stuck}\n` : '';
      return `${when}\n  ${action}: ${because}\n${stuck}`;
    });
    await expect(sentences.join('')).toMatchFileSnapshot('./decide.sentences.txt');
  });
});
