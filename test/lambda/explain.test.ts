import { describe, expect, test } from 'vitest';
import { names, say, stuckFor } from '../../lambda/core/explain.ts';
import type { Allocation } from '../../lambda/core/model/allocation.ts';
import type { PlacementFailure } from '../../lambda/nomad/json/evaluation.ts';
import { whyUnplaced, withBlocked } from '../../lambda/nomad/placement-failures.ts';

const NOW = Date.parse('2026-03-01T09:00:00Z');
const MINUTE = 60_000;

const allocation = (more: Partial<Allocation> = {}): Allocation => ({
  id: 'a1',
  job: 'web',
  jobType: 'service',
  namespace: 'default',
  taskGroup: 'g',
  clientStatus: 'running',
  desiredStatus: 'run',
  stopsLast: false,
  createdAt: NOW - 5 * MINUTE,
  changedAt: NOW - 5 * MINUTE,
  migrating: false,
  tasks: [],
  ...more,
});

const failure = (more: Partial<PlacementFailure> = {}): PlacementFailure => ({
  NodePool: 'default',
  NodesAvailable: { dc1: 3 },
  NodesInPool: 3,
  NodesEvaluated: 3,
  ConstraintFiltered: null,
  ClassFiltered: null,
  DimensionExhausted: null,
  QuotaExhausted: null,
  ...more,
});

const blockedEvaluation = (more: object = {}) => ({
  JobID: 'web',
  Namespace: 'default',
  CreateTime: NOW * 1e6,
  FailedTGAllocs: { g: failure() },
  ...more,
});

describe('what a drain waits for', () => {
  test('is named with its job and task group, and how long it has run, the oldest first', () => {
    const young = allocation({ job: 'build-2', taskGroup: 'build', createdAt: NOW - 12_000, clientStatus: 'pending' });
    expect(names([young, allocation()], NOW)).toBe(
      'web (task group g, running for 5 min), build-2 (task group build, pending for 12 s)',
    );
  });

  test('is named by the tasks that are left, where its client has called it failed', () => {
    const task = (name: string, state: string) => ({ name, state, poststop: true });
    const failed = allocation({
      clientStatus: 'failed',
      tasks: [task('upload', 'running'), task('notify', 'pending')],
    });
    expect(names([failed], NOW)).toBe(
      'web (task group g, failed, but its task upload is running and task notify is pending)',
    );
  });

  test('is counted where it is too much to name, and what is blocked is always named', () => {
    const builds = Array.from({ length: 7 }, (_, index) => allocation({ job: `build-${index}` }));
    const blocked = allocation({ createdAt: NOW, blocked: { because: 'no eligible node in pool gpu', since: NOW } });
    const sentence = names([...builds, blocked], NOW);
    expect(sentence).toMatch(
      /^web \(task group g, running for 0 s; nowhere to go: no eligible node in pool gpu\), build-0 /,
    );
    expect(sentence).toMatch(/ and 3 more$/);
  });

  test.each([
    [59, '59 s'],
    [60, '60 s'],
    [119, '119 s'],
    [120, '2 min'],
    [3599, '59 min'],
    [3600, '1 h'],
    [7500, '2 h 5 min'],
  ])('%d seconds are %s', (seconds, words) => expect(say(seconds)).toBe(words));
});

describe('why a service is not moved', () => {
  test.each<[string, Partial<PlacementFailure>]>([
    ['no eligible node in pool default', { NodesAvailable: {}, NodesInPool: 0, NodesEvaluated: 0 }],
    [
      'no eligible node of pool gpu is in a datacenter of the job',
      { NodePool: 'gpu', NodesAvailable: { dc1: 0 }, NodesInPool: 2, NodesEvaluated: 0 },
    ],
    [
      'of 1 eligible node in pool default, cpu is exhausted on 1',
      { NodesAvailable: { dc1: 1 }, NodesEvaluated: 1, DimensionExhausted: { cpu: 1 } },
    ],
    [
      // biome-ignore lint/suspicious/noTemplateCurlyInString: Nomad's own interpolation.
      'of 3 eligible nodes in pool default, constraint ${meta.gpu} = true rules out 2, memory is exhausted on 1',
      { ConstraintFiltered: { '${meta.gpu} = true': 2 }, DimensionExhausted: { memory: 1 } },
    ],
    ['of 3 eligible nodes in pool default, class small rules out 3', { ClassFiltered: { small: 3 } }],
    ['of 3 eligible nodes in pool default, none will do', {}],
    [
      'the quota of the namespace is exhausted: memory exhausted (300 needed > 200 limit)',
      { QuotaExhausted: ['memory exhausted (300 needed > 200 limit)'] },
    ],
  ])('%s', (words, more) => expect(whyUnplaced(failure(more))).toBe(words));

  test('Nomad 1.6 does not count the nodes of a pool, and none is available', () => {
    const { NodesInPool: _, ...old } = failure({ NodesAvailable: null, NodesEvaluated: 0 });
    expect(whyUnplaced(old)).toBe('no eligible node in pool default');
  });

  test('is said of its own job, namespace and task group alone, and of what has not been moved yet', () => {
    const why = (each: Partial<Allocation>, evaluation = blockedEvaluation()) =>
      withBlocked([allocation(each)], [evaluation])[0]?.blocked;
    expect(why({})).toEqual({ because: 'of 3 eligible nodes in pool default, none will do', since: NOW });
    expect(why({ job: 'api' })).toBeUndefined();
    expect(why({ namespace: 'builds' })).toBeUndefined();
    expect(why({ taskGroup: 'sidecar' })).toBeUndefined();
    expect(why({ desiredStatus: 'stop' })).toBeUndefined();
    expect(why({}, blockedEvaluation({ FailedTGAllocs: null }))).toBeUndefined();
  });
});

describe('a stuck drain', () => {
  const blocked = (job: string, since = NOW - MINUTE) =>
    allocation({ job, blocked: { because: 'no eligible node in pool default', since } });

  test('is stuck for the same words as long as it lasts, whatever else ends meanwhile', () => {
    const before = stuckFor([blocked('web'), blocked('api'), blocked('web'), allocation()], NOW - MINUTE, NOW);
    const after = stuckFor([blocked('api'), blocked('web')], NOW - MINUTE, NOW + 5 * MINUTE);
    expect(before).toBe(
      'api (task group g) has nowhere to go: no eligible node in pool default; ' +
        'web (task group g) has nowhere to go: no eligible node in pool default',
    );
    expect(after).toBe(before);
  });

  test('says of a service that is placed, and fails again and again, that it is replaced in vain', () => {
    const because = 'its replacements fail: Exit Code: 1';
    const failing = allocation({ blocked: { inVain: true, because, since: NOW - MINUTE } });
    expect(stuckFor([failing], NOW - MINUTE, NOW)).toBe(`web (task group g) is replaced in vain: ${because}`);
    expect(names([failing], NOW)).toBe(`web (task group g, running for 5 min; replaced in vain: ${because})`);
  });

  test('is none while it may yet move', () => {
    expect(stuckFor([allocation()], NOW - 60 * MINUTE, NOW)).toBeUndefined();
    expect(stuckFor([blocked('web', NOW - MINUTE + 1)], NOW - 60 * MINUTE, NOW)).toBeUndefined();
    expect(stuckFor([blocked('web')], NOW - MINUTE + 1, NOW)).toBeUndefined();
  });
});
