import { expect, test } from 'vitest';
import { ends, fails, ignoresSignals, job, obeys } from './contract-jobs.ts';
import { eventsOf, list, type Nomad, object } from './nomad-under-test.ts';

const HOUR = { Deadline: 3600e9 };

/** What the servers forget while clients still run it, and a node that they forget while its agent lives. */
export const vanishingCases = (the: () => Nomad): void => {
  const on = () => the().under.nodes[0]?.id ?? '';
  const statusOf = async (id: string) => {
    const [allocation] = await the().jobAllocations(id);
    return `${allocation?.ClientStatus}, ${allocation?.DesiredStatus}`;
  };
  const collect = async () => {
    const answer = await the().send('PUT', '/v1/system/gc');
    await the().under.wait(1000);
    return answer;
  };

  test('a purged job takes its allocations along, running or not, and nothing tells of them', async () => {
    const [allocation] = await the().run(job('purged', 'batch', ignoresSignals(4), { on: on() }));
    await the().under.wait(1500);
    const answer = await the().send('DELETE', '/v1/job/purged?purge=true');
    expect(answer.status).toBe(200);
    expect(await the().allocations(0, 'purged')).toEqual([]);
    expect(await the().jobAllocations('purged')).toEqual([]);
    expect(await the().get('/v1/job/purged')).toMatchObject({ status: 404, text: 'job not found' });
    const id = String(allocation?.ID);
    expect(await the().get(`/v1/allocation/${id}`)).toMatchObject({ status: 404, text: 'alloc not found' });
    await the().under.wait(1500);
    const log = await the().text(`/v1/client/fs/logs/${id}?task=t&type=stderr`);
    expect(log).toEqual({ status: 404, text: `Unknown allocation "${id}"` });
    const evaluations = list((await the().get('/v1/job/purged/evaluations')).body);
    expect(evaluations.map(({ TriggeredBy }) => TriggeredBy)).toContain('job-deregister');
  });

  test('garbage collection takes a failed build whose poststop task still runs, but not one that is being stopped', async () => {
    const post = { name: 'post', hook: 'poststop', behaviour: ends(20) } as const;
    await the().send('POST', '/v1/jobs', { Job: job('gc-uploads', 'batch', fails(1), { on: on(), tasks: [post] }) });
    await the().send('POST', '/v1/jobs', { Job: job('gc-ended', 'batch', ends(1), { on: on() }) });
    await the().run(job('gc-stops', 'batch', ignoresSignals(6), { on: on() }));
    await the().until(
      15_000,
      async () => [await statusOf('gc-uploads'), await statusOf('gc-ended')],
      ([uploads, ended]) => uploads === 'failed, run' && ended === 'complete, run',
    );
    const uploading = async () => (await the().jobAllocations('gc-uploads'))[0];
    await the().until(10_000, uploading, (build) => JSON.stringify(build?.TaskStates).includes('"State":"running"'));
    expect(await uploading()).toMatchObject({ TaskStates: { post: { State: 'running' } } });
    await the().send('DELETE', '/v1/job/gc-stops');
    await the().under.wait(500);
    expect(await collect()).toMatchObject({ status: 200, text: '' });
    expect(await the().jobAllocations('gc-uploads')).toEqual([]);
    expect(await the().jobAllocations('gc-ended')).toEqual([]);
    expect((await the().get('/v1/job/gc-uploads')).status).toBe(404);
    expect(await statusOf('gc-stops')).toBe('running, stop');
    expect((await the().get('/v1/system/gc')).status).toBe(405);
  });

  test('garbage collection leaves a failed service that is still to be rescheduled', async () => {
    const group = { ReschedulePolicy: { Delay: 600e9, DelayFunction: 'constant', Unlimited: true } };
    // It has been healthy: what fails in the middle of a deployment waits for nothing, and goes too.
    await the().run(job('gc-waits', 'service', fails(4), { on: on(), group }));
    await the().until(
      15_000,
      () => statusOf('gc-waits'),
      (status) => status === 'failed, run',
    );
    await the().under.wait(1000);
    await collect();
    expect(await statusOf('gc-waits')).toBe('failed, run');
  });

  test('a purged node whose agent lives comes back by itself: eligible, without its last drain, with new work at once', async () => {
    // These have been seen to come back within five seconds, and not to come back within thirty.
    if (['1.6', '1.8'].includes(the().under.version.slice(0, 3))) return;
    await the().run(job('node-purged', 'batch', obeys, { on: on() }));
    await the().drain(0, HOUR, { Meta: { by: 'somebody' } });
    const before = await the().node(0);
    expect((await the().send('POST', `/v1/node/${on()}/purge`, {})).status).toBe(200);
    // A busy machine has seen it back within the second.
    expect((await the().get(`/v1/node/${on()}`)).text).toBe('node not found');
    await the().until(
      5000,
      async () => (await the().jobAllocations('node-purged')).map(({ ClientStatus }) => String(ClientStatus)),
      (seen) => seen.includes('lost') || seen.includes('complete'),
    );
    const node = await the().until(
      20_000,
      async () => (await the().get(`/v1/node/${on()}`)).body,
      (body) => typeof body === 'object',
    );
    expect(node).toMatchObject({
      ID: before.ID ?? '',
      SchedulingEligibility: 'eligible',
      Drain: false,
      LastDrain: null,
    });
    expect(eventsOf(object(node))).toEqual([['Node registered', null]]);
    const statuses = await the().until(
      10_000,
      async () => (await the().jobAllocations('node-purged')).map(({ ClientStatus }) => String(ClientStatus)).sort(),
      (seen) => seen.join() === 'complete,running',
    );
    expect(statuses).toHaveLength(2);
  });
};
