import { Duration, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as sns from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { describe, expect, test } from 'vitest';
import { DIMENSIONS, METRICS, NAMESPACE, SERVICE } from '../../lambda/core/model/metrics.ts';
import { NomadAccess } from '../../lib/access/nomad-access.ts';
import type { AlarmName } from '../../lib/monitoring/alarms.ts';
import { NomadDrainHook } from '../../lib/nomad-drain-hook.ts';
import type { NomadDrainHookProps } from '../../lib/props.ts';
import { alarmsOf, dashboardOf } from './monitored.ts';
import { drainHook, emptyStack, makeApp, resources, templateOf } from './stacks.ts';

const NOMAD = NomadAccess.http({ address: 'https://nomad.internal:4646' });
const ALARM = 'AWS::CloudWatch::Alarm';
const DASHBOARD = 'AWS::CloudWatch::Dashboard';

const alarm = (name: AlarmName, props: Partial<NomadDrainHookProps> = {}) => alarmsOf(templateOf(props))[name];
const heartbeats = (seconds: number) =>
  alarm('HeartbeatsRefused', {
    hook: { heartbeatTimeout: Duration.seconds(seconds) },
    policy: { deadline: Duration.minutes(10), killMargin: Duration.minutes(1) },
  });

describe('the alarms', () => {
  test('are these, each on what this one function measures or on its own queues', () => {
    const template = templateOf();
    const [functionId] = Object.keys(resources(template, 'AWS::Lambda::Function'));
    const alarms = Object.entries(alarmsOf(template));
    const ours = alarms.filter(([, { Namespace }]) => Namespace === NAMESPACE);
    expect(Object.fromEntries(ours.map(([name, { MetricName }]) => [name, MetricName]))).toEqual({
      OldestWait: 'LongestOverdue',
      NomadUnreachable: 'NomadErrors',
      TokenTooNarrow: 'TokenTooNarrow',
      AllocationsKilled: 'AllocationsKilled',
      DrainStuck: 'DrainsStuck',
      InstanceUnserved: 'InstancesUnserved',
      TimedOut: 'TimedOut',
      InstanceRetained: 'InstancesRetained',
      NotANode: 'NodeMissing',
      HeartbeatsRefused: 'HeartbeatsRefused',
      SweepMissing: 'InstancesWaiting',
      EventsLost: 'EventsLost',
      ClientsMissing: 'ClientsMissing',
    });
    for (const [, { MetricName, Dimensions }] of ours) {
      expect(METRICS).toHaveProperty(MetricName!);
      expect(Dimensions).toHaveLength(2);
      expect(Dimensions).toContainEqual({ Name: DIMENSIONS.service, Value: SERVICE });
      expect(Dimensions).toContainEqual({ Name: DIMENSIONS.functionName, Value: { Ref: functionId } });
    }
    const queues = Object.keys(resources(template, 'AWS::SQS::Queue'));
    const onQueues = alarms.filter((each) => !ours.includes(each));
    expect(onQueues.map(([name]) => name)).toEqual(['FailedRuns', 'UndeliveredEvents']);
    for (const [name, { Namespace, MetricName, Dimensions }] of onQueues) {
      const queue = queues.find((id) => id.includes(name));
      expect([Namespace, MetricName]).toEqual(['AWS/SQS', 'ApproximateNumberOfMessagesVisible']);
      expect(Dimensions).toEqual([{ Name: 'QueueName', Value: { 'Fn::GetAtt': [queue, 'QueueName'] } }]);
    }
  });

  test('of two hooks do not see each other, in one stack or in two: each has a function of its own', () => {
    const stack = emptyStack();
    drainHook({}, stack);
    new NomadDrainHook(stack, 'Other', {
      groups: ['runners'],
      nomad: NOMAD,
    });
    const template = Template.fromStack(stack);
    const watched = Object.values(resources(template, ALARM))
      .filter(({ Properties }) => Properties.Namespace === NAMESPACE)
      .map(({ Properties }) => JSON.stringify([Properties.MetricName, Properties.Dimensions]));
    expect(new Set(watched).size).toBe(watched.length);
    expect(watched).toHaveLength(26);
  });

  test('do not fire for a stack that is deleted: the one on missing sweeps goes before the sweep does', () => {
    const template = templateOf();
    const [sweep] = Object.keys(resources(template, 'AWS::Events::Rule')).filter((id) => id.includes('Sweep'));
    const alarms = Object.entries(resources(template, ALARM)).filter(([id]) => id.includes('SweepMissing'));
    expect(alarms.map(([, { DependsOn: needed }]) => needed)).toEqual([expect.arrayContaining([sweep])]);
  });

  test('tell the topic when they fire and when they resolve, and of nothing else', () => {
    const stack = emptyStack();
    const alarmTopic = new sns.Topic(stack, 'OnCall') as sns.ITopic;
    const template = templateOf({ monitoring: { alarmTopic } }, stack);
    const topic = { Ref: Object.keys(resources(template, 'AWS::SNS::Topic'))[0] };
    for (const each of Object.values(alarmsOf(template))) {
      expect([each.AlarmActions, each.OKActions, each.InsufficientDataActions]).toEqual([[topic], [topic], undefined]);
    }
  });

  test('tell nobody where no topic is given, and wait for actions of one’s own, by name', () => {
    const hook = drainHook();
    expect(Object.keys(hook.alarms)).toEqual(Object.keys(alarmsOf(templateOf())));
    for (const each of Object.values(alarmsOf(templateOf()))) {
      expect([each.AlarmActions, each.OKActions, each.InsufficientDataActions]).toEqual([
        undefined,
        undefined,
        undefined,
      ]);
    }
  });

  test('and the dashboard are made unless they are not wanted', () => {
    const made = (monitoring: NomadDrainHookProps['monitoring']) => {
      const stack = emptyStack();
      const template = templateOf(monitoring && { monitoring }, stack);
      return [ALARM, DASHBOARD].map((type) => Object.keys(resources(template, type)).length > 0);
    };
    expect(made(undefined)).toEqual([true, true]);
    expect(made({ alarms: false })).toEqual([false, true]);
    expect(made({ dashboard: false })).toEqual([true, false]);
    expect(drainHook({ monitoring: { alarms: false, dashboard: false } })).toMatchObject({
      alarms: {},
      dashboard: undefined,
    });
    expect(dashboardOf(templateOf({ monitoring: { alarms: false } })).widgets.map(({ type }) => type)).not.toContain(
      'alarm',
    );
  });

  test('have names that begin with the stack and the construct, and say in words what is wrong', () => {
    for (const [id, { AlarmName: name }] of Object.entries(alarmsOf(templateOf()))) {
      const [, title = ''] = /^Test\/DrainHook: ([A-Za-z ]+)$/.exec(name) ?? [];
      // So that the section of the runbook is found by the name alone.
      expect(title.replaceAll(' ', '').toLowerCase()).toBe(id.toLowerCase());
    }
    const named = alarmsOf(templateOf({ monitoring: { name: 'builders' } }));
    expect(named.SweepMissing.AlarmName).toBe('builders: sweep missing');
  });

  test('have names that CloudWatch takes, and no two the same, of two hooks in a stack and of stacks with names as long as can be', () => {
    const stacks = ['a', 'b'].map((letter) => new Stack(makeApp(), 'Test', { stackName: letter.repeat(128) }));
    const names = stacks.flatMap((stack) => {
      drainHook({}, stack);
      const deep = new Construct(new Construct(stack, 'x'.repeat(60)), 'y'.repeat(60));
      for (const id of ['One', 'Other']) {
        new NomadDrainHook(deep, id, { groups: [id], nomad: NOMAD });
      }
      return Object.values(resources(Template.fromStack(stack), ALARM)).map(({ Properties }) => Properties.AlarmName);
    });
    expect(names).toHaveLength(2 * 3 * 15);
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(name.length).toBeLessThanOrEqual(255);
  });

  test('leave the name of the dashboard to CloudFormation', () => {
    for (const { Properties } of Object.values(resources(templateOf(), DASHBOARD))) {
      expect(Properties).not.toHaveProperty('DashboardName');
    }
  });

  test('look back for no longer than CloudWatch does, whatever the settings: a day', () => {
    const longest = alarmsOf(templateOf({ hook: { heartbeatTimeout: Duration.hours(2) } }));
    for (const each of Object.values(longest))
      expect(each.EvaluationPeriods * each.Period!).toBeLessThanOrEqual(86_400);
  });
});

describe('thresholds follow the settings:', () => {
  test('the oldest wait is too old after the drain deadline and the kill margin, and the alarm says what time is left', () => {
    expect(alarm('OldestWait').AlarmDescription).toContain('(21600 s + 300 s): its drain should have ended');
    const other = alarm('OldestWait', {
      policy: { deadline: Duration.hours(2), killMargin: Duration.minutes(3) },
      hook: { heartbeatTimeout: Duration.minutes(5) },
    });
    expect(other.Threshold).toBe(0);
    expect(other.AlarmDescription).toContain('(7200 s + 180 s)');
    expect(other.AlarmDescription).toContain('180 s later the instance is released');
  });

  test('of groups with their own times the oldest wait says each time, and names no more groups than one reads', () => {
    const says = (groups: NomadDrainHookProps['groups']) => alarm('OldestWait', { groups }).AlarmDescription;
    const web = (...names: string[]) => names.map((group) => ({ group, deadline: Duration.minutes(30) }));
    expect(says(['builders', ...web('web'), 'runners'])).toContain(
      '(21600 s + 300 s in builders, runners; 1800 s + 300 s in web): its drain should have ended. It is forced now, and 300 s later',
    );
    expect(says(['builders', ...web('a', 'b', 'c', 'd', 'e')])).toContain(
      '1800 s + 300 s in a, b, c and 2 more): its drain',
    );
    const margin = { group: 'web', killMargin: Duration.minutes(1) };
    expect(says(['builders', margin])).toContain(
      '21600 s + 60 s in web): its drain should have ended. It is forced now, and the kill ',
    );
    const many = Array.from({ length: 8 }, (_, index) => ({
      group: `${index}`.padStart(120, 'g'),
      deadline: Duration.minutes(index + 1),
    }));
    expect(says(many)).toContain('the kill margin (360 to 780 s, by its group): its drain');
    expect(says(many).length).toBeLessThanOrEqual(1024);
  });

  test('a stuck drain fires in time for the group with the shortest deadline', () => {
    const groups = ['builders', { group: 'web', deadline: Duration.minutes(10) }];
    expect(alarm('DrainStuck', { groups }).EvaluationPeriods).toBe(2);
  });

  test.each([
    [360, 10],
    [40, 10],
    [36, 9],
    [10, 2],
    [1, 1],
  ])('with a deadline of %i minutes a stuck drain fires after %i', (minutes, stuck) => {
    const { EvaluationPeriods, DatapointsToAlarm } = alarm('DrainStuck', {
      policy: { deadline: Duration.minutes(minutes) },
    });
    expect([DatapointsToAlarm, EvaluationPeriods]).toEqual([stuck, stuck]);
  });

  test.each([120, 300, 359, 360, 1800, 7200])(
    'with a heartbeat timeout of %i s refused heartbeats fire before the hook lapses, even of a function that forgets',
    (timeout) => {
      const { DatapointsToAlarm, EvaluationPeriods, Period } = heartbeats(timeout);
      // One heartbeat begins each third of the timeout; a function that forgets does not try again in between.
      const refusedAt = Array.from({ length: DatapointsToAlarm! }, (_, index) => ((index + 1) * timeout) / 3);
      const [first = 0] = refusedAt;
      const last = refusedAt.at(-1)!;
      // A sweep comes within a minute of the slot that begins.
      expect(Math.ceil((last - first + 60) / Period!) + 1).toBeLessThanOrEqual(EvaluationPeriods);
      // A minute until the run has told it and CloudWatch has looked; below six minutes that is all there is.
      expect(timeout - last).toBeGreaterThanOrEqual(60);
    },
  );

  test('one refused heartbeat fires only where there is no time for a second', () => {
    expect([120, 359, 360, 1800].map((seconds) => heartbeats(seconds).DatapointsToAlarm)).toEqual([1, 1, 2, 2]);
  });
});

describe('where nothing is told,', () => {
  const silence = (name: AlarmName) => alarm(name).TreatMissingData;

  test('a sweep is missing', () => {
    expect(alarm('SweepMissing')).toMatchObject({
      Statistic: 'SampleCount',
      ComparisonOperator: 'LessThanThreshold',
      Threshold: 1,
      TreatMissingData: 'breaching',
    });
  });

  test('what each sweep tells stays as it was told last', () => {
    for (const name of ['OldestWait', 'DrainStuck', 'InstanceUnserved', 'TokenTooNarrow'] as const) {
      expect(silence(name)).toBe('ignore');
    }
  });

  test('what is told as it happens has not happened, and a queue is empty', () => {
    for (const [name, { MetricName, TreatMissingData }] of Object.entries(alarmsOf(templateOf()))) {
      const { recorded = undefined } = Object.entries(METRICS).find(([metric]) => metric === MetricName)?.[1] ?? {};
      if (recorded === 'happening' || recorded === undefined)
        expect([name, TreatMissingData]).toEqual([name, 'notBreaching']);
    }
  });
});
