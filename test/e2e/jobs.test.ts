import { describe, expect, it } from 'vitest';
import { MINUTE, SECOND } from '../../emulators/world/world.ts';
import { start, world } from './start.ts';

const ask = (more: object = {}) => world.ask<'jobs'>({ command: 'jobs', ...more });
const isoAt = (time: number) => new Date(time).toISOString();

/** A builder, and jobs in two namespaces on it: one that runs, one without room, one that failed, one that ended well. */
async function startWithJobs() {
  await start();
  world.nomad.namespace('ci');
  const { nodeId } = world.addBuilder({ cpu: 1000, memoryMb: 4000, name: 'builder-1' });
  world.nomad.run({ id: 'good', type: 'batch', namespace: 'ci', runSeconds: 10 });
  world.nomad.run({ id: 'bad', type: 'batch', namespace: 'ci', runSeconds: 20, exitCode: 1 });
  const [running = ''] = world.nomad.run({ id: 'build', type: 'batch', namespace: 'ci', runSeconds: 600, cpu: 500 });
  await world.advance(MINUTE);
  const waitsSince = world.clock.now();
  world.nomad.run({ id: 'large', type: 'batch', runSeconds: 600, cpu: 800, count: 2 });
  await world.advance(SECOND);
  return { nodeId, running, waitsSince };
}

describe('jobs', () => {
  it('says which run, wait and have ended, the longest waiting first, and why they wait', async () => {
    const { running, waitsSince } = await startWithJobs();

    const { namespaces, jobs, jobsLeftOut, earlierLeftOut } = await ask();

    expect(jobs.map(({ job, namespace, type, status }) => [job, namespace, type, status])).toEqual([
      ['large', 'default', 'batch', 'pending'],
      ['build', 'ci', 'batch', 'running'],
      ['bad', 'ci', 'batch', 'dead'],
      ['good', 'ci', 'batch', 'dead'],
    ]);
    expect(namespaces).toEqual([
      { namespace: 'ci', running: 1, pending: 0, dead: 2 },
      { namespace: 'default', running: 0, pending: 1, dead: 0 },
    ]);
    const [large, build, bad, good] = jobs;
    expect(large).toMatchObject({
      since: isoAt(waitsSince),
      allocations: [],
      allocationCount: 0,
      waits: [
        {
          taskGroup: 'g',
          count: 2,
          because: 'of 1 eligible node in pool default, cpu is exhausted on 1',
          since: isoAt(waitsSince),
        },
      ],
    });
    expect(build).toMatchObject({ allocationCount: 1, waits: [] });
    expect(build?.allocations).toMatchObject([{ id: running, taskGroup: 'g', status: 'running', node: 'builder-1' }]);
    expect(bad?.allocations).toMatchObject([{ status: 'failed' }]);
    expect(good?.allocations).toMatchObject([{ status: 'complete' }]);
    expect([jobsLeftOut, earlierLeftOut]).toEqual([0, false]);
    expect(world.writings()).toEqual([]);
  });

  it('of one namespace, or of one status, are those alone', async () => {
    await startWithJobs();
    const named = async (more: object) => (await ask(more)).jobs.map(({ job }) => job);
    expect(await named({ namespace: 'default' })).toEqual(['large']);
    expect(await named({ status: 'running' })).toEqual(['build']);
    expect(await named({ status: 'dead', namespace: 'ci' })).toEqual(['bad', 'good']);
    expect(await named({ status: 'pending', namespace: 'ci' })).toEqual([]);
    await expect(ask({ status: 'stopped' })).rejects.toThrow(
      'status must be one of running, pending, dead, not "stopped"',
    );
  });

  it('that run and wait for more are among the pending ones, with what has no room', async () => {
    await start();
    world.addBuilder({ cpu: 1000, memoryMb: 4000 });
    world.nomad.run({ id: 'web', type: 'service', cpu: 400, count: 3 });
    await world.advance(SECOND);
    const { jobs } = await ask({ status: 'pending' });
    expect(jobs).toMatchObject([
      {
        job: 'web',
        status: 'running',
        allocationCount: 2,
        waits: [{ count: 1, because: expect.stringContaining('cpu') }],
      },
    ]);
  });

  it('that have failed and are tried again later say when', async () => {
    await start();
    world.addBuilder();
    const reschedule = { delaySeconds: 300, Unlimited: true };
    world.nomad.run({ id: 'web', type: 'service', runSeconds: 5, exitCode: 1, reschedule });
    await world.advance(10 * SECOND);
    const { jobs } = await ask({ status: 'pending' });
    expect(jobs).toMatchObject([
      { job: 'web', waits: [{ because: expect.stringMatching(/^it is tried again at 20/) }] },
    ]);
  });

  it('are read with one question each for what runs, waits and has ended; of the ended ones the last thousand', async () => {
    await start();
    world.addBuilder({ cpu: 1e9, memoryMb: 1e9 });
    world.nomad.run({ id: 'early', type: 'batch', runSeconds: 1 });
    world.nomad.run({ id: 'many', type: 'batch', runSeconds: 1, count: 1_000 });
    await world.advance(MINUTE);
    const { jobs, namespaces, earlierLeftOut } = await ask();
    expect(jobs.map(({ job }) => job)).toEqual(['many']);
    expect(namespaces).toEqual([{ namespace: 'default', running: 0, pending: 0, dead: 1 }]);
    expect(earlierLeftOut).toBe(true);
    expect(world.nomad.requests.filter(({ path }) => !path.startsWith('/v1/acl/'))).toHaveLength(3);
  });

  it('never make an answer larger than Lambda sends, and those left out are counted', async () => {
    await start();
    world.addBuilder({ cpu: 1e9, memoryMb: 1e9 });
    const long = 'x'.repeat(20_000);
    for (let i = 0; i < 250; i += 1) world.nomad.run({ id: `${long}-${i}`, type: 'batch', runSeconds: 600 });
    const answer = await ask();
    expect(JSON.stringify(answer).length).toBeLessThan(6e6);
    expect(answer.jobsLeftOut).toBeGreaterThan(40);
    expect(answer.jobs.length + answer.jobsLeftOut).toBe(250);
    expect(answer.namespaces).toMatchObject([{ running: 250 }]);
  });
});
