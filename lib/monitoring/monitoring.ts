import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type * as events from 'aws-cdk-lib/aws-events';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type * as logs from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { MonitoringOptions } from '../props.ts';
import { type Alarms, makeAlarms, type Watched } from './alarms.ts';
import { makeDashboard } from './dashboard.ts';
import { measuredBy } from './measured.ts';

/** What is watched, and how. */
export interface MonitoringProps extends Omit<Watched, 'measured'>, MonitoringOptions {
  readonly handler: lambda.IFunction;
  readonly logGroup: logs.ILogGroup;
  readonly sweep: events.Rule;
}

/** Tells people when they are needed, and shows them what goes on. */
export class Monitoring extends Construct {
  readonly alarms: Alarms;
  readonly dashboard: cloudwatch.Dashboard | undefined;

  constructor(scope: Construct, id: string, props: MonitoringProps) {
    super(scope, id);
    const { handler, sweep, alarmTopic, alarms = true, dashboard = true } = props;
    const measured = measuredBy(handler);
    this.alarms = alarms ? makeAlarms(this, { ...props, measured }, alarmTopic) : {};
    // Made after the sweep, deleted before it: it is not to fire over a stack that comes or goes.
    this.alarms.SweepMissing?.node.addDependency(sweep);
    this.dashboard = dashboard ? makeDashboard(this, { ...props, measured, alarms: this.alarms }) : undefined;
  }
}
