import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { rebalanceRecommendation, reservationWarning, spotWarning } from '../../emulators/aws/ec2/notices.ts';
import type { Sent } from '../../emulators/aws/events/events.ts';
import { type Json, templateOf } from '../lib/stacks.ts';
import { make } from '../template/cloudformation.ts';
import { tool } from './tools.ts';

const java = tool('JAVA_BIN', 'java', '-version');
const maven = tool('MVN_BIN', 'mvn', '-v');
const missing = java.missing || maven.missing;

const pathOf = (file: string) => fileURLToPath(new URL(file, import.meta.url));
const POM = pathOf('pom.xml');

/** The jars of the engine, fetched once for each version. */
function jars(): string {
  const [, version] = /event-ruler<\/artifactId>\s*<version>(.*)<\/version>/.exec(readFileSync(POM, 'utf8')) ?? [];
  const directory = pathOf(`../../node_modules/.cache/event-ruler-${version}`);
  if (existsSync(directory)) return directory;
  try {
    const options = [`-DoutputDirectory=${directory}`, '-DincludeScope=runtime'];
    execFileSync(maven.command, ['-q', '-B', '-f', POM, 'dependency:copy-dependencies', ...options]);
  } catch (error) {
    // Half of them would pass for all the next time.
    rmSync(directory, { recursive: true, force: true });
    throw error;
  }
  return directory;
}

/** The rules of the construct with everything on, by their ids: what CloudFormation gives EventBridge as their patterns. */
function patterns(): Record<string, Json> {
  const groups = ['builders', 'gpu.large'];
  const notices = { rebalance: 'drain', maintenance: true } as const;
  const { resources } = make(templateOf({ groups, notices }).toJSON());
  return Object.fromEntries(
    Object.entries(resources).flatMap(([id, { Type, Properties }]): [string, Json][] =>
      Type === 'AWS::Events::Rule' && Properties.EventPattern
        ? [[id.replace(/^DrainHook(WakeUps|Notices)/, '').replace(/[0-9A-F]{8}$/, ''), Properties.EventPattern]]
        : [],
    ),
  );
}

const documented: Record<string, Json> = JSON.parse(readFileSync(pathOf('../e2e/leaving-events.json'), 'utf8'));
const lifecycle = documented['Ways with a hook'];
const maintenance = documented['Scheduled maintenance'];
const id = 'i-0123456789abcdef0';
const sent = ({ source, detailType, resource, detail }: Sent): Json => ({
  source,
  'detail-type': detailType,
  resources: [resource].flat(),
  detail,
});
const changed = (event: Json, detail: Json = {}, more: Json = {}): Json => ({
  ...event,
  ...more,
  detail: { ...event.detail, ...detail },
});

/** What EventBridge adds to each event. https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html */
const ENVELOPE = {
  version: '0',
  id: '1e5527d7-bb36-4607-3370-4164db56a40e',
  account: '111122223333',
  time: '2026-12-01T12:00:00Z',
  region: 'eu-west-1',
  resources: [],
};

