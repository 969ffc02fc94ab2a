import { expect, test } from 'vitest';
import { drainedBy, maintenanceLeadMs, restoredAt } from '../../lambda/core/model/notice.ts';
import { at, HOUR, MINUTE, SECOND } from './situations/situation.ts';

const policy = { deadlineSeconds: 7200, killMarginSeconds: 300 };

test.each([
  ['a Spot interruption: half a minute before it', { kind: 'spot', endsAt: at(HOUR) }, at(HOUR - 30 * SECOND)],
  ['a capacity reservation that ends: the same', { kind: 'reservation', endsAt: at(HOUR) }, at(HOUR - 30 * SECOND)],
  [
    'maintenance: the kill margin before it',
    { kind: 'maintenance', startsAt: at(HOUR), restoreAt: 0 },
    at(55 * MINUTE),
  ],
  ['a rebalance recommendation: no time is set', { kind: 'rebalance', how: 'drain', restoreAt: at(HOUR) }, undefined],
] as const)('a node has to be drained for %s', (_, notice, time) => {
  expect(drainedBy(notice, policy)).toBe(time);
});

test.each([
  ['ten minutes after it should have been interrupted', { kind: 'spot', endsAt: at(HOUR) }, at(70 * MINUTE)],
  ['when the settings say', { kind: 'rebalance', how: 'cordon', restoreAt: at(HOUR) }, at(HOUR)],
] as const)('an instance that stays has its node back %s', (_, notice, time) => {
  expect(restoredAt(notice)).toBe(time);
});

test('a drain for maintenance starts so early that its deadline, the kill margin and ten minutes fit', () => {
  expect(maintenanceLeadMs(policy)).toBe(2 * HOUR + 5 * MINUTE + 10 * MINUTE);
});
