import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type * as sns from 'aws-cdk-lib/aws-sns';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { SWEEP_SECONDS } from '../../lambda/core/decide/deadlines.ts';
import { type GroupTimes, labelOf } from './group-times.ts';
import { type Measured, measuredBy } from './measured.ts';
import type { Runbook } from './runbook.ts';

/** What the alarms watch, and what their thresholds follow from. */
export interface AlarmsProps {
  /** What their names begin with. */
  readonly name: string;
  readonly measured: Measured;
  /** A command line for this function, such as `nomad-drain-hook status --region … --function …`. */
  readonly commandLine: (command: string) => string;
  readonly runbook: Runbook;
  readonly failedRuns: sqs.IQueue;
  readonly undeliveredEvents: sqs.IQueue;
  /** The function that Auto Scaling asks which instances go, if there is one. */
  readonly whoGoes?: lambda.IFunction | undefined;
  /** Instances of some group are put into service when their nodes are ready. */
  readonly admits: boolean;
  /** At least one. */
  readonly groups: readonly GroupTimes[];
  readonly heartbeatTimeoutSeconds: number;
}

/** When an alarm fires, and what it says then. */
interface Condition {
  /** What the alarm's name ends with: its id, in words. */
  readonly title: string;
  /** What is wrong, in a sentence: the alarm's description begins with it. */
  readonly says: string;
  /** The command that its section of the runbook begins with. */
  readonly first: string;
  readonly metric: cloudwatch.Metric;
  /** Fires above it; @default 0: as soon as there is any */
  readonly above?: number;
  /** Fires below it. @default - fires above something */
  readonly below?: number;
  /** In this many minutes; @default 1 */
  readonly minutes?: number;
  /** Out of this many last minutes; @default - the same number: in each of them */
  readonly of?: number;
  readonly silence: cloudwatch.TreatMissingData;
}

/** For metrics of each sweep: the alarm keeps its state. That no sweep comes has an alarm of its own. */
const UNKNOWN = cloudwatch.TreatMissingData.IGNORE;
/** For metrics of what happens now and then: no data means that it did not happen. */
const NOTHING = cloudwatch.TreatMissingData.NOT_BREACHING;
/** For what must always be there: no data is the fault. */
const BAD = cloudwatch.TreatMissingData.BREACHING;

/** For single occurrences: the alarm stays on for an hour, and does not fire again for more of them in that hour. */
const ONCE_AN_HOUR = { minutes: 1, of: 60, silence: NOTHING };
/** In minutes. Longer than what passes by itself: an election among Nomad's servers, a deploy, a cold start. */
const LASTING = 5;
/**
 * CloudWatch evaluates two minutes more than it needs, and treats data as missing only where these are missing, too: three
 * are missing after five minutes without any.
 */
const MISSING_FOR_LASTING = LASTING - 2;
/** In minutes. A replacement may have to wait until its group has scaled out. */
const SCALED_OUT = 10;

