import { Duration } from 'aws-cdk-lib';
import { describe, expect, test } from 'vitest';
import { readAlarm } from '../../emulators/aws/cloudwatch/alarm.ts';
import { CloudWatch } from '../../emulators/aws/cloudwatch/cloud-watch.ts';
import { METRICS, type MetricName, NAMESPACE } from '../../lambda/core/model/metrics.ts';
import type { AlarmName } from '../../lib/monitoring/alarms.ts';
import { alarmsOf } from './monitored.ts';
import { templateOf } from './stacks.ts';

const MINUTE = 60_000;
const START = Date.parse('2026-03-01T09:00:00Z');

/** The alarms of a deployed stack, and CloudWatch to which its function reports. */
function deployed(props: Parameters<typeof templateOf>[0] = {}) {
  const resolve = (intrinsic: unknown) => JSON.stringify(intrinsic);
  const alarms = Object.entries(alarmsOf(templateOf(props))).map(
    ([name, properties]) => [name as AlarmName, readAlarm(properties, resolve)] as const,
  );
  const cloudWatch = new CloudWatch();
  const { dimensions } = alarms.find(([, { metric }]) => metric.namespace === NAMESPACE)![1].metric;
  const sweepTells = {
    InstancesWaiting: 0,
    OldestWait: 0,
    LongestOverdue: 0,
    DrainsStuck: 0,
    InstancesUnserved: 0,
    TokenTooNarrow: 0,
  };
  return {
    /** A sweep begins half a minute into each minute; it reports these values, and no other fault. */
    sweep(minute: number, told: Partial<Record<MetricName, number>> = {}) {
      for (const [name, value] of Object.entries({ ...sweepTells, ...told })) {
        cloudWatch.put({ namespace: NAMESPACE, name, dimensions, value, at: START + (minute + 0.5) * MINUTE });
      }
    },
    /** Which alarms are firing at the end of a minute. */
    firing: (minute: number) =>
      alarms
        .filter(([, alarm]) => cloudWatch.state(alarm, START + (minute + 1) * MINUTE) === 'ALARM')
        .map(([name]) => name),
    /** Which have fired by then. */
    fired: (minute: number) =>
      alarms
        .filter(([, alarm]) =>
          cloudWatch.history(alarm, START + (minute + 1) * MINUTE).some(({ state }) => state === 'ALARM'),
        )
        .map(([name]) => name),
  };
}

const minutes = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index);

test('nothing fires while builds finish and their instances are released', () => {
  const { sweep, fired } = deployed();
  for (const minute of minutes(0, 300)) {
    sweep(minute, { InstancesWaiting: 20, OldestWait: 60 * minute, ...(minute % 10 === 9 && { Drained: 1 }) });
  }
  for (const minute of minutes(300, 310)) sweep(minute);
  expect(fired(309)).toEqual([]);
});

describe('an alarm fires', () => {
  test('when there was no sweep for five minutes, and not for one that is left out', () => {
    const { sweep, firing } = deployed();
    for (const minute of minutes(0, 10).filter((each) => each !== 5)) sweep(minute);
    expect(minutes(0, 16).filter((minute) => firing(minute).includes('SweepMissing'))).toEqual([14, 15]);
  });

  test('as soon as a wait is past its own deadline and margin, and no more when that instance has gone', () => {
    const { sweep, firing } = deployed({ groups: ['builders', { group: 'web', deadline: Duration.minutes(30) }] });
    for (const minute of minutes(0, 38)) {
      sweep(minute, { OldestWait: minute * 60, LongestOverdue: Math.max(0, minute - 35) * 60 });
    }
    sweep(38);
    expect(minutes(0, 39).filter((minute) => firing(minute).includes('OldestWait'))).toEqual([36, 37]);
  });

  test('five minutes after Nomad went away, not for a change of its leader', () => {
    const { sweep, firing } = deployed();
    for (const minute of minutes(0, 10)) sweep(minute, minute < 3 ? { NomadErrors: 4 } : {});
    for (const minute of minutes(10, 16)) sweep(minute, { NomadErrors: 1 });
    expect(minutes(0, 16).filter((minute) => firing(minute).includes('NomadUnreachable'))).toEqual([14, 15]);
  });

  test.each<[AlarmName, MetricName]>([
    ['AllocationsKilled', 'AllocationsKilled'],
    ['TimedOut', 'TimedOut'],
    ['NotANode', 'NodeMissing'],
    ['EventsLost', 'EventsLost'],
    ['InstancesAbandoned', 'InstancesAbandoned'],
  ])('once and for an hour where it is over at once: %s', (name, metric) => {
    const { sweep, firing } = deployed({ admitWhenReady: true });
    for (const minute of minutes(0, 100)) sweep(minute, minute === 10 || minute === 20 ? { [metric]: 1 } : {});
    const fires = minutes(0, 100).filter((minute) => firing(minute).includes(name));
    expect(fires[0]).toBe(10);
    expect(fires).toEqual(minutes(10, 10 + fires.length));
    expect(fires.at(-1)).toBeGreaterThanOrEqual(79);
  });

  test('when clients were missing in two counts, five minutes apart, and not for one', () => {
    const { sweep, firing } = deployed();
    const counts = [1, 0, 2, 1, 0, 0, 0];
    for (const minute of minutes(0, 35)) {
      const ClientsMissing = counts[minute / 5];
      sweep(minute, ClientsMissing === undefined ? {} : { ClientsMissing });
    }
    const fires = minutes(0, 35).filter((minute) => firing(minute).includes('ClientsMissing'));
    expect(fires[0]).toBe(15);
    expect(fires.at(-1)).toBeLessThan(25);
  });

  test('while the token is too narrow, also when Nomad cannot be asked in between', () => {
    const { sweep, firing } = deployed();
    sweep(0, { TokenTooNarrow: 1 });
    expect(firing(0)).toContain('TokenTooNarrow');
    expect(firing(8)).toContain('TokenTooNarrow');
    sweep(9);
    expect(firing(9)).not.toContain('TokenTooNarrow');
  });

  test.each<[AlarmName, MetricName, number]>([
    ['DrainStuck', 'DrainsStuck', 10],
    ['InstanceUnserved', 'InstancesUnserved', 5],
  ])('for what does not pass: %s', (name, metric, lasting) => {
    const { sweep, firing } = deployed();
    for (const minute of minutes(0, lasting - 1)) sweep(minute, { [metric]: 1 });
    sweep(lasting - 1);
    for (const minute of minutes(lasting, 2 * lasting)) sweep(minute, { [metric]: 1 });
    expect(minutes(0, 2 * lasting).filter((minute) => firing(minute).includes(name))).toEqual([2 * lasting - 1]);
  });

  test('at the second heartbeat that is refused of one instance, ten minutes before its hook lapses', () => {
    const { sweep, firing } = deployed();
    // Taken at 0; the hook lapses at 30.
    for (const minute of minutes(0, 30)) sweep(minute, minute === 10 || minute === 20 ? { HeartbeatsRefused: 1 } : {});
    expect(firing(19)).toEqual([]);
    expect(firing(20)).toEqual(['HeartbeatsRefused']);
  });
});

test('what the tests above tell is what the function measures', () => {
  const told = Object.entries(METRICS).filter(([, metric]) => metric.recorded !== 'happening');
  expect(told.map(([name]) => name)).toEqual([
    'InstancesWaiting',
    'OldestWait',
    'LongestOverdue',
    'DrainsStuck',
    'InstancesUnserved',
    'InstancesRetained',
    'ClientsMissing',
    'TokenTooNarrow',
    'InstancesJoining',
  ]);
});
