import {
  DescribeInstanceStatusCommand,
  type DescribeInstanceStatusCommandInput,
  DescribeSpotInstanceRequestsCommand,
} from '@aws-sdk/client-ec2';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AwsEmulator } from '../../../emulators/aws/aws.ts';
import { connect } from '../../../emulators/aws/clients.ts';
import { ManualClock } from '../../../emulators/clock.ts';

const GROUP = 'builders';
const SECOND = 1000;
const RETIREMENT = 'AWS_EC2_INSTANCE_RETIREMENT_SCHEDULED';

let clock: ManualClock;
let aws: AwsEmulator;

beforeEach(async () => {
  clock = new ManualClock();
  aws = await AwsEmulator.start({ clock });
  aws.addGroup({ name: GROUP, hook: { name: 'nomad-drain' } });
});
afterEach(() => aws.close());

const sent = (type: string) => aws.events.filter((event) => event['detail-type'] === type);

describe('a Spot interruption', () => {
  test.each([
    ['terminate', 'shutting-down'],
    ['stop', 'stopping'],
  ] as const)('%s: is warned of two minutes ahead, and no hook holds it', async (action, state) => {
    const id = aws.addInstance(GROUP, { market: 'spot' });
    aws.interruptSpot(id, action);
    expect(sent('EC2 Spot Instance Interruption Warning')).toMatchObject([
      {
        source: 'aws.ec2',
        resources: [`arn:aws:ec2:us-east-1a:instance/${id}`],
        detail: { 'instance-id': id, 'instance-action': action },
      },
    ]);
    await clock.advance(120 * SECOND - 1);
    expect(aws.instance(id).ec2State).toBe('running');
    await clock.advance(1);
    expect(aws.instance(id)).toMatchObject({ ec2State: state, state: 'InService' });
    expect(aws.waiting).toEqual([]);
    // Auto Scaling's health check finds the instance dead, or stopped.
    await clock.advance(62 * SECOND);
    expect(aws.instance(id).state).toBe('Terminating:Wait');
  });

  test('that hibernates the instance does so at once', () => {
    const id = aws.addInstance(GROUP, { market: 'spot' });
    aws.interruptSpot(id, 'hibernate');
    expect(aws.instance(id).ec2State).toBe('stopping');
  });

  test.each([
    ['terminate', 'instance-terminated-no-capacity', 'closed', 'instance-terminated-no-capacity', 'closed'],
    ['stop', 'marked-for-stop', 'active', 'instance-stopped-no-capacity', 'disabled'],
  ] as const)('%s: its request says so at once, while the instance runs on', async (action, code, state, then, end) => {
    const [id, other] = [aws.addInstance(GROUP, { market: 'spot' }), aws.addInstance(GROUP, { market: 'spot' })];
    aws.addInstance(GROUP);
    const { ec2 } = connect(aws);
    const requests = async (...Filters: { Name: string; Values: string[] }[]) =>
      (await ec2.send(new DescribeSpotInstanceRequestsCommand({ Filters }))).SpotInstanceRequests ?? [];
    expect((await requests()).map(({ InstanceId, Status }) => [InstanceId, Status?.Code])).toEqual([
      [id, 'fulfilled'],
      [other, 'fulfilled'],
    ]);
    await clock.advance(SECOND);
    const at = new Date(clock.now());
    aws.interruptSpot(id, action);
    await clock.advance(SECOND);
    const interrupted = { Name: 'status-code', Values: ['marked-for-stop', 'instance-terminated-no-capacity'] };
    expect(await requests(interrupted)).toMatchObject([
      { InstanceId: id, State: state, Status: { Code: code, UpdateTime: at } },
    ]);
    await clock.advance(120 * SECOND);
    expect(await requests({ Name: 'instance-id', Values: [id] })).toMatchObject([
      { State: end, Status: { Code: then } },
    ]);
    aws.terminate(other);
    expect(await requests({ Name: 'instance-id', Values: [other] })).toMatchObject([
      { State: 'closed', Status: { Code: 'instance-terminated-by-user' } },
    ]);
    await expect(requests({ Name: 'status', Values: [code] })).rejects.toMatchObject({ name: 'InvalidParameterValue' });
  });

  test('may be preceded by a recommendation, which ends nothing', async () => {
    const id = aws.addInstance(GROUP);
    aws.recommendRebalance(id);
    expect(sent('EC2 Instance Rebalance Recommendation')).toMatchObject([
      { resources: [`arn:aws:ec2:us-east-1:123456789012:instance/${id}`], detail: { 'instance-id': id } },
    ]);
    await clock.advance(600 * SECOND);
    expect(aws.instance(id).state).toBe('InService');
  });
});

