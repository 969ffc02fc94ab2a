import { expect, test } from 'vitest';
import { ends, ignoresSignals, job, obeys } from './contract-jobs.ts';
import { eventsOf, type Nomad } from './nomad-under-test.ts';

const HOUR = { Deadline: 3600e9 };

/** Drains whose node is empty: those that end, and those that stay on until somebody makes Nomad look again. */
export const stuckDrainCases = (the: () => Nomad): void => {
  const on = () => the().under.nodes[0]?.id ?? '';
  const stop = (id: string, query = '') => the().send('DELETE', `/v1/job/${id}${query}`);
  const untilEnded = (id: string) =>
    the().until(
      15_000,
      () => the().allocations(0, id),
      (allocations) => allocations.every(({ ClientStatus }) => ClientStatus === 'complete'),
    );
  const drainStays = async () => {
    await the().under.wait(3000);
    expect(await the().node(0)).toMatchObject({ Drain: true, LastDrain: { Status: 'draining' } });
    await the().drain(0, HOUR);
    const node = await the().untilDrained(0, 1500);
    expect(
      eventsOf(node)
        .map(([message]) => message)
        .slice(-2),
    ).toEqual(['Node drain strategy updated', 'Node drain complete']);
  };

  test('it stays on when a sysbatch job has ended, until a second request', async () => {
    await the().run(job('stuck-sysbatch', 'sysbatch', ends(3), { on: on() }));
    await the().drain(0, HOUR);
    await untilEnded('stuck-sysbatch');
    await drainStays();
  });

  test('it stays on when the last job was purged, until a second request', async () => {
    await the().run(job('stuck-purged', 'batch', obeys, { on: on() }));
    await the().drain(0, HOUR);
    await the().under.wait(1000);
    await stop('stuck-purged', '?purge=true');
    await drainStays();
  });

  test('it stays on when what was already stopping has stopped, until a second request', async () => {
    await the().run(job('stuck-stopping', 'batch', ignoresSignals(4), { on: on() }));
    await stop('stuck-stopping');
    await the().under.wait(300);
    await the().drain(0, HOUR);
    await untilEnded('stuck-stopping');
    await drainStays();
  });

  test.each([
    ['that obeys', obeys, 1000],
    ['that takes its time to stop', ignoresSignals(3), 1000],
    ['right after the drain', obeys, 10],
  ])('it ends when the last build %s is stopped by its job', async (_, behaviour, afterMs) => {
    const id = `stopped-${afterMs}-${behaviour.killTimeoutSeconds ?? 0}`;
    await the().run(job(id, 'batch', behaviour, { on: on() }));
    await the().drain(0, HOUR);
    await the().under.wait(afterMs);
    await stop(id);
    await untilEnded(id);
    const node = await the().untilDrained(0, 1500);
    expect(node).toMatchObject({ LastDrain: { Status: 'complete' } });
  });

  test('what is stopping already does not keep on a drain that another build ends last', async () => {
    await the().run(job('first-stops', 'batch', ignoresSignals(2), { on: on() }));
    await the().run(job('then-ends', 'batch', ends(8), { on: on() }));
    await stop('first-stops');
    await the().under.wait(300);
    await the().drain(0, HOUR);
    await untilEnded('then-ends');
    await the().untilDrained(0, 1500);
  });
};
