import { expect, test } from 'vitest';
import { since } from '../../emulators/nomad/version.ts';
import { ends, ignoresSignals, job, obeys, stopsIn } from './contract-jobs.ts';
import { eventsOf, type Nomad, object } from './nomad-under-test.ts';

const HOUR = { Deadline: 3600e9, IgnoreSystemJobs: false };
const Meta = { aws_instance_id: 'i-0a0a', drained_by: 'contract' };

/** Drains of nodes with builds on them, and of idle nodes. */
export const drainCases = (the: () => Nomad): void => {
  const nodeA = () => the().under.nodes[0]?.id ?? '';

  test('an idle node is drained within the second, and stays ineligible', async () => {
    const answer = await the().drain(0, HOUR, { Meta });
    expect(answer).toMatchObject({ status: 200, body: { EvalCreateIndex: 0, EvalIDs: null } });
    const node = await the().untilDrained(0, 1000);
    expect(node).toMatchObject({
      DrainStrategy: null,
      SchedulingEligibility: 'ineligible',
      LastDrain: { Status: 'complete', Meta },
    });
    expect(object(node.LastDrain).AccessorID).toMatch(/^token:/);
    expect(eventsOf(node).slice(-2)).toEqual([
      ['Node drain strategy set', null],
      ['Node drain complete', null],
    ]);
  });

  test('two builds finish by themselves while their node drains, and their stderr can be read', async () => {
    const [build] = await the().run(job('builds', 'batch', ends(4), { on: nodeA(), count: 2 }), 2);
    await the().drain(0, HOUR, { Meta });
    const draining = await the().node(0);
    expect(draining).toMatchObject({ Drain: true, DrainStrategy: HOUR, LastDrain: { Status: 'draining', Meta } });
    const node = await the().untilDrained(0, 10_000);
    expect(eventsOf(node).at(-1)).toEqual(['Node drain complete', null]);
    for (const allocation of await the().allocations(0, 'builds')) {
      expect(allocation).toMatchObject({ ClientStatus: 'complete', DesiredStatus: 'run' });
    }
    const query = 'task=t&type=stderr&plain=true&origin=end&offset=2000';
    const log = await the().get(`/v1/client/fs/logs/${build?.ID}?${query}`);
    expect([log.status, log.text]).toEqual([200, 'started\nfinished\n']);
  });

  test('at the deadline Nomad calls the drain complete while the build is still stopping', async () => {
    await the().run(job('slow', 'batch', ignoresSignals(4), { on: nodeA() }));
    const before = the().under.now();
    await the().drain(0, { Deadline: 2e9 });
    const node = await the().untilDrained(0, 6000);
    expect(the().under.now() - before).toBeGreaterThan(2000);
    expect(node).toMatchObject({ LastDrain: { Status: 'complete' } });
    expect(eventsOf(node).at(-1)).toEqual(['Node drain complete', { deadline_reached: 'true' }]);
    const [stopping] = await the().allocations(0, 'slow');
    expect(stopping).toMatchObject({
      ClientStatus: 'running',
      DesiredStatus: 'stop',
      DesiredDescription: 'alloc is being migrated',
    });
    const [stopped] = await the().until(
      8000,
      () => the().allocations(0, 'slow'),
      ([allocation]) => allocation?.ClientStatus !== 'running',
    );
    expect(stopped).toMatchObject({ ClientStatus: 'complete', DesiredStatus: 'stop' });
  });

  test('a forced drain stops what runs, and counts as a deadline that was reached', async () => {
    await the().run(job('forced', 'batch', ignoresSignals(2), { on: nodeA() }));
    await the().drain(0, { Deadline: -1 });
    const node = await the().untilDrained(0, 3000);
    expect(eventsOf(node).at(-1)).toEqual(['Node drain complete', { deadline_reached: 'true' }]);
    const [stopping] = await the().allocations(0, 'forced');
    expect(stopping).toMatchObject({ ClientStatus: 'running', DesiredStatus: 'stop' });
  });

  test.each(['while it stops', 'when it has stopped'])(
    'a build that a drain stops is started once more by some Nomads: its node is made eligible %s',
    async (when) => {
      const from = (release: string) => since(the().under.version, release);
      const id = `again-${when.length}`;
      const runs = async () => (await the().jobAllocations(id)).length;
      await the().mark(1, 'ineligible');
      await the().run(job(id, 'batch', stopsIn(4)));
      await the().mark(1, 'eligible');
      await the().drain(0, { Deadline: -1 });
      await the().untilDrained(0, 3000);
      await the().under.wait(500);
      // Elsewhere, before 1.11.
      expect(await runs()).toBe(from('1.11.0') ? 1 : 2);
      if (when === 'when it has stopped') {
        await the().until(
          8000,
          () => the().allocations(0, id),
          ([allocation]) => allocation?.ClientStatus === 'complete',
        );
      }
      await the().mark(0, 'eligible');
      await the().under.wait(1500);
      // Anywhere, from 1.11 until 2.0.4, as long as it lives.
      expect(await runs()).toBe(from('2.0.4') || (from('1.11.0') && when === 'when it has stopped') ? 1 : 2);
    },
  );

  test('a forced drain of an idle node completes at once, and may say a second later that its deadline was reached', async () => {
    await the().drain(0, { Deadline: -1 });
    const node = await the().untilDrained(0, 800);
    expect(eventsOf(node).at(-1)).toEqual(['Node drain complete', null]);
    await the().under.wait(2000);
    // A busy Nomad no longer watches the node by then.
    const details = [null, { deadline_reached: 'true' }];
    expect(details.map((each) => ['Node drain complete', each])).toContainEqual(eventsOf(await the().node(0)).at(-1));
  });

  test('a sysbatch job holds up the drain until the deadline, even when it has finished', async () => {
    await the().run(job('sweep', 'sysbatch', ends(3), { on: nodeA() }));
    await the().drain(0, { Deadline: 7e9, IgnoreSystemJobs: true });
    await the().until(
      6000,
      () => the().allocations(0, 'sweep'),
      ([allocation]) => allocation?.ClientStatus === 'complete',
    );
    await the().under.wait(1500);
    expect(await the().node(0)).toMatchObject({ Drain: true });
    const node = await the().untilDrained(0, 8000);
    expect(eventsOf(node).at(-1)).toEqual(['Node drain complete', { deadline_reached: 'true' }]);
  });

  test('the drain stays on if the last allocation to stop was already stopping when it began', async () => {
    await the().run(job('leaving', 'batch', ignoresSignals(8), { on: nodeA() }));
    await the().run(job('short', 'batch', ends(4), { on: nodeA() }));
    await the().send('DELETE', '/v1/job/leaving');
    await the().until(
      3000,
      () => the().allocations(0, 'leaving'),
      ([allocation]) => allocation?.DesiredStatus === 'stop',
    );
    await the().drain(0, { Deadline: 20e9 });
    await the().until(
      15_000,
      async () => [...(await the().allocations(0, 'leaving')), ...(await the().allocations(0, 'short'))],
      (allocations) => allocations.every(({ ClientStatus }) => ClientStatus === 'complete'),
    );
    await the().under.wait(2000);
    expect(await the().node(0)).toMatchObject({ Drain: true, LastDrain: { Status: 'draining' } });
    const node = await the().untilDrained(0, 15_000);
    expect(eventsOf(node).at(-1)).toEqual(['Node drain complete', { deadline_reached: 'true' }]);
  });

  test('a second request moves the deadline and replaces the meta, but not the start', async () => {
    await the().run(job('long', 'batch', obeys, { on: nodeA() }));
    await the().drain(0, HOUR, { Meta });
    const first = await the().node(0);
    await the().under.wait(2000);
    await the().drain(0, HOUR, { Meta: { other: 'tool' } });
    const second = await the().node(0);
    expect(object(second.DrainStrategy).StartedAt).toBe(object(first.DrainStrategy).StartedAt);
    expect(object(second.LastDrain).StartedAt).toBe(object(first.LastDrain).StartedAt);
    expect(object(second.LastDrain).Meta).toEqual({ other: 'tool' });
    const deadline = (node: typeof first) => Date.parse(String(object(node.DrainStrategy).ForceDeadline));
    expect(deadline(second) - deadline(first)).toBeGreaterThanOrEqual(2000);
    expect(eventsOf(second).at(-1)).toEqual(['Node drain strategy updated', null]);
  });

  test('a cancelled drain leaves the build alone and says so', async () => {
    await the().run(job('long', 'batch', obeys, { on: nodeA() }));
    await the().drain(0, HOUR);
    await the().drain(0, null, { MarkEligible: true });
    const node = await the().node(0);
    expect(node).toMatchObject({
      Drain: false,
      DrainStrategy: null,
      SchedulingEligibility: 'eligible',
      LastDrain: { Status: 'canceled' },
    });
    expect(eventsOf(node).at(-1)).toEqual(['Node drain disabled', null]);
    const [build] = await the().allocations(0, 'long');
    expect(build).toMatchObject({ ClientStatus: 'running', DesiredStatus: 'run' });
  });

  test('no node can be made eligible while it drains', async () => {
    await the().run(job('long', 'batch', obeys, { on: nodeA() }));
    await the().drain(0, HOUR);
    const refused = "can not set node's scheduling eligibility to eligible while it is draining";
    expect(await the().mark(0, 'eligible')).toMatchObject({ status: 500, text: refused });
  });

  test('a deadline of 0 means none, and one that is not a number is refused', async () => {
    await the().run(job('long', 'batch', obeys, { on: nodeA() }));
    await the().drain(0, { Deadline: 0 });
    const node = await the().node(0);
    expect(node).toMatchObject({ DrainStrategy: { Deadline: 0, ForceDeadline: null } });
    const text =
      'json: cannot unmarshal string into Go struct field DrainSpec.DrainSpec.Deadline of type time.Duration';
    expect(await the().drain(0, { Deadline: '1h' })).toMatchObject({ status: 400, text });
  });
};
