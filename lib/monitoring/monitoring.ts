import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type * as events from 'aws-cdk-lib/aws-events';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type * as logs from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { MonitoringOptions } from '../props.ts';
import { type Alarms, type AlarmsProps, makeAlarms } from './alarms.ts';
import { makeDashboard } from './dashboard.ts';
import { measuredBy } from './measured.ts';

/** What the alarms and the dashboard are about, and which of them to make. */
export interface MonitoringProps extends Omit<AlarmsProps, 'measured'>, MonitoringOptions {
  readonly handler: lambda.IFunction;
  readonly logGroup: logs.ILogGroup;
  readonly sweep: events.Rule;
}

/** The alarms and the dashboard. */
export class Monitoring extends Construct {
  readonly alarms: Alarms;
  readonly dashboard: cloudwatch.Dashboard | undefined;

  constructor(scope: Construct, id: string, props: MonitoringProps) {
    super(scope, id);
    const { handler, sweep, alarmTopic, alarms = true, dashboard = true } = props;
    const measured = measuredBy(handler);
    this.alarms = alarms ? makeAlarms(this, { ...props, measured }, alarmTopic) : {};
    // Made after the sweep and deleted before it: it must not fire while a stack is created or deleted.
    this.alarms.SweepMissing?.node.addDependency(sweep);
    this.dashboard = dashboard ? makeDashboard(this, { ...props, measured, alarms: this.alarms }) : undefined;
  }
}
