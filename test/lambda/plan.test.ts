import { describe, expect, it, test } from 'vitest';
import { buildTimes } from '../../lambda/core/queries/plan/build-times.ts';
import { compareDeadlines } from '../../lambda/core/queries/plan/deadlines.ts';
import { planInstance } from '../../lambda/core/queries/plan/instance.ts';
import { plan } from '../../lambda/core/queries/plan/plan.ts';
import type { AnswerPorts } from '../../lambda/core/queries/ports.ts';
import { byJob, type EndedBuild, RunTimes } from '../../lambda/core/scale-in/durations.ts';
import { build, client, MINUTE, NOW, took } from './clients.ts';
import { type Situation, situations } from './plan-situations.ts';

const HOUR = 3600;

const policy = (deadlineSeconds: number) => ({ deadlineSeconds, groups: ['builders'], isAll: true, label: '' });

function planned({ clients: given, runs = [], others = [client('stays')], ...more }: Situation) {
  const clients = given ?? [client('one', { runs })];
  const instance = { instanceId: 'i-one', group: 'builders', state: 'InService', clients };
  return planInstance(instance, {
    clients: [...clients, ...others],
    earlier: more.earlier ?? new Map(),
    limits: more.limits ?? new Map(),
    builds: more.builds ?? took(),
    blocked: more.blocked ?? new Map(),
    needs: more.needs ?? new Map(),
    deadlineSeconds: more.deadlineSeconds ?? HOUR,
    now: NOW,
  });
}

describe('an instance would be terminated now', () => {
  test.each(situations)('$when', (situation) => {
    expect(planned(situation).plan).toMatchObject(situation.means);
  });

  it('is told to an operator in a sentence for each situation', async () => {
    const sentences = situations.map((situation) => {
      const { verdict, because } = planned(situation).plan;
      return `${situation.when}\n  ${verdict}: ${because}\n`;
    });
    await expect(sentences.join('')).toMatchFileSnapshot('./plan.sentences.txt');
  });

  it('lists five builds at most, the worst first, and counts them all', () => {
    const runs = Array.from({ length: 30 }, (_, index) => ({
      ...client('x', {}).runs[0],
      id: `id-${index}`,
      job: index === 20 ? 'slow' : 'ci',
      jobType: 'batch',
      namespace: 'default',
      taskGroup: 'g',
      stopping: false,
      createdAt: NOW,
      takes: { cpu: 1, memoryMb: 1 },
    }));
    const earlier = new Map([
      ['default ci', took(10 * MINUTE)],
      ['default slow', took(90 * MINUTE)],
    ]);
    const { builds, buildCount } = planned({ when: '', runs, earlier, means: {} }).plan;
    expect([builds.length, buildCount]).toEqual([5, 30]);
    expect(builds[0]).toMatchObject({ job: 'slow', killChance: 1 });
  });
});

describe('how long builds take here', () => {
  const of = (job: string, minutes: number, ended = true): EndedBuild => ({
    job,
    namespace: 'default',
    nodeId: 'n',
    createdAt: NOW - 3 * HOUR * 1000,
    ms: minutes * MINUTE,
    ended,
  });
  const timesOf = (builds: EndedBuild[]) =>
    buildTimes(builds, { builds: new RunTimes(builds), earlier: byJob(builds) }, { all: true, now: NOW });

  it('is told with its median, 95 of 100 and the longest, in all and by job', () => {
    const builds = Array.from({ length: 40 }, (_, index) => of('ci/dispatch-1-a', index + 1));
    expect(timesOf([...builds, of('nightly', 90), of('nightly', 30, false)])).toEqual({
      ended: 41,
      cutShort: 1,
      medianSeconds: 21 * 60,
      mostSeconds: 40 * 60,
      longestSeconds: 90 * 60,
      longestJob: 'nightly',
      sinceSeconds: 3 * HOUR,
      jobs: [
        { job: 'nightly', namespace: 'default', ended: 1, cutShort: 1, medianSeconds: 5400, longestSeconds: 5400 },
        {
          job: 'ci',
          namespace: 'default',
          ended: 40,
          cutShort: 0,
          medianSeconds: 1200,
          mostSeconds: 38 * 60,
          longestSeconds: 2400,
        },
      ],
    });
  });

  it('has no 95 of 100 where fewer than twenty have ended', () => {
    const builds = Array.from({ length: 19 }, (_, index) => of('ci', index + 1));
    expect(timesOf(builds)).not.toHaveProperty('mostSeconds');
    expect(timesOf(builds)).toMatchObject({ medianSeconds: 600, longestSeconds: 19 * 60 });
  });

  it('is not known where none has ended', () => {
    expect(timesOf([of('ci', 5, false)])).toMatchObject({ ended: 0, cutShort: 1 });
    expect(timesOf([of('ci', 5, false)])).not.toHaveProperty('medianSeconds');
    expect(timesOf([])).toEqual({ ended: 0, cutShort: 0, jobs: [] });
  });
});

