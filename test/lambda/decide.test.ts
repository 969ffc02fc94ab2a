import { describe, expect, it, test } from 'vitest';
import type { Allocation, Task } from '../../lambda/core/allocation.ts';
import { decide } from '../../lambda/core/decide.ts';
import type { Decision } from '../../lambda/core/decision.ts';
import type { Drain, NomadNode } from '../../lambda/core/node.ts';
import type { Observation } from '../../lambda/core/observation.ts';
import { DEFAULT_POLICY, type Policy } from '../../lambda/core/policy.ts';
import type { Termination } from '../../lambda/core/termination.ts';

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

/** Nobody could tell since when it waits. */
const undated = (more: Partial<Termination> = {}): Termination => {
  const { since: _, ...termination } = waiting(more);
  return termination;
};

const allocation = (clientStatus: string, more: Partial<Allocation> = {}): Allocation => ({
  id: 'a1',
  job: 'build-42',
  jobType: 'batch',
  namespace: 'default',
  taskGroup: 'build',
  clientStatus,
  desiredStatus: 'run',
  migrating: false,
  stopsLast: more.jobType === 'system',
  createdAt: START,
  changedAt: START,
  tasks: [],
  ...more,
});

/** What a drain has told to stop. */
const stopping = (clientStatus: string, more: Partial<Allocation> = {}): Allocation =>
  allocation(clientStatus, { desiredStatus: 'stop', migrating: true, ...more });

/** A failed build with a task that runs after it. */
const uploading = (state: string): Allocation =>
  allocation('failed', { tasks: [task('build', 'dead'), { ...task('upload', state), poststop: true }] });

const task = (name: string, state: string): Task => ({ name, state, poststop: false });

const node = (more: Partial<NomadNode> = {}): Observation => ({
  is: 'present',
  nodes: [{ id: 'n1', name: 'client-a', status: 'ready', ...more }],
});

/** Two nodes that both say that they are the instance. */
const both = (one: Partial<NomadNode>, other: Partial<NomadNode>): Observation => ({
  is: 'present',
  nodes: [
    { id: 'n2', name: 'client-b', status: 'ready', ...other },
    { id: 'n1', name: 'client-a', status: 'ready', ...one },
  ],
});

