import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { hasMaxRunDuration } from '../../../emulators/nomad/version.ts';
import type { InstanceReport, Report } from '../../../lambda/core/drain/report.ts';
import { JOB_DRAIN_KEY } from '../../../lambda/core/model/job-drain.ts';
import { LOG } from '../../../lambda/core/model/log-messages.ts';
import { type JobOptions, Stage } from './stage.ts';
import { watch } from './watch.ts';

const FOREVER = 'exec sleep 600';
const SYSTEM = { type: 'system' };
const says = (drain: string): JobOptions => ({ meta: { [JOB_DRAIN_KEY]: drain } });
/** It may stop allocations of the default namespace alone. */
const STOPS = `node { policy = "write" }
namespace "*" { capabilities = ["read-job"] }
namespace "default" { capabilities = ["read-job", "alloc-lifecycle"] }`;

const HOUR = { deadlineSeconds: 3600, killMarginSeconds: 30, jobMeta: true };
const SHORT = { deadlineSeconds: 12, killMarginSeconds: 20, ignoreSystemJobs: true };

/** What runs on an instance of each group, by the name of the instance here; jobs that end by themselves start last. */
const WEB = ['killed', 'outlives', 'puzzling'] as const;
const BUILDERS = ['finishes', 'limited', 'unwaited', 'refused', 'over'] as const;
type Name = (typeof WEB)[number] | (typeof BUILDERS)[number];

interface Node {
  DrainStrategy: { Deadline: number; IgnoreSystemJobs: boolean } | null;
  LastDrain: { UpdatedAt: string; Meta: Record<string, string> } | null;
}

let stage: Stage;
let instances: Record<Name, string>;
/** When the sweep began that started all drains, milliseconds since the epoch. */
let beganAt: number;
/** What that sweep asked Nomad for. */
let strategies: Record<string, Node['DrainStrategy']>;
let over: ReturnType<typeof watch> | undefined;
const reports: Report[] = [];

const nodeOf = (name: Name) => stage.ask<Node>('GET', `/v1/node/${stage.nodeOf(instances[name])}`);
const run = (job: string, on: Name, script: string, options: JobOptions = {}) =>
  stage.run(job, stage.nodeOf(instances[on]), script, options);
const reportsOf = (name: Name): InstanceReport[] =>
  reports.flatMap((report) => report.instances.filter(({ instanceId }) => instanceId === instances[name]));
const released = (name: Name) => reportsOf(name).find(({ action }) => action === 'complete');
const ENDED = { ClientStatus: 'complete', DesiredStatus: 'run' };
const STOPPED = { ClientStatus: 'complete', DesiredStatus: 'stop' };

async function runJobs(): Promise<void> {
  await stage.ask('POST', '/v1/namespace/ci', { Name: 'ci' });
  await Promise.all([
    run('logs-web', 'killed', FOREVER, SYSTEM),
    run('logs-builders', 'finishes', FOREVER, SYSTEM),
    run('logs-refused', 'refused', FOREVER, SYSTEM),
    run('puzzling', 'puzzling', FOREVER, says('tomorrow')),
    run('limited', 'limited', FOREVER, { group: { Meta: { [JOB_DRAIN_KEY]: '70s' } } }),
    run('unwaited', 'unwaited', FOREVER, says('now')),
    run('refused', 'refused', FOREVER, { ...says('now'), namespace: 'ci' }),
  ]);
  await Promise.all([
    run('killed', 'killed', 'sleep 45'),
    run('finishes', 'finishes', 'sleep 45'),
    run('outlives', 'outlives', 'sleep 45', says('until-done')),
    run('beside', 'unwaited', 'sleep 30'),
    ...(hasMaxRunDuration(stage.nomad.version) ? [runPastItsLimit()] : []),
  ]);
}

/** Its task takes its kill timeout of 15 s to stop. */
async function runPastItsLimit(): Promise<void> {
  const word = 'stays-past-its-limit';
  await run('over', 'over', `trap "" TERM INT; while true; do : ${word}; sleep 1; done`, {
    killTimeoutSeconds: 15,
    group: { MaxRunDuration: 25e9 },
  });
  over = watch(word);
}

/** One sweep starts the drains of all; further ones follow until all are released. */
async function drainAll(): Promise<void> {
  const hook = 'nomad-drain';
  const groups = [
    { name: 'builders', hook },
    { name: 'web', hook, policy: SHORT },
  ];
  const handler = await stage.deploy(HOUR, undefined, { groups });
  for (const name of WEB) stage.aws.scaleIn('web', [instances[name]]);
  for (const name of BUILDERS) stage.aws.scaleIn('builders', [instances[name]]);
  const all = Object.keys(instances).length;
  await expect.poll(() => stage.aws.waiting.length, { timeout: 5_000 }).toBe(all);
  beganAt = Date.now();
  const [first, ...drained] = await Promise.all([
    stage.sweep(handler),
    ...(['killed', 'finishes', 'outlives', 'puzzling', 'limited'] as const).map(async (name) => [
      name,
      await vi.waitUntil(async () => (await nodeOf(name)).DrainStrategy, { timeout: 15_000 }),
    ]),
  ]);
  strategies = Object.fromEntries(drained);
  reports.push(first);
  while (stage.aws.waiting.length > 0) {
    const report = await stage.sweep(handler).catch(() => sleep(1_000));
    if (report) reports.push(report);
  }
}

