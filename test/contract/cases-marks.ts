import { expect, test } from 'vitest';
import { eventsOf, list, type Nomad, object } from './nomad-under-test.ts';

/** A node that is ineligible before it drains, or is told so twice. */
export const markCases = (the: () => Nomad): void => {
  const INELIGIBLE = ['Node marked as ineligible for scheduling', null];

  test('a node that is marked ineligible twice has one event for it, and no new index', async () => {
    await the().mark(0, 'ineligible');
    const before = await the().node(0);
    expect(eventsOf(before).at(-1)).toEqual(INELIGIBLE);
    const { status, body } = await the().mark(0, 'ineligible');
    expect([status, object(body).Index]).toEqual([200, 0]);
    const after = await the().node(0);
    expect([after.ModifyIndex, after.Events]).toEqual([before.ModifyIndex, before.Events]);
    for (const { Timestamp } of list(after.Events ?? [])) expect(Date.parse(String(Timestamp))).toBeGreaterThan(0);
  });

  test('a drain of a node that is ineligible already comes after that mark, and has no mark of its own', async () => {
    await the().mark(0, 'ineligible');
    await the().drain(0, { Deadline: 3600e9 });
    const node = await the().untilDrained(0, 1500);
    expect(eventsOf(node).slice(-3)).toEqual([
      INELIGIBLE,
      ['Node drain strategy set', null],
      ['Node drain complete', null],
    ]);
    expect(node).toMatchObject({ SchedulingEligibility: 'ineligible' });
  });
};
