import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type * as logs from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import { LOG } from '../../lambda/core/model/log-messages.ts';
import { METRICS, type MetricName } from '../../lambda/core/model/metrics.ts';
import type { Alarms, AlarmsProps } from './alarms.ts';
import type { Statistic } from './measured.ts';

/** What the dashboard shows. */
export interface DashboardProps extends AlarmsProps {
  readonly alarms: Alarms;
  readonly logGroup: logs.ILogGroup;
}

/** The grid of CloudWatch has 24 columns. */
const WHOLE = 24;
const HALF = WHOLE / 2;

/** Cool colours for good outcomes, warm ones for the others; red where builds may have been killed. */
const OUTCOMES: Partial<Record<MetricName, string>> = {
  Drained: cloudwatch.Color.GREEN,
  InstanceGone: cloudwatch.Color.GREY,
  NotANode: cloudwatch.Color.BLUE,
  NodeLost: cloudwatch.Color.BROWN,
  Forced: cloudwatch.Color.ORANGE,
  TimedOut: cloudwatch.Color.RED,
};

/** From top to bottom: alarms, waiting instances, durations, outcomes, errors, and the log records about them. */
export function makeDashboard(scope: Construct, props: DashboardProps): cloudwatch.Dashboard {
  const { measured, alarms, failedRuns, undeliveredEvents, policy } = props;
  const line = (name: MetricName, statistic: Statistic, label: string = METRICS[name].about) =>
    measured(name, statistic).with({ label });
  const counts = (title: string, left: cloudwatch.IMetric[], more: Partial<cloudwatch.GraphWidgetProps> = {}) =>
    graph(title, 'Count', { left, ...more });
  const durations = (name: MetricName) =>
    graph(METRICS[name].about, 'Seconds', {
      left: [line(name, 'p50', 'half of them'), line(name, 'p90', '9 of 10'), line(name, 'Maximum', 'longest')],
    });

  return new cloudwatch.Dashboard(scope, 'Dashboard', {
    defaultInterval: Duration.hours(12),
    widgets: [
      alarmStates(alarms),
      [
        counts(METRICS.InstancesWaiting.about, [line('InstancesWaiting', 'Maximum')]),
        graph(METRICS.OldestWait.about, 'Seconds', {
          left: [line('OldestWait', 'Maximum')],
          leftAnnotations: [
            { value: policy.deadlineSeconds, label: 'drain deadline', color: cloudwatch.Color.ORANGE },
            {
              value: policy.deadlineSeconds + policy.killMarginSeconds,
              label: 'the drain is forced',
              color: cloudwatch.Color.RED,
            },
          ],
        }),
      ],
      [durations('TimeToDrain'), durations('WaitAfterEmpty')],
      [
        counts(
          'How waits ended',
          Object.entries(OUTCOMES).map(([name, color]) => line(name as MetricName, 'Sum').with({ color })),
          { stacked: true },
        ),
        counts('What went wrong with them', [
          line('AllocationsKilled', 'Sum'),
          line('DrainsStuck', 'Maximum'),
          line('InstancesUnserved', 'Maximum'),
        ]),
      ],
      [
        counts('Nomad', [line('NomadErrors', 'Sum'), line('TokenTooNarrow', 'Maximum')]),
        counts('AWS', [
          line('HeartbeatsRefused', 'Sum'),
          line('EventsLost', 'Sum'),
          failedRuns.metricApproximateNumberOfMessagesVisible({ statistic: 'Maximum', label: 'Failed runs' }),
          undeliveredEvents.metricApproximateNumberOfMessagesVisible({
            statistic: 'Maximum',
            label: 'Undelivered events',
          }),
        ]),
      ],
      [records(props.logGroup, 'What is waited for, and why', WAITED_FOR)],
      [records(props.logGroup, 'Who was released, and why', LET_GO)],
    ],
  });
}

/** The last word of each instance in the records that end a run, of those that still wait. */
const WAITED_FOR = [
  'filter message = "run ended" and run in ["event", "sweep"]',
  'fields jsonParse(@message) as record',
  'unnest record.instances into instance',
  'stats max(@timestamp) as seen, latest(instance.action) as action, latest(instance.remaining) as allocations, ' +
    'latest(instance.because) as because, latest(instance.nodeId) as nodeId ' +
    'by instance.instanceId as instanceId, instance.group as group',
  'filter action != "complete"',
  'sort seen desc',
  'limit 100',
];

const LET_GO = [
  `filter message = "${LOG.released}"`,
  'fields @timestamp, instanceId, group, nodeId, outcome, because',
  'sort @timestamp desc',
  'limit 100',
];

function alarmStates(alarms: Alarms): cloudwatch.IWidget[] {
  const all = Object.values(alarms);
  return all.length > 0
    ? [new cloudwatch.AlarmStatusWidget({ title: 'Alarms', alarms: all, width: WHOLE, height: 4 })]
    : [];
}

function graph(title: string, unit: string, more: cloudwatch.GraphWidgetProps): cloudwatch.GraphWidget {
  const leftYAxis = { min: 0, label: unit, showUnits: false };
  return new cloudwatch.GraphWidget({ title, width: HALF, height: 6, leftYAxis, ...more });
}

function records(logGroup: logs.ILogGroup, title: string, queryLines: string[]): cloudwatch.LogQueryWidget {
  const logGroupNames = [logGroup.logGroupName];
  return new cloudwatch.LogQueryWidget({ title, logGroupNames, queryLines, width: WHOLE, height: 7 });
}
