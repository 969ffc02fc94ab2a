import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type * as logs from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import { LOG } from '../../lambda/core/model/log-messages.ts';
import { METRICS, type MetricName } from '../../lambda/core/model/metrics.ts';
import type { AlarmName, Alarms, AlarmsProps } from './alarms.ts';
import { deadlinesOf, type GroupTimes, labelOf } from './group-times.ts';
import type { Statistic } from './measured.ts';

/** What the dashboard shows. */
export interface DashboardProps extends AlarmsProps {
  readonly alarms: Alarms;
  readonly logGroup: logs.ILogGroup;
}

/** The grid of CloudWatch has 24 columns. */
const WHOLE = 24;
const HALF = WHOLE / 2;
/** The width of the links beside the alarms, and the height of both. */
const LINKS = 8;
const TOP = 5;

/** Those that the runbook pages someone for. */
const PAGED: readonly AlarmName[] = [
  'SweepMissing',
  'HeartbeatsRefused',
  'NomadUnreachable',
  'TokenTooNarrow',
  'OldestWait',
];

/** Cool colours for good outcomes, warm ones for the others; red where builds may have been killed. */
const OUTCOMES: Partial<Record<MetricName, string>> = {
  Drained: cloudwatch.Color.GREEN,
  InstanceGone: cloudwatch.Color.GREY,
  NotANode: cloudwatch.Color.BLUE,
  NodeLost: cloudwatch.Color.BROWN,
  Forced: cloudwatch.Color.ORANGE,
  TimedOut: cloudwatch.Color.RED,
};

/** From top to bottom: alarms, what is waited for, waiting instances, durations, outcomes, errors, and who was released. */
export function makeDashboard(scope: Construct, props: DashboardProps): cloudwatch.Dashboard {
  const { measured, alarms, failedRuns, undeliveredEvents } = props;
  const line = (name: MetricName, statistic: Statistic, label: string) => measured(name, statistic).with({ label });
  const counts = (title: string, left: cloudwatch.IMetric[], more: Partial<cloudwatch.GraphWidgetProps> = {}) =>
    graph(title, 'Count', { left, ...more });

  return new cloudwatch.Dashboard(scope, 'Dashboard', {
    defaultInterval: Duration.hours(12),
    widgets: [
      [...alarmStates(alarms), links(props)],
      [records(props.logGroup, 'Waiting instances, and why', WAITED_FOR)],
      [
        counts('Waiting instances', [line('InstancesWaiting', 'Maximum', 'waiting')]),
        graph('The oldest wait', 'Hours', {
          // Lines, not annotations: the labels of annotations that are a kill margin apart overprint each other.
          left: [
            inUnits('Hours', 'wait', measured('OldestWait', 'Maximum'), 'the oldest wait'),
            ...timesInGraph(props.groups),
          ],
        }),
      ],
      [
        graph(METRICS.TimeToDrain.about, 'Minutes', {
          left: [
            inUnits('Minutes', 'median', measured('TimeToDrain', 'p50'), 'p50'),
            inUnits('Minutes', 'most', measured('TimeToDrain', 'p90'), 'p90'),
            inUnits('Minutes', 'longest', measured('TimeToDrain', 'Maximum'), 'longest'),
          ],
        }),
        graph(METRICS.WaitAfterEmpty.about, 'Seconds', {
          left: [
            line('WaitAfterEmpty', 'p50', 'p50'),
            line('WaitAfterEmpty', 'p90', 'p90'),
            line('WaitAfterEmpty', 'Maximum', 'longest'),
          ],
        }),
      ],
      [
        counts(
          'How waits ended',
          Object.entries(OUTCOMES).map(([name, color]) =>
            line(name as MetricName, 'Sum', outcome(name as MetricName)).with({ color }),
          ),
          { stacked: true },
        ),
        counts('Problems during waits', [
          line('AllocationsKilled', 'Sum', 'allocations killed'),
          line('DrainsStuck', 'Maximum', 'drains stuck'),
          line('InstancesUnserved', 'Maximum', 'instances not served'),
        ]),
      ],
      [
        counts('Nomad', [
          line('NomadErrors', 'Sum', 'failed requests'),
          line('TokenTooNarrow', 'Maximum', 'token too narrow (1) or not (0)'),
        ]),
        counts('AWS', [
          line('HeartbeatsRefused', 'Sum', 'heartbeats refused'),
          line('EventsLost', 'Sum', 'events lost'),
          failedRuns.metricApproximateNumberOfMessagesVisible({ statistic: 'Maximum', label: 'failed runs' }),
          undeliveredEvents.metricApproximateNumberOfMessagesVisible({
            statistic: 'Maximum',
            label: 'undelivered events',
          }),
        ]),
      ],
      ...(props.admits ? [launches(measured)] : []),
      [records(props.logGroup, 'Released instances, and why', LET_GO)],
    ],
  });
}

