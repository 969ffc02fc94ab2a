import { describe, expect, it, test } from 'vitest';
import { type Allocation, isAlive, isLeftAlone } from '../../lambda/core/model/allocation.ts';
import { type Drain, emptySince, killed, type NomadNode, remaining } from '../../lambda/core/model/node.ts';
import { nodeOf, nodesOf, sinceOf } from '../../lambda/core/model/observation.ts';
import { DEFAULT_POLICY } from '../../lambda/core/model/policy.ts';
import type { Termination } from '../../lambda/core/model/termination.ts';

const START = Date.parse('2026-03-01T09:00:00Z');
const MINUTE = 60_000;

const allocation = (more: Partial<Allocation> = {}): Allocation => ({
  id: 'a1',
  job: 'build',
  jobType: 'batch',
  namespace: 'default',
  taskGroup: 'g',
  clientStatus: 'running',
  desiredStatus: 'run',
  migrating: false,
  stopsLast: false,
  createdAt: START,
  changedAt: START,
  tasks: [],
  ...more,
});

const drain = (more: Partial<Drain> = {}): Drain => ({
  status: 'complete',
  startedAt: START,
  updatedAt: START + 10 * MINUTE,
  ...more,
});

const node = (more: Partial<NomadNode> = {}): NomadNode => ({
  id: 'n1',
  name: 'client-a',
  status: 'ready',
  eligible: !more.drain,
  ...more,
});

const task = (state: string, poststop = false) => ({ name: 't', state, poststop });

describe('an allocation', () => {
  test.each<[string, boolean, Partial<Allocation>, NomadNode['status']]>([
    ['runs', true, {}, 'ready'],
    ['is pending', true, { clientStatus: 'pending' }, 'ready'],
    ['is unknown on a node that is down', true, { clientStatus: 'unknown' }, 'down'],
    ['is complete', false, { clientStatus: 'complete', tasks: [task('dead')] }, 'ready'],
    ['has failed', false, { clientStatus: 'failed', tasks: [task('dead')] }, 'ready'],
    ['has failed, and a task of it runs', true, { clientStatus: 'failed', tasks: [task('running')] }, 'ready'],
    ['has failed, and its upload is to run', true, { clientStatus: 'failed', tasks: [task('pending', true)] }, 'ready'],
    ['has failed before another task began', false, { clientStatus: 'failed', tasks: [task('pending')] }, 'ready'],
    [
      'has failed on a node that went down, with its upload',
      true,
      { clientStatus: 'failed', tasks: [task('running', true)] },
      'down',
    ],
    ['is lost', false, { clientStatus: 'lost' }, 'ready'],
    ['is lost on a node that is down, and ran last', false, { clientStatus: 'lost', tasks: [task('running')] }, 'down'],
    ['is lost, and its client is back with it', true, { clientStatus: 'lost', tasks: [task('running')] }, 'ready'],
  ])('that %s is alive: %s', (_, alive, more, status) => {
    expect(isAlive(allocation(more), { status })).toBe(alive);
  });

  test.each<[string, boolean, Partial<Allocation>]>([
    ['runs', true, {}],
    ['is unknown', true, { clientStatus: 'unknown' }],
    ['is told to stop', false, { desiredStatus: 'stop' }],
    ['is asked to move', false, { migrating: true }],
    ['has failed, its upload still to run', false, { clientStatus: 'failed', tasks: [task('pending', true)] }],
  ])('that %s is left alone: %s', (_, alone, more) => {
    expect(isLeftAlone(allocation(more))).toBe(alone);
  });

  it('of a system job keeps no node where the policy ignores those', () => {
    const allocations = [allocation({ jobType: 'system' }), allocation({ jobType: 'sysbatch' }), allocation()];
    const left = (ignoreSystemJobs: boolean) => remaining(node({ allocations }), { ignoreSystemJobs });
    expect(left(false)).toEqual(allocations);
    expect(left(true)).toEqual(allocations.slice(1));
    expect(remaining(node(), { ignoreSystemJobs: false })).toEqual([]);
  });
});

