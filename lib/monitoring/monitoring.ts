import { Names, Stack, Token } from 'aws-cdk-lib';
import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type * as events from 'aws-cdk-lib/aws-events';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type * as logs from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { MonitoringOptions } from '../props.ts';
import { type Alarms, type AlarmsProps, makeAlarms } from './alarms.ts';
import { makeDashboard } from './dashboard.ts';
import { measuredBy } from './measured.ts';
import { Runbook } from './runbook.ts';

/** What the alarms and the dashboard are about, and which of them to make. */
export interface MonitoringProps
  extends Omit<AlarmsProps, 'name' | 'measured' | 'commandLine' | 'runbook'>,
    MonitoringOptions {
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
    const about = {
      ...props,
      name: props.name ?? nameOf(scope),
      measured: measuredBy(handler),
      commandLine: (command: string) =>
        `nomad-drain-hook ${command} --region ${Stack.of(this).region} --function ${handler.functionName}`,
      runbook: new Runbook(props.runbookUrl),
    };
    this.alarms = alarms ? makeAlarms(this, about, alarmTopic) : {};
    // Made after the sweep and deleted before it: it must not fire while a stack is created or deleted.
    this.alarms.SweepMissing?.node.addDependency(sweep);
    this.dashboard = dashboard ? makeDashboard(this, { ...about, alarms: this.alarms }) : undefined;
  }
}

/** CloudWatch takes 255 characters as the name of an alarm: this leaves room for what is wrong. */
const LONGEST_NAME = 200;

/**
 * The stack of a construct and its path there: no other construct of the account and region has the same, since no other stack has
 * the same name.
 */
function nameOf(hook: Construct): string {
  const { stackName, node } = Stack.of(hook);
  const path = hook.node.scopes.slice(node.scopes.length).map(({ node: { id } }) => id);
  const name = [stackName, ...path].join('/');
  const fits = Token.isUnresolved(name) || name.length <= LONGEST_NAME;
  return fits ? name : Names.uniqueResourceName(hook, { maxLength: LONGEST_NAME });
}