describe('deadlines', () => {
  it('are compared up to the first that spares all, with the policy’s and the one that is asked for', () => {
    const builds = took(4 * MINUTE, 10 * MINUTE, 50 * MINUTE);
    const deadlines = compareDeadlines([policy(6 * HOUR)], 40 * 60, builds, []);
    expect(deadlines.map(({ deadlineSeconds, is, spared }) => [deadlineSeconds / 60, is, spared])).toEqual([
      [5, undefined, 1],
      [15, undefined, 2],
      [30, undefined, 2],
      [40, 'asked', 2],
      [60, undefined, 3],
      [360, 'policy', 3],
    ]);
    // Of 64 minutes of building, 10 are more than 40 minutes from the end of a build.
    expect(deadlines[3]?.killShare).toBe(0.156);
  });

  it('say how many of the builds that run now each is expected to kill', () => {
    const earlier = new Map([['default ci', took(10 * MINUTE, 20 * MINUTE)]]);
    const ci = { id: 'a', job: 'ci', jobType: 'batch', namespace: 'default', taskGroup: 'g', stopping: false };
    const others = ['other', 'limited'].map((job) => ({ ...ci, id: job, job }));
    const runs = [ci, ci, ...others].map((each) => ({
      ...each,
      createdAt: NOW,
      takes: { cpu: 1, memoryMb: 1 },
    }));
    const limits = new Map([['limited', 17 * MINUTE]]);
    const { builds } = planned({ when: '', runs, earlier, limits, means: {} });
    const [first, longer] = compareDeadlines([policy(15 * 60)], 18 * 60, took(), builds);
    expect(first).toEqual({ deadlineSeconds: 900, is: 'policy', spared: 0, killShare: 0, killsNow: 1, unknownNow: 2 });
    expect(longer).toMatchObject({ deadlineSeconds: 1080, killsNow: 1, unknownNow: 1 });
  });
});

describe('builds of which Nomad has forgotten the older ones', () => {
  const LONG = 6 * HOUR * 1000;
  const SHORT = 10 * MINUTE;
  const SPACING = 4_000;
  const WINDOW = HOUR * 1000;
  /** For a day a build has begun every four seconds; each tenth takes six hours. */
  const history = Array.from({ length: (24 * HOUR * 1000) / SPACING }, (_, index) => {
    const createdAt = NOW - index * SPACING;
    return { createdAt, ms: index % 10 === 5 ? LONG : SHORT };
  });
  const common = { job: 'ci', namespace: 'default' };
  const endsAt = ({ createdAt, ms }: { createdAt: number; ms: number }) => createdAt + ms;
  const runs = history.filter((each) => endsAt(each) > NOW).map(({ createdAt }) => build('ci', NOW - createdAt));
  const known = history
    .filter((each) => endsAt(each) <= NOW)
    .map((each): EndedBuild => ({ ...common, ...each, nodeId: 'n', ended: true }));

  it.each([
    ['those that ended long ago', known.filter((each) => endsAt(each) > NOW - WINDOW), true],
    ['those that were begun before the last thousand', known.slice(0, 1_000), false],
  ])('%s: a tenth takes six hours all the same, not a third', async (_, builds, all) => {
    const fresh = { ...build('ci', 0), id: 'new' };
    const [one, other] = [client('one', { runs: [fresh] }), client('other', { runs })];
    const ports = {
      groups: [{ name: 'builders', policy: { deadlineSeconds: HOUR } }],
      clock: { now: () => NOW },
      members: async () => [{ instanceId: 'i-one', group: 'builders', state: 'InService' }],
      clients: {
        read: async () => ({
          candidates: [{ instanceId: 'i-one', pool: '', clients: [one] }],
          clients: [one, other],
        }),
        runLimitsOf: async () => new Map(),
      },
      endedBuilds: async () => ({ builds, all }),
      blockedGroups: async () => new Map(),
      needsOf: async () => new Map(),
    } as unknown as AnswerPorts;
    const { instances } = await plan({ command: 'plan' }, ports);
    expect(instances[0]?.killChance).toBeGreaterThan(0.08);
    expect(instances[0]?.killChance).toBeLessThan(0.12);
  });
});
