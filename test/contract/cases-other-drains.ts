import { expect, test } from 'vitest';
import { job, obeys } from './contract-jobs.ts';
import { eventsOf, type Nomad, object } from './nomad-under-test.ts';

const HOUR = { Deadline: 3600e9 };
const Meta = { drained_by: 'another tool' };

/** Complete drains that left something running: LastDrain alone does not say that Nomad stops everything. */
export const otherDrainCases = (the: () => Nomad): void => {
  const nodeA = () => the().under.nodes[0]?.id ?? '';
  const look = async (id: string) => (await the().allocations(0, id))[0];
  const moves = (allocation: Awaited<ReturnType<typeof look>>) => {
    const transition = allocation?.DesiredTransition;
    return transition ? object(transition).Migrate : null;
  };

  test('a system job that a drain ignored runs on, and nothing will stop it', async () => {
    await the().run(job('logs-left', 'system', obeys), 2);
    await the().drain(0, { ...HOUR, IgnoreSystemJobs: true }, { Meta });
    const node = await the().untilDrained(0, 1500);
    expect(node).toMatchObject({ DrainStrategy: null, LastDrain: { Status: 'complete', Meta } });
    await the().under.wait(1500);
    const left = await look('logs-left');
    expect(left).toMatchObject({ ClientStatus: 'running', DesiredStatus: 'run' });
    expect(moves(left)).toBeNull();
    // It is older than the drain: only its desired status tells.
    expect(Number(left?.CreateTime) / 1e6).toBeLessThan(Date.parse(String(object(node.LastDrain).StartedAt)) + 1000);
    await the().drain(0, { ...HOUR, IgnoreSystemJobs: false });
    await the().until(
      8000,
      () => look('logs-left'),
      (seen) => seen?.ClientStatus === 'complete',
    );
    expect(await the().node(0)).toMatchObject({ LastDrain: { Status: 'complete', Meta: null } });
    expect(moves(await look('logs-left'))).toBe(true);
  });

  test('an old drain stays the last drain when its events are gone and a service runs again', async () => {
    await the().drain(0, HOUR, { Meta });
    await the().untilDrained(0, 1500);
    await the().mark(0, 'eligible');
    await the().run(job('since', 'service', obeys, { on: nodeA() }));
    for (let i = 0; i < 6; i += 1) for (const to of ['ineligible', 'eligible'] as const) await the().mark(0, to);
    await the().mark(0, 'ineligible');
    const node = await the().node(0);
    expect(node).toMatchObject({
      Drain: false,
      DrainStrategy: null,
      SchedulingEligibility: 'ineligible',
      LastDrain: { Status: 'complete', Meta },
    });
    const events = eventsOf(node);
    expect(events).toHaveLength(10);
    expect(events.filter(([message]) => message.startsWith('Node drain'))).toEqual([]);
    const since = await look('since');
    expect(since).toMatchObject({ ClientStatus: 'running', DesiredStatus: 'run' });
    expect(moves(since)).toBeNull();
    const { UpdatedAt } = object(node.LastDrain);
    // In whole seconds, rounded down: what was created in the same second as the drain may seem to be newer.
    expect(Number(since?.CreateTime) / 1e6).toBeGreaterThanOrEqual(Date.parse(String(UpdatedAt)));
  });
};