describe('what a drain has killed', () => {
  const victim = allocation({ id: 'victim', killedAt: START + 10 * MINUTE });
  const others = [
    allocation({ id: 'ended by itself' }),
    allocation({ id: 'moved before the deadline', killedAt: START + 10 * MINUTE - 1 }),
    allocation({ id: 'stopped last, as always', killedAt: START + 10 * MINUTE, stopsLast: true }),
  ];
  const allocations = [victim, ...others];

  test.each<[string, Partial<Drain>, Allocation[]]>([
    ['where its deadline had come', { deadlineReached: true }, [victim]],
    ['where we forced it', { ours: { instanceId: 'i-1', forcedAt: START } }, [victim]],
    ['where it ended in time', { deadlineReached: false, ours: { instanceId: 'i-1' } }, []],
    ['where somebody else drained it in time', {}, []],
    ['while it is on', { status: 'draining', deadlineReached: true }, []],
  ])('is named %s', (_, more, named) => {
    expect(killed(node({ drain: drain(more), allocations }))).toEqual(named);
  });

  it('is nothing without a drain, or without allocations', () => {
    expect(killed(node({ allocations }))).toEqual([]);
    expect(killed(node({ drain: drain({ deadlineReached: true }) }))).toEqual([]);
  });
});

describe('a node is empty', () => {
  it('since its last allocation ended, and not before its drain began', () => {
    const ended = (minutes: number) => allocation({ clientStatus: 'complete', changedAt: START + minutes * MINUTE });
    const running = allocation({ changedAt: START + 30 * MINUTE });
    expect(emptySince(drain(), [ended(3), ended(7), running])).toBe(START + 7 * MINUTE);
    expect(emptySince(drain(), [ended(-5)])).toBe(START);
    expect(emptySince(drain(), [])).toBe(START);
  });
});

describe('an observation', () => {
  const termination: Termination = {
    instanceId: 'i-1',
    group: 'builders',
    hook: 'nomad-drain',
    state: 'Terminating:Wait',
    held: true,
    policy: DEFAULT_POLICY,
    heartbeatTimeoutSeconds: 1800,
    ec2: 'running',
  };
  const first = node({ drain: drain() });
  const second = node({ id: 'n2', drain: drain({ ours: { instanceId: 'i-1', waitingSince: START - MINUTE } }) });

  it('names the nodes of the instance, the first of which stands for it', () => {
    expect(nodesOf({ is: 'present', nodes: [first, second] })).toEqual([first, second]);
    expect(nodeOf({ is: 'present', nodes: [first, second] })).toBe(first);
    expect(nodesOf({ is: 'absent', seen: true })).toEqual([]);
    expect(nodeOf({ is: 'unanswered', because: 'silent' })).toBeUndefined();
  });

  it('dates a wait by the latest credible beginning', () => {
    const present = { is: 'present' as const };
    const dated = { ...termination, since: START - 2 * MINUTE, seenSince: START + MINUTE };
    const seen = { ...termination, seenSince: START + MINUTE };
    // The activity began before the wait: what was written down since is nearer.
    expect(sinceOf(dated, { ...present, nodes: [first, second] })).toBe(START - MINUTE);
    expect(sinceOf(dated, { ...present, nodes: [first] })).toBe(START - 2 * MINUTE);
    // What was written down before the activity is of an earlier wait.
    expect(sinceOf({ ...dated, since: START }, { ...present, nodes: [second] })).toBe(START);
    // Without an activity nothing says of which wait it is.
    expect(sinceOf(seen, { ...present, nodes: [first, second] })).toBe(START + MINUTE);
    expect(sinceOf(termination, { is: 'absent', seen: false })).toBeUndefined();
  });
});
