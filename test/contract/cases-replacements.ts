import { expect, test } from 'vitest';
import { since } from '../../emulators/nomad/version.ts';
import { failsOn, job, keepsData, obeys, waitsForTemplate } from './contract-jobs.ts';
import { list, type Nomad, object } from './nomad-under-test.ts';
import type { JsonObject } from './recording.ts';

const HOUR = { Deadline: 3600e9 };
const SECOND = 1e9;
const DISK = { EphemeralDisk: { Migrate: true, Sticky: true, SizeMB: 100 } };

/** Replacements on another node: what they copy, what they wait for, and what happens to a drain when they fail. */
export const replacementCases = (the: () => Nomad): void => {
  /** Runs a service on the first node only, then lets it have the second as well. */
  const runOnFirst = async (service: ReturnType<typeof job>, count = 1) => {
    await the().mark(1, 'ineligible');
    await the().run(service, count);
    await the().mark(1, 'eligible');
  };
  const replacement = async (id: string): Promise<JsonObject | undefined> => (await the().allocations(1, id)).at(-1);
  const latest = async (id: string): Promise<JsonObject | undefined> =>
    (await the().allocations(1, id)).sort((a, b) => Number(a.CreateIndex) - Number(b.CreateIndex)).at(-1);
  const eventTypes = (allocation: JsonObject | undefined) =>
    list(object(object(allocation?.TaskStates).t).Events ?? []).map(({ Type }) => Type);

  test('until its disk has moved, a replacement has no task states', async () => {
    await runOnFirst(job('moves', 'service', keepsData, { group: DISK }));
    await the().drain(0, HOUR);
    const waiting = await the().until(
      5000,
      () => replacement('moves'),
      (seen) => seen !== undefined,
    );
    expect(waiting).toMatchObject({ ClientStatus: 'pending', DesiredStatus: 'run' });
    for (let i = 0; i < 5; i += 1) {
      // The old one takes two seconds to stop.
      expect((await replacement('moves'))?.TaskStates ?? null).toBeNull();
      await the().under.wait(250);
    }
    await the().until(
      15_000,
      () => replacement('moves'),
      (seen) => seen?.ClientStatus === 'running',
    );
  });

  test('one that has its disk and waits for a template is pending too, but its task has events', async () => {
    await the().send('PUT', '/v1/var/nomad/jobs/waits', { Path: 'nomad/jobs/waits', Items: { key: 'there' } });
    await runOnFirst(job('waits', 'service', waitsForTemplate, { group: DISK }));
    await the().send('DELETE', '/v1/var/nomad/jobs/waits');
    await the().drain(0, HOUR);
    await the().untilDrained(0, 8000);
    const waiting = await the().until(
      10_000,
      () => replacement('waits'),
      (seen) => Boolean(seen?.TaskStates && eventTypes(seen).includes('Template')),
    );
    expect(waiting).toMatchObject({
      ClientStatus: 'pending',
      ClientDescription: 'No tasks have started',
      DesiredStatus: 'run',
      TaskStates: { t: { State: 'pending', StartedAt: null, FinishedAt: null } },
    });
    expect(eventTypes(waiting)).toEqual(['Received', 'Task Setup', 'Template']);
  });

  test('a replacement that fails again and again holds the drain, and only it and its evaluations show that', async () => {
    const ReschedulePolicy = {
      Unlimited: true,
      Attempts: 0,
      Interval: 0,
      Delay: 5 * SECOND,
      DelayFunction: 'exponential',
      MaxDelay: 60 * SECOND,
    };
    const group = {
      ReschedulePolicy,
      Migrate: { MaxParallel: 1, MinHealthyTime: 3 * SECOND, HealthCheck: 'task_states' },
    };
    await runOnFirst(job('fails-there', 'service', failsOn('client-b'), { group, count: 2 }), 2);
    await the().drain(0, HOUR);
    const first = await the().until(
      6000,
      () => latest('fails-there'),
      (seen) => seen?.ClientStatus === 'failed',
    );
    await the().under.wait(500);
    const failed = await latest('fails-there');
    // It should still run: another replaces it later, as the follow-up evaluation says.
    expect(failed).toMatchObject({ ID: first?.ID, ClientStatus: 'failed', DesiredStatus: 'run' });
    expect(failed).not.toHaveProperty('NextAllocation');
    const evaluation = object((await the().get(`/v1/evaluation/${failed?.FollowupEvalID}`)).body);
    const from = (release: string) => since(the().under.version, release);
    expect(evaluation).toMatchObject({
      Status: 'pending',
      StatusDescription: 'created for delayed rescheduling',
      TriggeredBy: from('1.11.0') ? 'alloc-reschedule' : 'alloc-failure',
      JobID: 'fails-there',
    });
    const wait = Date.parse(String(evaluation.WaitUntil)) - the().under.now();
    expect(wait).toBeGreaterThan(0);
    expect(wait).toBeLessThanOrEqual(5500);
    const second = await the().until(
      12_000,
      () => latest('fails-there'),
      (seen) => seen?.ID !== first?.ID && seen?.ClientStatus === 'failed',
    );
    expect(second).toMatchObject({
      PreviousAllocation: first?.ID,
      RescheduleTracker: { Events: [{ PrevAllocID: first?.ID, Delay: 5 * SECOND }] },
    });
    const before = (await the().allocations(1, 'fails-there')).find(({ ID }) => ID === first?.ID);
    expect(before).toMatchObject({ ClientStatus: 'failed', DesiredStatus: 'stop', NextAllocation: second?.ID });
    expect(before?.DesiredDescription ?? '').toBe(from('1.10.1') ? '' : 'alloc was rescheduled because it failed');
    // The drain never moves the other of the two: its group would be one short.
    expect(await the().node(0)).toMatchObject({ Drain: true });
    const left = (await the().allocations(0, 'fails-there')).filter(({ ClientStatus }) => ClientStatus === 'running');
    expect(left).toMatchObject([{ DesiredStatus: 'run' }]);
    expect(left[0]?.DesiredTransition ?? null).toBeNull();
    const blocked = list((await the().get('/v1/evaluations?namespace=*')).body).filter(
      ({ JobID, Status }) => JobID === 'fails-there' && Status === 'blocked',
    );
    expect(blocked).toEqual([]);
  });

  test('a build that failed is started once more elsewhere, after five seconds, unless its job says otherwise', async () => {
    await the().mark(1, 'ineligible');
    const group = {
      ReschedulePolicy: { Attempts: 1, Interval: 86_400 * SECOND, Delay: 5 * SECOND, DelayFunction: 'constant' },
    };
    await the().run(job('again', 'batch', failsOn('client-a'), { group }));
    await the().mark(1, 'eligible');
    await the().until(
      4000,
      async () => (await the().allocations(0, 'again'))[0],
      (seen) => seen?.ClientStatus === 'failed',
    );
    const anew = await the().until(
      12_000,
      () => replacement('again'),
      (seen) => seen?.ClientStatus === 'running',
    );
    const [old] = await the().allocations(0, 'again');
    expect(old).toMatchObject({ ClientStatus: 'failed', DesiredStatus: 'stop', NextAllocation: anew?.ID });
  });

  test('a service that Nomad is told to stop by a drain is complete, whatever its exit code', async () => {
    await runOnFirst(job('told-service', 'service', obeys));
    await the().drain(0, HOUR);
    await the().untilDrained(0, 8000);
    expect((await the().allocations(0, 'told-service'))[0]).toMatchObject({
      ClientStatus: 'complete',
      DesiredStatus: 'stop',
    });
  });
};