function conditions({ measured, whoGoes, failedRuns, undeliveredEvents, ...limits }: AlarmsProps) {
  const { groups, heartbeatTimeoutSeconds } = limits;
  const { ended, margin } = endsOf(groups);
  // The shortest: in no group may a drain be stuck until its deadline before the alarm fires.
  const stuck = stuckMinutes(Math.min(...groups.map(({ deadlineSeconds }) => deadlineSeconds)));
  const refused = refusedHeartbeats(heartbeatTimeoutSeconds);
  return {
    OldestWait: {
      title: 'oldest wait',
      says:
        `An instance still waits after its drain deadline and the kill margin (${ended}): its drain should have ended. It ` +
        `is forced now, and ${margin} later the instance is released with whatever still runs on it.`,
      first: 'status',
      metric: measured('LongestOverdue', 'Maximum'),
      silence: UNKNOWN,
    },
    NomadUnreachable: {
      title: 'Nomad unreachable',
      says: `Requests to Nomad have failed in each of the last ${LASTING} minutes: every instance is held meanwhile.`,
      first: 'doctor',
      metric: measured('NomadErrors', 'Sum'),
      minutes: LASTING,
      silence: NOTHING,
    },
    TokenTooNarrow: {
      title: 'token too narrow',
      says: 'The Nomad token lacks permissions: builds that it cannot see may be killed with their instance.',
      first: 'doctor',
      metric: measured('TokenTooNarrow', 'Maximum'),
      silence: UNKNOWN,
    },
    AllocationsKilled: {
      title: 'allocations killed',
      says: 'Nomad killed allocations that had not finished by the drain deadline.',
      first: 'history --since 2h',
      metric: measured('AllocationsKilled', 'Sum'),
      ...ONCE_AN_HOUR,
    },
    DrainStuck: {
      title: 'drain stuck',
      says:
        `A drain has been stuck for ${stuck} minutes and will not end by itself: what it waits for is killed at the drain ` +
        'deadline.',
      first: 'status',
      metric: measured('DrainsStuck', 'Maximum'),
      minutes: stuck,
      silence: UNKNOWN,
    },
    InstanceUnserved: {
      title: 'instance unserved',
      says: `Each sweep of the last ${LASTING} minutes left an instance unserved.`,
      first: 'status',
      metric: measured('InstancesUnserved', 'Maximum'),
      minutes: LASTING,
      silence: UNKNOWN,
    },
    TimedOut: {
      title: 'timed out',
      says: 'An instance was released because its time was up, with whatever still ran on it.',
      first: 'history --since 2h',
      metric: measured('TimedOut', 'Sum'),
      ...ONCE_AN_HOUR,
    },
    InstanceRetained: {
      title: 'instance retained',
      says: 'Auto Scaling retains an instance whose drain did not end in time: it runs, and costs, until you terminate it.',
      first: 'status',
      metric: measured('InstancesRetained', 'Maximum'),
      silence: UNKNOWN,
    },
    NotANode: {
      title: 'not a node',
      says:
        'An instance was released without a drain because Nomad knew no node of it, though it had been up for ten minutes or ' +
        'more: if it was a Nomad client, its builds were killed.',
      first: 'doctor',
      metric: measured('NodeMissing', 'Sum'),
      ...ONCE_AN_HOUR,
    },
    HeartbeatsRefused: {
      title: 'heartbeats refused',
      says:
        `Auto Scaling has refused heartbeats in ${refused.minutes} of the last ${refused.of} minutes: it ends a wait, ` +
        `drained or not, ${heartbeatTimeoutSeconds} s after the last heartbeat that it accepted.`,
      first: 'doctor',
      metric: measured('HeartbeatsRefused', 'Sum'),
      ...refused,
      silence: NOTHING,
    },
    SweepMissing: {
      title: 'sweep missing',
      says: `For ${LASTING} minutes no sweep has run: no instance is drained, held or released.`,
      first: 'doctor',
      metric: measured('InstancesWaiting', 'SampleCount'),
      below: 1,
      minutes: MISSING_FOR_LASTING,
      silence: BAD,
    },
    FailedRuns: {
      title: 'failed runs',
      says: 'Runs of the function have failed; the queue of failed runs has the event and the error of each.',
      first: 'doctor',
      metric: messagesIn(failedRuns),
      silence: NOTHING,
    },
    UndeliveredEvents: {
      title: 'undelivered events',
      says: 'EventBridge could not deliver events to the function; they are in the queue of undelivered events.',
      first: 'doctor',
      metric: messagesIn(undeliveredEvents),
      silence: NOTHING,
    },
    EventsLost: {
      title: 'events lost',
      says: 'The event bus did not accept events of this function: subscribers have missed them.',
      first: 'doctor',
      metric: measured('EventsLost', 'Sum'),
      ...ONCE_AN_HOUR,
    },
    ClientsMissing: {
      title: 'clients missing',
      says:
        'Instances have been in service for ten minutes and more, and Nomad has no live node of them: they count as ' +
        'capacity and run nothing.',
      first: 'status',
      metric: measured('ClientsMissing', 'Maximum'),
      // Twice: it is counted every fifth minute.
      minutes: 2,
      of: 7,
      silence: NOTHING,
    },
    ...(limits.admits && admissionConditions(measured)),
    ...(whoGoes && choiceConditions(whoGoes)),
  } satisfies Record<string, Condition>;
}

/** Of instances on their way into service. */
function admissionConditions(measured: Measured) {
  return {
    InstancesAbandoned: {
      title: 'instances abandoned',
      says:
        'An instance was abandoned because its Nomad node was not ready in time: Auto Scaling replaces it, and more slowly if ' +
        'that happens again and again.',
      first: 'history --since 2h',
      metric: measured('InstancesAbandoned', 'Sum'),
      ...ONCE_AN_HOUR,
    },
  } satisfies Record<string, Condition>;
}

