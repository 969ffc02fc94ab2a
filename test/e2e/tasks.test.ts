import { describe, expect, it } from 'vitest';
import type { JobSpec } from '../../emulators/nomad/scheduler/jobs.ts';
import { MINUTE } from '../../emulators/world/world.ts';
import { start, world } from './start.ts';

/** An instance scales in while it runs this job. */
const leaving = async (job: JobSpec) => {
  const { instanceId, nodeId } = world.addBuilder();
  const [allocationId = ''] = world.nomad.run({ on: nodeId, ...job });
  await world.scaleIn(instanceId);
  return { instanceId, allocationId };
};

const uploads: [string, JobSpec][] = [
  ['a build has failed', { id: 'build', runSeconds: 60, exitCode: 1, poststopSeconds: 300 }],
  ['a build has ended well', { id: 'build', runSeconds: 60, poststopSeconds: 300 }],
  [
    'its preparation has failed',
    {
      id: 'build',
      runSeconds: 60,
      tasks: [
        { name: 'prepare', hook: 'prestart', runSeconds: 30, exitCode: 1 },
        { name: 'upload', hook: 'poststop', runSeconds: 300 },
      ],
    },
  ],
  [
    'one of two builds has failed, and the other takes its time to stop',
    {
      id: 'build',
      runSeconds: 60,
      exitCode: 1,
      tasks: [
        { name: 'twin', runSeconds: 3600, stopSeconds: 20, killTimeoutSeconds: 30 },
        { name: 'upload', hook: 'poststop', runSeconds: 300 },
      ],
    },
  ],
];

describe('an allocation of several tasks', () => {
  it.each(uploads)('is waited for until its upload has ended, where %s', async (_, job) => {
    await start();
    const { instanceId } = await leaving(job);

    await world.sweepFor(10 * MINUTE);

    expect(world.outcome(instanceId)).toBe('drained');
    expect(world.nomad.killed().filter(({ how }) => how === 'instance-died')).toEqual([]);
  });

  it('is waited for while its upload runs on past the drain deadline, for the kill margin', async () => {
    await start({ policy: { deadlineSeconds: 120, killMarginSeconds: 120 } });
    const { instanceId } = await leaving({ id: 'build', poststopSeconds: 60 });

    await world.sweepFor(10 * MINUTE);

    expect(world.outcome(instanceId)).toBe('forced');
    expect(world.nomad.killed().filter(({ how }) => how === 'instance-died')).toEqual([]);
  });

  it('is told by the task that is left', async () => {
    await start();
    await leaving({ id: 'build', runSeconds: 10, exitCode: 1, poststopSeconds: 300 });

    await world.sweepFor(2 * MINUTE);

    const [instance] = world.reports.at(-1)?.instances ?? [];
    expect(instance?.because).toContain('build (task group g, failed, but its task post is running)');
    expect(instance?.remaining).toMatchObject([{ job: 'build', status: 'failed' }]);
  });

  it('is waited for between two attempts of a build that is started again', async () => {
    await start();
    const restarts = { attempts: 2, delaySeconds: 30 };
    const { instanceId } = await leaving({ id: 'build', runSeconds: 60, exitCode: 1, restarts });

    await world.sweepFor(10 * MINUTE);

    const { at = 0 } = world.completion(instanceId) ?? {};
    expect(world.outcome(instanceId)).toBe('drained');
    expect(at - Date.parse('2026-03-01T09:00:00Z')).toBeGreaterThan(4 * MINUTE);
  });
});

describe('a build with a max_run_duration', () => {
  it('is waited for past it, while its task takes its kill timeout, though Nomad reports it as complete', async () => {
    await start();
    const limited = { maxRunSeconds: 120, stopSeconds: 200, killTimeoutSeconds: 180, poststopSeconds: 60 };
    const { instanceId } = await leaving({ id: 'build', ...limited });

    await world.sweepFor(4 * MINUTE);
    const [instance] = world.reports.at(-1)?.instances ?? [];
    expect(instance?.because).toContain('build (task group g, complete, but its task t is running)');
    expect(world.completion(instanceId)).toBeUndefined();

    await world.sweepFor(3 * MINUTE);
    expect(world.outcome(instanceId)).toBe('drained');
    expect(world.nomad.killed()).toEqual([]);
  });
});

describe('the heir of a migrating disk', () => {
  it('is waited for while it copies, and not while it waits for something else', async () => {
    await start();
    const { instanceId, nodeId } = world.addBuilder();
    world.addBuilder();
    const service = { type: 'service' as const, migrateDisk: { copySeconds: 40 }, startSeconds: 7200 };
    world.nomad.run({ id: 'cache', ...service });
    const [allocation] = world.nomad.allocationsOn(nodeId);
    const from = allocation ? instanceId : (world.aws.instances('builders')[1]?.id ?? '');
    await world.scaleIn(from);

    await world.sweepFor(5 * MINUTE);

    expect(world.outcome(from)).toBe('drained');
    expect(world.nomad.lostDisks()).toEqual([]);
  });
});