describe('scheduled maintenance', () => {
  const startTime = Date.parse('2026-03-08T09:00:00Z');
  const status = (input: DescribeInstanceStatusCommandInput) =>
    connect(aws).ec2.send(new DescribeInstanceStatusCommand(input));

  test('is an event of AWS Health and of EC2, open until it is completed', async () => {
    const id = aws.addInstance(GROUP);
    aws.addInstance(GROUP);
    aws.scheduleMaintenance([id], { code: RETIREMENT, startTime });
    expect(sent('AWS Health Event')).toMatchObject([
      {
        source: 'aws.health',
        resources: [id],
        detail: {
          service: 'EC2',
          eventTypeCode: RETIREMENT,
          eventTypeCategory: 'scheduledChange',
          startTime: 'Sun, 08 Mar 2026 09:00:00 GMT',
          statusCode: 'upcoming',
          affectedEntities: [{ entityValue: id }],
          page: '1',
          totalPages: '1',
          backupEvent: 'false',
        },
      },
    ]);
    const Filters = [{ Name: 'event.code', Values: ['instance-retirement'] }];
    const found = async () => (await status({ Filters })).InstanceStatuses ?? [];
    expect(await found()).toMatchObject([
      {
        InstanceId: id,
        AvailabilityZone: 'us-east-1a',
        InstanceState: { Code: 16, Name: 'running' },
        Events: [{ Code: 'instance-retirement', NotBefore: new Date(startTime) }],
      },
    ]);
    aws.endMaintenance([id], 'Canceled');
    expect((await found())[0]?.Events?.[0]?.Description).toMatch(/^\[Canceled\] The instance/);
    expect(sent('AWS Health Event').map(({ detail }) => detail.statusCode)).toEqual(['upcoming', 'closed']);
  });

  test('of many instances comes in pages, which name ids or ARNs', () => {
    const ids = [1, 2, 3].map(() => aws.addInstance(GROUP));
    aws.scheduleMaintenance(ids, { code: RETIREMENT, startTime, as: 'arn', totalPages: 2 });
    const arns = ids.map((id) => `arn:aws:ec2:us-east-1:123456789012:instance/${id}`);
    expect(sent('AWS Health Event')).toMatchObject([
      { resources: arns.slice(0, 2), detail: { page: '1', totalPages: '2' } },
      { resources: arns.slice(2), detail: { page: '2', totalPages: '2' } },
    ]);
  });

  test('is asked for of running instances, unless all are wanted', async () => {
    const id = aws.addInstance(GROUP);
    aws.terminate(id);
    const named = { InstanceIds: [id] };
    expect((await status(named)).InstanceStatuses).toEqual([]);
    expect((await status({ ...named, IncludeAllInstances: true })).InstanceStatuses).toMatchObject([
      { InstanceState: { Name: 'shutting-down' } },
    ]);
    await expect(status({ ...named, MaxResults: 5 })).rejects.toMatchObject({ name: 'InvalidParameterCombination' });
    await expect(status({ MaxResults: 4 })).rejects.toMatchObject({ name: 'InvalidParameterValue' });
    await expect(status({ InstanceIds: ['i-00000000000000000'] })).rejects.toMatchObject({
      name: 'InvalidInstanceID.NotFound',
    });
  });

  test('is listed in pages', async () => {
    for (let n = 0; n < 7; n++) aws.addInstance(GROUP);
    const first = await status({ MaxResults: 5 });
    const rest = await status({ MaxResults: 5, ...(first.NextToken && { NextToken: first.NextToken }) });
    expect([first.InstanceStatuses?.length, rest.InstanceStatuses?.length, rest.NextToken]).toEqual([5, 2, undefined]);
  });
});