describe('two groups with policies of their own, and jobs that say how long drains wait, on a real Nomad', () => {
  beforeAll(async () => {
    stage = await Stage.start(WEB.length + BUILDERS.length, { others: { web: WEB.length } });
    await stage.grant('drainer', STOPS);
    const idsOf = (group: string) => stage.aws.instances(group).map(({ id }) => id);
    const ids = [...idsOf('web'), ...idsOf('builders')];
    instances = Object.fromEntries([...WEB, ...BUILDERS].map((name, i) => [name, ids[i]])) as typeof instances;
  }, 180_000);
  afterAll(() => stage?.close());

  it('one sweep starts the drains of both groups, each with its own deadline, margin and system jobs', async () => {
    await runJobs();
    await drainAll();

    expect(strategies.killed).toMatchObject({ Deadline: 12e9, IgnoreSystemJobs: true });
    expect(strategies.finishes).toMatchObject({ Deadline: 3600e9, IgnoreSystemJobs: false });
    const marginOf = (name: Name) => {
      const { deadlineAt = '', forceAt = '' } = reportsOf(name).find((each) => each.forceAt) ?? {};
      return Date.parse(forceAt) - Date.parse(deadlineAt);
    };
    expect([marginOf('killed'), marginOf('finishes')]).toEqual([20_000, 30_000]);
    expect((await nodeOf('killed')).LastDrain?.Meta).toMatchObject({ auto_scaling_group: 'web' });
  }, 240_000);

  it('a build is killed at the deadline of one group, and the same build ends by itself in the other', async () => {
    expect(released('killed')).toMatchObject({ group: 'web', outcome: 'forced', killed: [{ job: 'killed' }] });
    expect(await stage.allocationsOf('killed')).toMatchObject([STOPPED]);
    expect(await stage.allocationsOf('logs-web')).toMatchObject([{ ClientStatus: 'running', DesiredStatus: 'run' }]);
    expect(released('finishes')).toMatchObject({ group: 'builders', outcome: 'drained' });
    expect(await stage.allocationsOf('finishes')).toMatchObject([ENDED]);
    expect(await stage.allocationsOf('logs-builders')).toMatchObject([STOPPED]);
    for (const name of ['killed', 'finishes'] as const)
      expect(stage.releasedAt(instances[name])).toBeGreaterThanOrEqual(await stage.stoppedAt(name));
  });

  it('until-done outlives the deadline of its policy', async () => {
    expect(strategies.outlives?.Deadline).toBeGreaterThan(47 * 3600e9);
    expect(released('outlives')).toMatchObject({ outcome: 'drained' });
    expect(await stage.allocationsOf('outlives')).toMatchObject([ENDED]);
    expect((await stage.stoppedAt('outlives')) - beganAt).toBeGreaterThan(12_000);
    expect(stage.releasedAt(instances.outlives)).toBeGreaterThanOrEqual(await stage.stoppedAt('outlives'));
  });

  it('70s ends a build by then, though the policy has an hour', async () => {
    expect(strategies.limited).toMatchObject({ Deadline: 3600e9 });
    expect(released('limited')).toMatchObject({ outcome: 'forced', killed: [{ job: 'limited' }] });
    expect(await stage.allocationsOf('limited')).toMatchObject([STOPPED]);
    // Nomad reports the start of a drain in whole seconds.
    expect((await stage.stoppedAt('limited')) - beganAt).toBeGreaterThan(69_000);
  });

  it('now is stopped when the drain begins, and a build beside it finishes', async () => {
    expect(released('unwaited')).toMatchObject({ outcome: 'drained' });
    expect(await stage.allocationsOf('unwaited')).toMatchObject([STOPPED]);
    expect(await stage.allocationsOf('beside')).toMatchObject([ENDED]);
    expect(await stage.stoppedAt('unwaited')).toBeLessThan(await stage.stoppedAt('beside'));
    expect(stage.releasedAt(instances.unwaited)).toBeGreaterThanOrEqual(await stage.stoppedAt('beside'));
  });

  it('now, with a token that may not stop it: that is logged, no sweep waits for it, and system jobs are stopped', async () => {
    const logged = stage.logLines.map(({ message }) => JSON.parse(message) as { message: string; job?: string });
    expect(logged.filter(({ message }) => message === LOG.notStopped)).toMatchObject([
      { job: 'refused', namespace: 'ci', because: expect.stringContaining('Permission denied') },
    ]);
    expect(released('refused')).toBeDefined();
    expect(await stage.allocationsOf('logs-refused')).toMatchObject([STOPPED]);
  });

  it('a value that means nothing is a warning, and the policy holds', async () => {
    expect(new Set(reports.flatMap(({ warnings }) => warnings))).toEqual(
      new Set([
        expect.stringMatching(
          /^job puzzling \(namespace default\) has nomad_drain_hook_drain = "tomorrow", which is not/,
        ),
      ]),
    );
    expect(strategies.puzzling).toMatchObject({ Deadline: 12e9 });
    expect(released('puzzling')).toMatchObject({ outcome: 'forced', killed: [{ job: 'puzzling' }] });
  });

  it('past its max_run_duration a build is complete for Nomad, and its instance is held until its task has ended', async ({
    skip,
  }) => {
    if (!hasMaxRunDuration(stage.nomad.version)) skip();
    const endedAt = (await over?.ended()) ?? Number.NaN;
    const { LastDrain } = await nodeOf('over');
    expect(Date.parse(LastDrain?.UpdatedAt ?? '')).toBeLessThan(endedAt);
    expect(await stage.allocationsOf('over')).toMatchObject([
      { ...ENDED, ClientDescription: 'allocation exceeded max_run_duration' },
    ]);
    expect(released('over')).toMatchObject({ outcome: 'drained' });
    expect(stage.releasedAt(instances.over)).toBeGreaterThanOrEqual(endedAt);
  });
});