/** Of the function that says which instances go. No build dies by these: Auto Scaling chooses by itself. */
function choiceConditions(whoGoes: lambda.IFunction) {
  return {
    ChoiceFellBack: {
      title: 'choice fell back',
      says: 'Auto Scaling chose which instances go: the function that lets idle ones go first had no answer, or not in time.',
      first: 'doctor',
      metric: measuredBy(whoGoes)('ChoicesFellBack', 'Sum'),
      ...ONCE_AN_HOUR,
    },
    ChoiceFailed: {
      title: 'choice failed',
      says: 'The function that lets idle instances go first failed or timed out: Auto Scaling chooses by itself.',
      first: 'doctor',
      metric: whoGoes.metricErrors({ statistic: 'Sum', period: Duration.minutes(1) }),
      ...ONCE_AN_HOUR,
    },
  } satisfies Record<string, Condition>;
}

/** The name of an alarm: its id in the construct tree, and its section in docs/operations.md. */
export type AlarmName = keyof ReturnType<typeof conditions>;

/** The alarms by name; empty without alarms. */
export type Alarms = Readonly<Partial<Record<AlarmName, cloudwatch.Alarm>>>;

/** Makes every alarm. The topic is notified when one fires and when it resolves. */
export function makeAlarms(scope: Construct, watched: AlarmsProps, topic?: sns.ITopic): Alarms {
  const { commandLine, runbook } = watched;
  const made = Object.entries<Condition>(conditions(watched)).map(([name, condition]) => {
    const { title, says, first, metric, above = 0, below, minutes = 1, of = minutes, silence } = condition;
    const alarm = new cloudwatch.Alarm(scope, name, {
      alarmName: `${watched.name}: ${title}`,
      alarmDescription: `${says} Deployed as ${watched.name}. First run: \`${commandLine(first)}\`. Runbook: ${runbook.section(name)}`,
      metric,
      threshold: below ?? above,
      comparisonOperator:
        below === undefined
          ? cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD
          : cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
      datapointsToAlarm: minutes,
      evaluationPeriods: of,
      treatMissingData: silence,
    });
    if (topic) {
      alarm.addAlarmAction(new SnsAction(topic));
      alarm.addOkAction(new SnsAction(topic));
    }
    return [name, alarm];
  });
  return Object.fromEntries(made);
}

const messagesIn = (queue: sqs.IQueue) =>
  queue.metricApproximateNumberOfMessagesVisible({ statistic: 'Maximum', period: Duration.minutes(1) });

/** In characters, so that the description of an alarm stays below CloudWatch's 1024. */
const LONGEST_LIST = 400;

/** When a drain should have ended, and how long after it was forced its instance is released: of each group, where they differ. */
function endsOf(groups: readonly GroupTimes[]): { ended: string; margin: string } {
  const end = ({ deadlineSeconds, killMarginSeconds }: GroupTimes) => `${deadlineSeconds} s + ${killMarginSeconds} s`;
  const list = groups.map((each) => (groups.length > 1 ? `${end(each)} in ${labelOf(each)}` : end(each))).join('; ');
  const margins = new Set(groups.map(({ killMarginSeconds }) => `${killMarginSeconds} s`));
  const [margin = ''] = margins;
  return {
    ended: list.length <= LONGEST_LIST ? list : `${rangeOf(groups)} s, by its group`,
    margin: margins.size === 1 ? margin : 'the kill margin of its group',
  };
}

function rangeOf(groups: readonly GroupTimes[]): string {
  const ends = groups.map(({ deadlineSeconds, killMarginSeconds }) => deadlineSeconds + killMarginSeconds);
  return `${Math.min(...ends)} to ${Math.max(...ends)}`;
}

/** Well before a stuck drain does harm: after ten minutes, or a quarter of the deadline if that is shorter. */
function stuckMinutes(deadlineSeconds: number): number {
  return Math.max(1, Math.min(SCALED_OUT, Math.floor(deadlineSeconds / 4 / 60)));
}

/**
 * A hook lapses when all three heartbeats of a timeout are refused. One refusal may be transient; after the second, a third
 * of the timeout is left to act. Where that is too short for a sweep and an alarm, the alarm fires at the first. The alarm
 * evaluates one heartbeat slot, and two minutes more for a sweep that is late.
 */
function refusedHeartbeats(heartbeatTimeoutSeconds: number): { minutes: number; of: number } {
  const slotSeconds = heartbeatTimeoutSeconds / 3;
  return { minutes: slotSeconds < 2 * SWEEP_SECONDS ? 1 : 2, of: Math.ceil(slotSeconds / SWEEP_SECONDS) + 2 };
}
