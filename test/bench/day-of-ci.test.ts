import { expect, test } from 'vitest';
import { dayOfBuilds, MINUTE } from '../../bench/builds.ts';
import { byBillingHour, byRank, newestFirst, play } from '../../bench/group-of-clients.ts';

test('over a day of CI the ranking waits for fewer builds, and for a shorter time, than by age or billing hour', () => {
  const builds = dayOfBuilds(1);
  expect(builds.length).toBeGreaterThan(400);
  const ranked = play(builds, byRank, 'binpack');
  for (const other of [byBillingHour, newestFirst]) {
    const outcome = play(builds, other, 'binpack');
    expect(ranked.waitedFor).toBeLessThan(outcome.waitedFor);
    expect(ranked.drainedMinutes).toBeLessThan(outcome.drainedMinutes);
    expect(ranked.instanceHours).toBeLessThanOrEqual(outcome.instanceHours);
  }
});

test('a drain deadline kills what still runs then, and no drain takes longer', () => {
  const builds = dayOfBuilds(1);
  const patient = play(builds, byBillingHour, 'binpack');
  const short = play(builds, byBillingHour, 'binpack', { deadlineMs: 10 * MINUTE });
  expect([patient.killed, short.gone]).toEqual([0, patient.gone]);
  expect(patient.longestDrainMinutes).toBeGreaterThan(10);
  expect(short.killed).toBeGreaterThan(0);
  expect(short.longestDrainMinutes).toBeLessThanOrEqual(10);
});