const theirs = (more: Partial<Drain> = {}): Drain => ({
  status: 'draining',
  startedAt: START,
  updatedAt: START,
  ...more,
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
    nomad: drained([stopping('running')]),
    now: at(15 * MINUTE),
    blind: true,
    decision: wait,
  },

  // No node, or none any more.
  {
    when: 'the node is down, and everything on it is lost',
    nomad: node({ status: 'down', allocations: [allocation('lost', { tasks: [task('build', 'running')] })] }),
    decision: done('node-lost'),
  },
  {
    when: 'the node is down and its drain is still on, with nothing left',
    nomad: node({ status: 'down', drain: drain('draining'), allocations: [allocation('complete')] }),
    decision: done('node-lost'),
  },
  {
    when: 'the node is down and not drained, and Nomad keeps its build as unknown: the agent may come back',
    nomad: node({ status: 'down', allocations: [allocation('unknown')] }),
    decision: start(21_600),
  },
  {
    when: 'the node went down in its drain, and Nomad keeps its build as unknown',
    nomad: node({ status: 'down', drain: drain('draining'), allocations: [allocation('unknown')] }),
    decision: { action: 'wait', alarm: true, stuck: expect.stringContaining('its Nomad agent has to come back') },
  },
  {
    when: 'the node is down with an unknown build, and EC2 has stopped the instance',
    termination: waiting({ ec2: 'stopped' }),
    nomad: node({ status: 'down', drain: drain('draining'), allocations: [allocation('unknown')] }),
    decision: done('node-lost'),
  },
  {
    when: 'the node has just gone down, and Nomad has not come to what ran there',
    nomad: node({ status: 'down', drain: drain('draining'), allocations: [allocation('running')] }),
    decision: wait,
  },
  {
    when: 'the node is down with an unknown build, past the drain deadline and the kill margin',
    nomad: node({ status: 'down', drain: drain('draining'), allocations: [allocation('unknown')] }),
    now: at(6 * HOUR + 5 * MINUTE),
    decision: force,
  },
  {
    when: 'the node is down, and the token does not see every namespace: Nomad is to say what is left, by a drain',
    nomad: node({ status: 'down', allocations: [] }),
    blind: true,
    decision: start(21_600),
  },
  {
    when: 'the node is down, its drain complete and the kill margin over, for a token that does not see every namespace',
    nomad: node({ status: 'down', drain: drain('complete'), allocations: [] }),
    now: at(15 * MINUTE),
    blind: true,
    decision: done('node-lost'),
  },
  {
    when: 'the node is down, and what ran there is still to be read',
    nomad: node({ status: 'down', drain: drain('draining') }),
    decision: wait,
  },

  // Ended for the client, and not for its tasks.
  {
    when: 'a build has failed, and its upload is still to run',
    nomad: drained([uploading('pending')]),
    decision: wait,
  },
  { when: 'a build has failed, and its upload runs', nomad: drained([uploading('running')]), decision: wait },
  {
    when: 'a build has failed, and its upload has ended',
    nomad: drained([uploading('dead')]),
    decision: done('drained'),
  },
  {
    when: 'the drain is on though all builds have ended for their client, and an upload runs',
    nomad: node({ drain: drain('draining'), allocations: [uploading('running')], copying: [] }),
    decision: wait,
  },
  {
    when: 'a build has failed before a task beside it had begun: nothing starts that any more',
    nomad: drained([allocation('failed', { tasks: [task('build', 'dead'), task('cache', 'pending')] })]),
    decision: done('drained'),
  },
  {
    when: 'Nomad has called a build lost whose client came back, and its task runs',
    nomad: drained([stopping('lost', { tasks: [task('build', 'running')] })]),
    decision: wait,
  },

  // Complete, and not what it seems.
  {
    when: 'the drain of somebody else has left a system job alone',
    nomad: node({ drain: theirs({ status: 'complete' }), allocations: [allocation('running', { jobType: 'system' })] }),
    decision: start(21_600),
  },
  {
    when: 'the drain of somebody else has left a system job alone, which is not to be counted',
    nomad: node({ drain: theirs({ status: 'complete' }), allocations: [allocation('running', { jobType: 'system' })] }),
    policy: { ignoreSystemJobs: true },
    decision: done('drained'),
  },
  {
    when: 'our drain completed long ago, and a service runs that was placed since',
    nomad: drained([allocation('running', { jobType: 'service', createdAt: at(20 * MINUTE) })]),
    now: at(30 * MINUTE),
    decision: start(21_600),
  },
  {
    when: 'our drain completed just now, and the scheduler has not come to what it is to stop',
    nomad: drained([allocation('running')], { updatedAt: at(11 * MINUTE - SECOND) }),
    decision: wait,
  },
  {
    when: 'our drain completed a minute ago, and something runs that nobody stops',
    nomad: drained([allocation('running')], { updatedAt: at(10 * MINUTE) }),
    decision: start(21_600),
  },
  {
    when: 'the drain is complete, and a node that is down may still run what was left alone',
    nomad: node({ status: 'down', drain: drain('complete'), allocations: [allocation('unknown')] }),
    now: at(30 * MINUTE),
    decision: { action: 'wait', alarm: true },
  },
  {
    when: 'the node is down, and its drain down to a system job that may still run',
    nomad: node({
      status: 'down',
      drain: drain('draining'),
      allocations: [allocation('unknown', { jobType: 'system' })],
    }),
    decision: { action: 'wait', alarm: true },
  },
  {
    when: 'the drain has asked for a build to be stopped, and the scheduler has not come to it',
    nomad: drained([allocation('running', { migrating: true })]),
    decision: wait,
  },
  {
    when: 'the drain is complete and leaves something alone, in the last sweep before the cap',
    nomad: drained([allocation('running')]),
    now: at(48 * HOUR - 90 * SECOND),
    decision: done('timed-out'),
  },

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
      alarm: true,
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
    decision: { action: 'wait', because: 'ECONNREFUSED', alarm: true, unserved: true },
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
    nomad: drained([stopping('running')]),
    now: at(6 * HOUR + 5 * MINUTE),
    decision: force,
  },
  {
    when: 'the drain was forced, the kill margin after it is not over',
    nomad: drained([stopping('running')], {
      ours: { instanceId: 'i-0123456789abcdef0', deadlineAt: at(6 * HOUR), forcedAt: at(7 * HOUR) },
    }),
    now: at(7 * HOUR + 5 * MINUTE - SECOND),
    decision: wait,
  },
  {
    when: 'the drain was forced and the kill margin after it is over',
    nomad: drained([stopping('running')], {
      ours: { instanceId: 'i-0123456789abcdef0', deadlineAt: at(6 * HOUR), forcedAt: at(7 * HOUR) },
    }),
    now: at(7 * HOUR + 5 * MINUTE),
    decision: done('timed-out'),
  },
  {
    when: 'the time is up, and the policy is to abandon',
    nomad: drained([stopping('running')], {
      ours: { instanceId: 'i-0123456789abcdef0', deadlineAt: at(6 * HOUR), forcedAt: at(7 * HOUR) },
    }),
    now: at(7 * HOUR + 5 * MINUTE),
    policy: { onTimeout: 'ABANDON' },
    decision: done('timed-out', 'ABANDON'),
  },
  {
    when: 'Nomad does not answer long after the policy would have killed builds: the drain may have begun late',
    nomad: { is: 'unanswered', because: 'ECONNREFUSED' },
    now: at(48 * HOUR - 91 * SECOND),
    decision: { action: 'wait', unserved: true },
  },
  {
    when: "Nomad does not answer in the last sweep before Auto Scaling's own cap",
    nomad: { is: 'unanswered', because: 'ECONNREFUSED' },
    now: at(48 * HOUR - 90 * SECOND),
    decision: done('timed-out'),
  },
  {
    when: 'more than one node has its address, long after the policy would have killed builds',
    nomad: { is: 'ambiguous', nodeIds: ['n1', 'n2'] },
    now: at(48 * HOUR - 91 * SECOND),
    decision: { action: 'error' },
  },
  {
    when: "more than one node has its address, in the last sweep before Auto Scaling's own cap",
    nomad: { is: 'ambiguous', nodeIds: ['n1', 'n2'] },
    now: at(48 * HOUR - 90 * SECOND),
    policy: { onTimeout: 'ABANDON' },
    decision: done('timed-out', 'ABANDON'),
  },
  {
    when: 'an operator has given the drain a later deadline',
    nomad: node({ drain: theirs({ deadlineAt: at(10 * HOUR) }), allocations: [allocation('running')] }),
    now: at(10 * HOUR + 5 * MINUTE - SECOND),
    decision: wait,
  },
  {
    when: 'the later deadline of an operator and the kill margin are over',
    nomad: node({ drain: theirs({ deadlineAt: at(10 * HOUR) }), allocations: [allocation('running')] }),
    now: at(10 * HOUR + 5 * MINUTE),
    decision: force,
  },
  {
    when: 'an operator has given the drain no deadline: as far as the hook can hold it',
    nomad: node({ drain: theirs({ deadlineAt: 'never' }), allocations: [allocation('running')] }),
    now: at(48 * HOUR - 5 * MINUTE - SECOND),
    decision: wait,
  },
  {
    when: 'an operator has given the drain no deadline, and the hook cannot hold it longer',
    nomad: node({ drain: theirs({ deadlineAt: 'never' }), allocations: [allocation('running')] }),
    now: at(48 * HOUR - 5 * MINUTE),
    decision: force,
  },
  {
    when: 'the later deadline of an operator has come, and what it killed still stops',
    nomad: node({
      drain: theirs({ status: 'complete', updatedAt: at(10 * HOUR), deadlineReached: true }),
      allocations: [stopping('running')],
    }),
    now: at(10 * HOUR + 5 * MINUTE - SECOND),
    decision: wait,
  },
  {
    when: "a drain without end is still on a sweep before Auto Scaling's own cap",
    termination: waiting({ heartbeatTimeoutSeconds: 30 }),
    nomad: node({ drain: { status: 'draining', startedAt: START, updatedAt: START } }),
    now: at(2910 * SECOND),
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
    termination: undated(),
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