/** Of instances on their way into service. */
function launches(measured: DashboardProps['measured']): cloudwatch.IWidget[] {
  const sum = (name: MetricName, statistic: Statistic, label: string) => measured(name, statistic).with({ label });
  return [
    graph(METRICS.NodeReady.about, 'Minutes', {
      left: [
        inUnits('Minutes', 'median', measured('NodeReady', 'p50'), 'p50'),
        inUnits('Minutes', 'most', measured('NodeReady', 'p90'), 'p90'),
      ],
    }),
    graph('Instances on their way into service', 'Count', {
      left: [
        sum('InstancesJoining', 'Maximum', 'waiting'),
        sum('InstancesAdmitted', 'Sum', 'put into service'),
        sum('InstancesAbandoned', 'Sum', 'abandoned'),
      ],
    }),
  ];
}

/** What a duration is shown in, by the seconds of each. */
const SECONDS = { Minutes: 60, Hours: 3600 } as const;
type Unit = keyof typeof SECONDS;

/** A duration that is measured in seconds. @param id of the metric, unique in its graph */
const inUnits = (unit: Unit, id: string, metric: cloudwatch.Metric, label: string) =>
  new cloudwatch.MathExpression({
    expression: `${id} / ${SECONDS[unit]}`,
    usingMetrics: { [id]: metric },
    period: Duration.minutes(1),
    label,
  });

/** A duration that does not change. @param seconds a number, or a sum in parentheses */
const constant = (unit: Unit, seconds: string, label: string, color: string) =>
  new cloudwatch.MathExpression({
    expression: `TIME_SERIES(${seconds} / ${SECONDS[unit]})`,
    usingMetrics: {},
    period: Duration.minutes(1),
    label,
    color,
  });

/** The deadlines, and when drains are forced; of several groups with the names of those whose they are. */
function timesInGraph(groups: readonly GroupTimes[]): cloudwatch.MathExpression[] {
  const whose = (each: Pick<GroupTimes, 'names'>) => (groups.length > 1 ? `: ${labelOf(each)}` : '');
  return [
    ...deadlinesOf(groups).map((each) =>
      constant('Hours', `${each.deadlineSeconds}`, `drain deadline${whose(each)}`, cloudwatch.Color.ORANGE),
    ),
    ...groups.map((each) => {
      const seconds = `(${each.deadlineSeconds} + ${each.killMarginSeconds})`;
      return constant('Hours', seconds, `the drain is forced${whose(each)}`, cloudwatch.Color.RED);
    }),
  ];
}

/** Under the title "How waits ended" the legend need not say "Released" six times. */
const outcome = (name: MetricName) => METRICS[name].about.replace('Released: ', '');

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
  const width = WHOLE - LINKS;
  return all.length > 0 ? [new cloudwatch.AlarmStatusWidget({ title: 'Alarms', alarms: all, width, height: TOP })] : [];
}

/** What to run and read first. */
function links({ alarms, commandLine, runbook }: DashboardProps): cloudwatch.TextWidget {
  const link = (heading: string) => `[${heading}](${runbook.section(heading)})`;
  const markdown = [
    `**[Runbook](${runbook.url})**: ${link('A normal day')}`,
    `**Page someone**: ${PAGED.map(link).join(', ')}`,
    `**Run first**: \`${commandLine('status')}\``,
  ].join('\n\n');
  const width = Object.keys(alarms).length > 0 ? LINKS : WHOLE;
  return new cloudwatch.TextWidget({ markdown, width, height: TOP });
}

function graph(title: string, unit: string, more: cloudwatch.GraphWidgetProps): cloudwatch.GraphWidget {
  const leftYAxis = { min: 0, label: unit, showUnits: false };
  return new cloudwatch.GraphWidget({ title, width: HALF, height: 6, leftYAxis, ...more });
}

function records(logGroup: logs.ILogGroup, title: string, queryLines: string[]): cloudwatch.LogQueryWidget {
  const logGroupNames = [logGroup.logGroupName];
  return new cloudwatch.LogQueryWidget({ title, logGroupNames, queryLines, width: WHOLE, height: 7 });
}