/** Each event in words, with the rule that it invokes the function by. */
const EVENTS: readonly (readonly [string, string, Json])[] = [
  ['scale-in', 'Termination', lifecycle],
  ['scale-in of the other group', 'Termination', changed(lifecycle, { AutoScalingGroupName: 'gpu.large' })],
  ['a return to the warm pool', 'Termination', documented['Warm pools']],
  ['the replacement of a root volume', 'Termination', documented['Root volume replacement']],
  ['scale-in of a group that is not ours', 'no rule', changed(lifecycle, { AutoScalingGroupName: 'builders-2' })],
  [
    'scale-in of a group whose name is longer in front',
    'no rule',
    changed(lifecycle, { AutoScalingGroupName: 'x-builders' }),
  ],
  [
    'scale-in of a group with our name in capitals',
    'no rule',
    changed(lifecycle, { AutoScalingGroupName: 'Builders' }),
  ],
  [
    'scale-in of a group with another character for our dot',
    'no rule',
    changed(lifecycle, { AutoScalingGroupName: 'gpu-large' }),
  ],
  ['another hook of our group', 'no rule', changed(lifecycle, { LifecycleHookName: 'nomad-drain-2' })],
  ['our hook, without a group', 'no rule', changed(lifecycle, { AutoScalingGroupName: undefined })],
  [
    'a launch in our group',
    'no rule',
    changed(lifecycle, {}, { 'detail-type': 'EC2 Instance-launch Lifecycle Action' }),
  ],
  [
    'a termination that has succeeded',
    'no rule',
    changed(lifecycle, {}, { 'detail-type': 'EC2 Instance Terminate Successful' }),
  ],
  ['an event of an application that looks like scale-in', 'no rule', changed(lifecycle, {}, { source: 'com.example' })],
  ['an event in other letters', 'no rule', changed(lifecycle, {}, { source: 'aws.AutoScaling' })],
  ['a Spot interruption', 'Spot', documented['Spot interruption']],
  ['a Spot interruption by hibernation', 'Spot', sent(spotWarning(id, 'hibernate'))],
  ['a capacity reservation taken back', 'Spot', sent(reservationWarning(id, Date.parse('2026-12-01T12:02:00Z')))],
  [
    'a capacity reservation taken back, with one text for its resources',
    'Spot',
    {
      ...sent(reservationWarning(id, Date.parse('2026-12-01T12:02:00Z'))),
      resources: `arn:aws:ec2:eu-west-1:111122223333:instance/${id}`,
    },
  ],
  ['a rebalance recommendation', 'Rebalance', sent(rebalanceRecommendation(id))],
  [
    'a change of an instance’s state',
    'no rule',
    sent({
      source: 'aws.ec2',
      detailType: 'EC2 Instance State-change Notification',
      resource: `arn:aws:ec2:eu-west-1:111122223333:instance/${id}`,
      detail: { 'instance-id': id, state: 'shutting-down' },
    }),
  ],
  [
    'a Spot request that is fulfilled',
    'no rule',
    {
      ...documented['Spot interruption'],
      'detail-type': 'EC2 Spot Instance Request Fulfillment',
    },
  ],
  [
    'a Spot interruption that an application reports',
    'no rule',
    { ...documented['Spot interruption'], source: 'com.example' },
  ],
  ['a reboot for maintenance', 'Maintenance', maintenance],
  [
    'a retirement',
    'Maintenance',
    changed(maintenance, { eventTypeCode: 'AWS_EC2_PERSISTENT_INSTANCE_RETIREMENT_SCHEDULED' }),
  ],
  [
    'a reboot of the host',
    'Maintenance',
    changed(maintenance, { eventTypeCode: 'AWS_EC2_SYSTEM_REBOOT_MAINTENANCE_SCHEDULED' }),
  ],
  [
    'maintenance of a dedicated host',
    'no rule',
    changed(maintenance, { eventTypeCode: 'AWS_EC2_DEDICATED_HOST_RETIREMENT_SCHEDULED' }),
  ],
  [
    'an operational issue of EC2',
    'no rule',
    changed(maintenance, {
      eventTypeCode: 'AWS_EC2_INSTANCE_LAUNCH_ISSUE',
      eventTypeCategory: 'issue',
    }),
  ],
  ['maintenance of a database', 'no rule', changed(maintenance, { service: 'RDS' })],
  ['maintenance that an application reports', 'no rule', { ...maintenance, source: 'com.example' }],
  ['another event of AWS Health', 'no rule', changed(maintenance, {}, { 'detail-type': 'AWS Health Abuse Event' })],
];

describe.skipIf(missing)(`EventBridge's own engine, event-ruler${missing}`, { timeout: 300_000 }, () => {
  let matched: Record<string, string[]>;
  beforeAll(() => {
    const events = Object.fromEntries(EVENTS.map(([name, , event]) => [name, { ...ENVELOPE, ...event }]));
    const input = JSON.stringify({ rules: patterns(), events });
    const run = ['-cp', join(jars(), '*'), pathOf('MatchEvents.java')];
    matched = JSON.parse(execFileSync(java.command, run, { input, encoding: 'utf8' }));
  }, 300_000);

  test.each(EVENTS)('%s: %s', (name, rule) => {
    expect(matched[name]).toEqual(rule === 'no rule' ? [] : [rule]);
  });
});
