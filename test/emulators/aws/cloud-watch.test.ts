import { describe, expect, test } from 'vitest';
import { type AlarmProperties, type AlarmState, readAlarm } from '../../../emulators/aws/cloudwatch/alarm.ts';
import { CloudWatch } from '../../../emulators/aws/cloudwatch/cloud-watch.ts';

const MINUTE = 60_000;
const START = Date.parse('2026-03-01T09:00:00Z');
const metric = { namespace: 'Space', name: 'Breaches', dimensions: { FunctionName: 'f' } };

const alarm = (properties: Partial<AlarmProperties> = {}) =>
  readAlarm(
    {
      Namespace: 'Space',
      MetricName: 'Breaches',
      Dimensions: [{ Name: 'FunctionName', Value: { Ref: 'Function' } }],
      Statistic: 'Sum',
      Period: 60,
      EvaluationPeriods: 3,
      Threshold: 0,
      ComparisonOperator: 'GreaterThanThreshold',
      ...properties,
    },
    (intrinsic) => (JSON.stringify(intrinsic) === '{"Ref":"Function"}' ? 'f' : 'another'),
  );

/** Data points as AWS's tables write them, a minute each: 0 does not breach, X does, - is missing. */
function given(points: string, into = new CloudWatch()) {
  for (const [minute, point] of [...points.replaceAll(' ', '')].entries()) {
    if (point !== '-') into.put({ ...metric, value: point === 'X' ? 1 : 0, at: START + minute * MINUTE });
  }
  return { cloudWatch: into, now: START + points.replaceAll(' ', '').length * MINUTE };
}

const TREATMENTS = ['missing', 'ignore', 'breaching', 'notBreaching'] as const;
type Row = [points: string, ...states: (AlarmState | 'retained')[]];

// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html, both tables.
describe.each<[number, Row[]]>([
  [
    3,
    [
      ['0 - X - X', 'OK', 'OK', 'OK', 'OK'],
      ['0 - - - -', 'OK', 'OK', 'OK', 'OK'],
      ['- - - - -', 'INSUFFICIENT_DATA', 'retained', 'ALARM', 'OK'],
      ['0 X X - X', 'ALARM', 'ALARM', 'ALARM', 'ALARM'],
      ['- - X - -', 'ALARM', 'retained', 'ALARM', 'OK'],
    ],
  ],
  [
    2,
    [
      ['0 - X - X', 'ALARM', 'ALARM', 'ALARM', 'ALARM'],
      ['0 0 X 0 X', 'ALARM', 'ALARM', 'ALARM', 'ALARM'],
      ['0 - X - -', 'OK', 'OK', 'ALARM', 'OK'],
      ['- - - - 0', 'OK', 'OK', 'ALARM', 'OK'],
      ['- - - X -', 'ALARM', 'retained', 'ALARM', 'OK'],
    ],
  ],
])('an alarm of %i out of 3', (datapointsToAlarm, rows) => {
  const cases = rows.flatMap(([points, ...states]) =>
    TREATMENTS.map((treatment, index) => ({ points, treatment, state: states[index]! })),
  );

  // Five minutes before, out of sight of the last evaluation, stand the points that bring about the state to be retained.
  test.each(cases)('with $points is $state where missing data are $treatment', ({ points, treatment, state }) => {
    for (const [before, earlier] of [
      ['OK', '0 0 0 0 0'],
      ['ALARM', 'X X X X X'],
    ] as const) {
      const { cloudWatch, now } = given(`${earlier} ${points}`);
      const watched = alarm({ DatapointsToAlarm: datapointsToAlarm, TreatMissingData: treatment });
      expect(cloudWatch.state(watched, now)).toBe(state === 'retained' ? before : state);
    }
  });
});

