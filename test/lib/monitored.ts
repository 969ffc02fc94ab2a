import type { Template } from 'aws-cdk-lib/assertions';
import type { AlarmProperties } from '../../emulators/aws/cloudwatch/alarm.ts';
import type { AlarmName } from '../../lib/monitoring/alarms.ts';
import { type Json, only, resources } from './stacks.ts';

export type TemplateAlarm = AlarmProperties & {
  AlarmName: string;
  AlarmDescription: string;
  AlarmActions?: unknown[];
  OKActions?: unknown[];
  InsufficientDataActions?: unknown[];
};

/** A text with what CloudFormation fills in written as the name of what it refers to. */
const textOf = (value: Json): string =>
  typeof value === 'string'
    ? value
    : (value.Ref ?? value['Fn::GetAtt']?.[0] ?? value['Fn::Join']?.[1].map(textOf).join('') ?? JSON.stringify(value));

/** What a template says of each alarm, by the id of its construct. */
export function alarmsOf(template: Template): Record<AlarmName, TemplateAlarm> {
  const alarms = Object.entries(resources(template, 'AWS::CloudWatch::Alarm'));
  // A logical id: the path of the construct, and eight characters of its hash.
  const name = (id: string) => /Monitoring(\w+)[0-9A-F]{8}$/.exec(id)?.[1] ?? id;
  return Object.fromEntries(
    alarms.map(([id, { Properties }]) => [
      name(id),
      { ...Properties, AlarmDescription: textOf(Properties.AlarmDescription) },
    ]),
  ) as Record<AlarmName, TemplateAlarm>;
}

export interface DashboardBody {
  start: string;
  widgets: { type: string; x: number; y: number; width: number; height: number; properties: Json }[];
}

/** The dashboard as CloudWatch gets it. What CloudFormation fills in is written as the name of what it refers to. */
export function dashboardOf(template: Template): DashboardBody {
  return JSON.parse(textOf(only(template, 'AWS::CloudWatch::Dashboard').Properties.DashboardBody));
}
