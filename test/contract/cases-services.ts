import { expect, test } from 'vitest';
import { ends, ignoresSignals, job, keepsData, obeys } from './contract-jobs.ts';
import { list, type Nomad, object } from './nomad-under-test.ts';

const HOUR = { Deadline: 3600e9 };

/** Drains of nodes with services, which move, and with system jobs, which end last. */
export const serviceCases = (the: () => Nomad): void => {
  const running = async (i: number, id: string) =>
    (await the().allocations(i, id)).filter(({ ClientStatus }) => ClientStatus === 'running').length;

  /** Runs a service on the first node only, then lets it have the second as well. */
  const runOnFirst = async (service: ReturnType<typeof job>, count: number) => {
    await the().mark(1, 'ineligible');
    await the().run(service, count);
  };

  test('a service moves, max_parallel at a time, each waiting for the other to be healthy', async () => {
    await runOnFirst(job('web', 'service', obeys, { count: 2, maxParallel: 1 }), 2);
    await the().mark(1, 'eligible');
    const before = the().under.now();
    await the().drain(0, HOUR);
    await the().until(
      5000,
      () => running(1, 'web'),
      (count) => count === 1,
    );
    expect(await running(0, 'web')).toBe(1);
    await the().untilDrained(0, 15_000);
    // Two batches of a second each, and between them a second to become healthy.
    expect(the().under.now() - before).toBeGreaterThan(3000);
    expect(await running(0, 'web')).toBe(0);
    const [moved] = await the().allocations(0, 'web');
    expect(moved).toMatchObject({
      DesiredDescription: 'alloc is being migrated',
      DesiredTransition: { Migrate: true },
    });
    expect(moved?.NextAllocation).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('a service with nowhere to go stops the drain after max_parallel, and a blocked evaluation says why', async () => {
    await runOnFirst(job('web', 'service', obeys, { count: 2, maxParallel: 1 }), 2);
    await the().drain(0, HOUR);
    await the().until(
      5000,
      () => running(0, 'web'),
      (count) => count === 1,
    );
    await the().under.wait(3000);
    expect(await the().node(0)).toMatchObject({ Drain: true });
    expect(await running(0, 'web')).toBe(1);
    const blocked = await the().get(
      `/v1/evaluations?namespace=*&filter=${encodeURIComponent('Status == "blocked" and Type == "service"')}`,
    );
    const [evaluation] = list(blocked.body);
    expect(evaluation).toMatchObject({
      Status: 'blocked',
      StatusDescription: 'created to place remaining allocations',
      FailedTGAllocs: { g: { NodesEvaluated: 0, NodesAvailable: {}, CoalescedFailures: 0 } },
    });
    const evaluations = list((await the().get('/v1/job/web/evaluations')).body);
    expect(evaluations.find(({ BlockedEval }) => BlockedEval === evaluation?.ID)).toMatchObject({
      QueuedAllocations: { g: 1 },
    });
    await the().mark(1, 'eligible');
    await the().untilDrained(0, 15_000);
    await the().until(
      5000,
      () => running(1, 'web'),
      (count) => count === 2,
    );
  });

  test('the missing resource is named if no node has room', async () => {
    const { body } = await the().get(`/v1/node/${the().under.nodes[1]?.id}`);
    const cpu = Number(object(object(object(body).NodeResources).Cpu).CpuShares);
    await the().run(job('filler', 'batch', obeys, { on: the().under.nodes[1]?.id ?? '', cpu: cpu - 100 }));
    await the().run(job('web', 'service', obeys, { cpu: 400 }));
    await the().drain(0, HOUR);
    // A single allocation may stop before its replacement runs: count minus max_parallel is 0.
    await the().untilDrained(0, 8000);
    const blocked = await the().get(
      `/v1/evaluations?namespace=*&filter=${encodeURIComponent('Status == "blocked" and Type == "service"')}`,
    );
    expect(list(blocked.body)[0]).toMatchObject({
      FailedTGAllocs: { g: { NodesEvaluated: 1, NodesExhausted: 1, DimensionExhausted: { cpu: 1 } } },
    });
  });

  test('an ephemeral disk moves: the replacement is pending until the old one has stopped and is copied', async () => {
    const group = { EphemeralDisk: { Migrate: true, Sticky: true, SizeMB: 20 } };
    await runOnFirst(job('cache', 'service', keepsData, { group }), 1);
    await the().mark(1, 'eligible');
    await the().drain(0, HOUR);
    const [replacement] = await the().until(
      5000,
      () => the().allocations(1, 'cache'),
      (allocations) => allocations.length === 1,
    );
    expect(replacement).toMatchObject({ ClientStatus: 'pending', DesiredStatus: 'run' });
    const [old] = await the().allocations(0, 'cache');
    expect(old).toMatchObject({ ClientStatus: 'running', DesiredStatus: 'stop', NextAllocation: replacement?.ID });
    expect(replacement?.PreviousAllocation).toBe(old?.ID);
    // It takes two seconds to stop; until then there is nothing to copy.
    await the().under.wait(1500);
    expect([await running(0, 'cache'), await running(1, 'cache')]).toEqual([1, 0]);
    await the().untilDrained(0, 10_000);
    const [stopped] = await the().allocations(0, 'cache');
    expect(stopped).toMatchObject({ ClientStatus: 'complete' });
    await the().until(
      8000,
      () => running(1, 'cache'),
      (count) => count === 1,
    );
  });

  test('system jobs are told to stop when everything else has ended, and the drain does not wait for them', async () => {
    await the().run(job('logs', 'system', ignoresSignals(3)), 2);
    await the().run(job('build', 'batch', ends(2), { on: the().under.nodes[0]?.id ?? '' }));
    await the().drain(0, { ...HOUR, IgnoreSystemJobs: false });
    await the().under.wait(500);
    expect((await the().allocations(0, 'logs'))[0]).toMatchObject({ DesiredStatus: 'run' });
    await the().untilDrained(0, 6000);
    const [logs] = await the().allocations(0, 'logs');
    expect(logs).toMatchObject({
      ClientStatus: 'running',
      DesiredStatus: 'stop',
      DesiredDescription: 'alloc not needed as node is tainted',
    });
    await the().until(
      8000,
      () => running(0, 'logs'),
      (count) => count === 0,
    );
    expect(await running(1, 'logs')).toBe(1);
  });

  test('system jobs that are to be ignored run on', async () => {
    await the().run(job('logs', 'system', obeys), 2);
    await the().drain(0, { ...HOUR, IgnoreSystemJobs: true });
    await the().untilDrained(0, 1000);
    await the().under.wait(2000);
    expect((await the().allocations(0, 'logs'))[0]).toMatchObject({ ClientStatus: 'running', DesiredStatus: 'run' });
  });
};