describe('an alarm', () => {
  test('does not ring for one breaching data point that the next may disprove', () => {
    for (const points of ['- - - - X', '- - - X -']) {
      const { cloudWatch, now } = given(points);
      expect(cloudWatch.state(alarm(), now)).toBe('INSUFFICIENT_DATA');
    }
  });

  test('sees no period that is not over', () => {
    const { cloudWatch, now } = given('0 X X X');
    expect(cloudWatch.state(alarm(), now - 1)).toBe('OK');
    expect(cloudWatch.state(alarm(), now)).toBe('ALARM');
  });

  test('tells when it rang and when no more', () => {
    const { cloudWatch, now } = given('0 X X X X 0 0');
    expect(cloudWatch.history(alarm(), now)).toEqual([
      { at: START + MINUTE, state: 'OK' },
      { at: START + 4 * MINUTE, state: 'ALARM' },
      { at: START + 6 * MINUTE, state: 'OK' },
    ]);
  });

  test('on a metric that nobody ever told is in the state that missing data stand for', () => {
    const states = TREATMENTS.map((treatment) => new CloudWatch().state(alarm({ TreatMissingData: treatment }), START));
    expect(states).toEqual(['INSUFFICIENT_DATA', 'INSUFFICIENT_DATA', 'ALARM', 'OK']);
  });

  test('hears nothing of a metric with another dimension, or one more', () => {
    const { cloudWatch, now } = given('0 0 0');
    for (const dimensions of [{ FunctionName: 'g' }, { FunctionName: 'f', service: 's' }, {}]) {
      cloudWatch.put({ ...metric, dimensions, value: 1, at: START });
      cloudWatch.put({ ...metric, dimensions, value: 1, at: START + MINUTE });
      cloudWatch.put({ ...metric, dimensions, value: 1, at: START + 2 * MINUTE });
    }
    expect(cloudWatch.state(alarm(), now)).toBe('OK');
    expect(cloudWatch.metrics).toHaveLength(4);
  });

  test.each([
    ['SampleCount', 4],
    ['Sum', 10],
    ['Average', 2.5],
    ['Minimum', 1],
    ['Maximum', 4],
    ['p50', 2],
    ['p90', 4],
  ])('may be on the %s of a period', (statistic, value) => {
    const cloudWatch = new CloudWatch();
    for (const each of [4, 1, 3, 2]) cloudWatch.put({ ...metric, value: each, at: START + each * MINUTE });
    expect(cloudWatch.statistic({ ...alarm({ Statistic: statistic }), periodSeconds: 300 }, START)).toBe(value);
  });

  test.each([
    ['GreaterThanThreshold', [false, false, true]],
    ['GreaterThanOrEqualToThreshold', [false, true, true]],
    ['LessThanThreshold', [true, false, false]],
    ['LessThanOrEqualToThreshold', [true, true, false]],
  ])('may ring at what is %s', (ComparisonOperator, rings) => {
    const { breaches } = alarm({ ComparisonOperator, Threshold: 5 });
    expect([4, 5, 6].map(breaches)).toEqual(rings);
  });

  test('that CloudWatch would not take, or that is of a kind not known here, is refused', () => {
    expect(() => alarm({ DatapointsToAlarm: 4 })).toThrow('more than EvaluationPeriods');
    expect(() => alarm({ EvaluationPeriods: 1441 })).toThrow('a day at most');
    expect(() => alarm({ ComparisonOperator: 'Above' })).toThrow('no condition');
    expect(() => alarm({ TreatMissingData: 'bad' })).toThrow('cannot be bad');
    expect(() => readAlarm({ EvaluationPeriods: 1, ComparisonOperator: 'x' }, String)).toThrow('one metric');
  });
});

describe('a log line in the embedded metric format', () => {
  const line = (root: object, metadata: object = {}) =>
    JSON.stringify({
      _aws: {
        Timestamp: START,
        CloudWatchMetrics: [
          { Namespace: 'Space', Dimensions: [['FunctionName']], Metrics: [{ Name: 'Breaches', Unit: 'Count' }] },
        ],
        ...metadata,
      },
      FunctionName: 'f',
      ...root,
    });
  const sumAfter = (...lines: string[]) => {
    const cloudWatch = new CloudWatch();
    for (const each of lines) cloudWatch.read(each);
    return { sum: cloudWatch.statistic(alarm(), START), cloudWatch };
  };

  test('is taken: a value, or several', () => {
    expect(sumAfter(line({ Breaches: 2 }), line({ Breaches: [3, 4] })).sum).toBe(9);
  });

  test('counts for the minute of its time stamp', () => {
    const { cloudWatch } = sumAfter(line({ Breaches: 2 }, { Timestamp: START + 61_000 }));
    expect(cloudWatch.statistic(alarm(), START)).toBeUndefined();
    expect(cloudWatch.statistic(alarm(), START + MINUTE)).toBe(2);
  });

  test('has a unit, and an alarm on another unit does not see it', () => {
    const { cloudWatch } = sumAfter(line({ Breaches: 2 }));
    expect(cloudWatch.statistic(alarm({ Unit: 'Count' }), START)).toBe(2);
    expect(cloudWatch.statistic(alarm({ Unit: 'Seconds' }), START)).toBeUndefined();
  });

  test('is a metric for each set of dimensions', () => {
    const directive = { Namespace: 'Space', Dimensions: [['FunctionName'], []], Metrics: [{ Name: 'Breaches' }] };
    expect(sumAfter(line({ Breaches: 2 }, { CloudWatchMetrics: [directive] })).cloudWatch.metrics).toEqual([
      metric,
      { ...metric, dimensions: {} },
    ]);
  });

  test('is left alone where it is any other line', () => {
    const { cloudWatch } = sumAfter('START RequestId: 1', 'null', '7', '{"message":"run ended","Breaches":1}');
    expect(cloudWatch.metrics).toEqual([]);
    expect(cloudWatch.refused).toEqual([]);
  });

  test.each([
    ['a value that is text', { Breaches: '2' }],
    ['no value', {}],
    ['more than a hundred values', { Breaches: Array.from({ length: 101 }, () => 1) }],
    ['a dimension without a value', { Breaches: 2, FunctionName: undefined }],
    ['a dimension that is a number', { Breaches: 2, FunctionName: 7 }],
  ])('is dropped as a whole with %s, and said to be', (_, root) => {
    const { sum, cloudWatch } = sumAfter(line(root));
    expect(sum).toBeUndefined();
    expect(cloudWatch.refused).toHaveLength(1);
  });

  test('without a time stamp is dropped too', () => {
    expect(sumAfter(line({ Breaches: 2 }, { Timestamp: undefined })).cloudWatch.refused).toHaveLength(1);
  });
});
