import { DescribeInstancesCommand, type Filter, TerminateInstancesCommand } from '@aws-sdk/client-ec2';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AwsEmulator } from '../../../emulators/aws/aws.ts';
import { type AwsClients, connect } from '../../../emulators/aws/clients.ts';
import { ManualClock } from '../../../emulators/clock.ts';

const GROUP = 'builders';
const SECOND = 1000;
const MINUTE = 60_000;
const UNKNOWN = 'i-00000000000000000';

let clock: ManualClock;
let aws: AwsEmulator;
let clients: AwsClients;

beforeEach(async () => {
  clock = new ManualClock();
  aws = await AwsEmulator.start({ clock });
  clients = connect(aws);
  aws.addGroup({ name: GROUP, hook: { name: 'nomad-drain' } });
});
afterEach(() => aws.close());

async function describeInstances(input: { InstanceIds?: string[]; Filters?: Filter[]; MaxResults?: number } = {}) {
  const answer = await clients.ec2.send(new DescribeInstancesCommand(input));
  return (answer.Reservations ?? []).flatMap(({ Instances }) => Instances ?? []);
}

describe('DescribeInstances', () => {
  test('describes an instance with its state, its addresses and its group', async () => {
    const id = aws.addInstance(GROUP, { privateIp: '10.1.2.3' });
    expect(id).toMatch(/^i-0[0-9a-f]{16}$/);
    expect(await describeInstances({ InstanceIds: [id] })).toMatchObject([
      {
        InstanceId: id,
        State: { Code: 16, Name: 'running' },
        PrivateIpAddress: '10.1.2.3',
        PrivateDnsName: 'ip-10-1-2-3.ec2.internal',
        LaunchTime: new Date('2026-03-01T09:00:00Z'),
        Placement: { AvailabilityZone: 'us-east-1a' },
        Tags: [{ Key: 'aws:autoscaling:groupName', Value: GROUP }],
      },
    ]);
  });

  test('fails for ids that do not exist, and names them', async () => {
    const id = aws.addInstance(GROUP);
    await expect(describeInstances({ InstanceIds: [id, UNKNOWN] })).rejects.toMatchObject({
      name: 'InvalidInstanceID.NotFound',
      message: `The instance ID '${UNKNOWN}' does not exist`,
      $metadata: { httpStatusCode: 400 },
    });
    await expect(describeInstances({ InstanceIds: [UNKNOWN, 'i-00000000000000001'] })).rejects.toMatchObject({
      name: 'InvalidInstanceID.NotFound',
      message: `The instance IDs '${UNKNOWN}, i-00000000000000001' do not exist`,
    });
  });

  test('fails for what is no id', async () => {
    await expect(describeInstances({ InstanceIds: ['builder-1'] })).rejects.toMatchObject({
      name: 'InvalidInstanceID.Malformed',
      message: 'Invalid id: "builder-1"',
    });
  });

  test('filters: every filter has to match, one of its values each', async () => {
    const [one, other] = [aws.addInstance(GROUP), aws.addInstance(GROUP)];
    aws.terminate(other);
    const ids = async (Filters: Filter[]) => (await describeInstances({ Filters })).map(({ InstanceId }) => InstanceId);
    const state = { Name: 'instance-state-name', Values: ['running'] };
    expect(await ids([state])).toEqual([one]);
    expect(await ids([{ Name: 'instance-id', Values: [one, other, UNKNOWN] }])).toEqual([one, other]);
    expect(await ids([{ Name: 'instance-id', Values: [other] }, state])).toEqual([]);
    expect(await ids([{ Name: 'private-ip-address', Values: [aws.instance(one).privateIp] }])).toEqual([one]);
    await expect(ids([{ Name: 'colour', Values: ['red'] }])).rejects.toMatchObject({
      name: 'InvalidParameterValue',
      message: "The filter 'colour' is invalid",
    });
  });

  test('finds an instance by any private address of any of its interfaces', async () => {
    const secondInterface = { privateIp: '10.1.0.1', more: ['10.1.0.2'], ipv6: '2001:db8::2' };
    const one = aws.addInstance(GROUP, { privateIp: '10.0.0.1', ipv6: '2001:db8::1', secondInterface });
    const foreign = aws.addForeignInstance({ privateIp: '10.0.0.9' });
    aws.addInstance(GROUP);
    const ids = async (Name: string, ...Values: string[]) =>
      (await describeInstances({ Filters: [{ Name, Values }] })).map(({ InstanceId }) => InstanceId);
    const anyAddress = 'network-interface.addresses.private-ip-address';
    expect(await ids(anyAddress, '10.0.0.1')).toEqual([one]);
    expect(await ids(anyAddress, '10.1.0.2', '10.0.0.9')).toEqual([one, foreign]);
    expect(await ids('private-ip-address', '10.1.0.1', '10.1.0.2')).toEqual([]);
    expect(await ids('network-interface.ipv6-addresses.ipv6-address', '2001:db8::2')).toEqual([one]);
    aws.terminate(one);
    await clock.advance(30 * SECOND);
    expect(await ids(anyAddress, '10.0.0.1')).toEqual([]);
  });

  test('finds no instance of a subnet without IPv4 by an IPv4 address', async () => {
    aws.addForeignInstance({ ipv6: '2001:db8::1', ipv6Only: true, privateIp: '10.0.0.1' });
    const Filters = [{ Name: 'private-ip-address', Values: ['10.0.0.1'] }];
    expect(await describeInstances({ Filters })).toEqual([]);
  });

  test('filters by the group that a tag names, and by tags that no instance has', async () => {
    const id = aws.addInstance(GROUP);
    aws.addForeignInstance();
    const ids = async (Filters: Filter[]) => (await describeInstances({ Filters })).map(({ InstanceId }) => InstanceId);
    expect(await ids([{ Name: 'tag:aws:autoscaling:groupName', Values: [GROUP] }])).toEqual([id]);
    expect(await ids([{ Name: 'tag:aws:autoscaling:groupName', Values: [GROUP.toUpperCase()] }])).toEqual([]);
    expect(await ids([{ Name: 'tag:Owner', Values: ['*'] }])).toEqual([]);
  });

  test('takes wildcards in the values of filters', async () => {
    const id = aws.addForeignInstance({ privateIp: '10.7.0.1' });
    aws.addForeignInstance({ privateIp: '10.77.0.1' });
    const ids = async (value: string) =>
      (await describeInstances({ Filters: [{ Name: 'private-ip-address', Values: [value] }] })).length;
    expect([await ids('10.7.*'), await ids('10.7?.0.1'), await ids('10.7\\*'), await ids('10.7')]).toEqual([
      1, 1, 0, 0,
    ]);
    expect(await describeInstances({ InstanceIds: [id] })).toHaveLength(1);
  });

  test('takes 200 values of filters in one call, and not one more', async () => {
    const id = aws.addForeignInstance({ privateIp: '10.9.0.199' });
    const Values = Array.from({ length: 199 }, (_, n) => `10.9.0.${n + 1}`);
    const state = { Name: 'instance-state-name', Values: ['running'] };
    const found = await describeInstances({ Filters: [state, { Name: 'private-ip-address', Values }] });
    expect(found.map(({ InstanceId }) => InstanceId)).toEqual([id]);
    const tooMany = describeInstances({
      Filters: [state, { Name: 'private-ip-address', Values: [...Values, '10.9.9.9'] }],
    });
    await expect(tooMany).rejects.toMatchObject({
      name: 'FilterLimitExceeded',
      message: 'The maximum number of filter values specified on a single call is 200',
    });
  });

  test('pages what fits its filters', async () => {
    for (let n = 0; n < 7; n++) aws.addInstance(GROUP);
    for (let n = 0; n < 7; n++) aws.addForeignInstance();
    const Filters = [{ Name: 'tag:aws:autoscaling:groupName', Values: [GROUP] }];
    const first = await clients.ec2.send(new DescribeInstancesCommand({ Filters, MaxResults: 5 }));
    const rest = await clients.ec2.send(
      new DescribeInstancesCommand({ Filters, MaxResults: 5, NextToken: first.NextToken }),
    );
    expect([first.Reservations?.length, rest.Reservations?.length, rest.NextToken]).toEqual([5, 2, undefined]);
  });

  test('says since when each network interface is attached', async () => {
    const attachedAt = clock.now() + MINUTE;
    const id = aws.addForeignInstance({ secondInterface: { privateIp: '10.1.0.1', attachedAt } });
    const [instance] = await describeInstances({ InstanceIds: [id] });
    const attachments = instance?.NetworkInterfaces?.map(({ Attachment }) => Attachment);
    expect(attachments).toMatchObject([
      { AttachTime: new Date(clock.now()), DeviceIndex: 0, Status: 'attached' },
      { AttachTime: new Date(attachedAt), DeviceIndex: 1, Status: 'attached' },
    ]);
  });

  test('pages, but not a list of ids', async () => {
    for (let n = 0; n < 7; n++) aws.addInstance(GROUP);
    const first = await clients.ec2.send(new DescribeInstancesCommand({ MaxResults: 5 }));
    const rest = await clients.ec2.send(
      new DescribeInstancesCommand({ MaxResults: 5, ...(first.NextToken && { NextToken: first.NextToken }) }),
    );
    expect([first.Reservations?.length, rest.Reservations?.length, rest.NextToken]).toEqual([5, 2, undefined]);
    const id = aws.addInstance(GROUP);
    await expect(describeInstances({ InstanceIds: [id], MaxResults: 5 })).rejects.toMatchObject({
      name: 'InvalidParameterCombination',
    });
  });

  test('still describes a terminated instance for an hour, without its addresses', async () => {
    const id = aws.addInstance(GROUP);
    aws.terminate(id);
    await clock.advance(30 * SECOND);
    const [instance] = await describeInstances({ InstanceIds: [id] });
    expect(instance).toMatchObject({ State: { Code: 48, Name: 'terminated' } });
    expect(instance?.PrivateIpAddress).toBeUndefined();
    await clock.advance(60 * MINUTE);
    await expect(describeInstances({ InstanceIds: [id] })).rejects.toThrow('does not exist');
    expect(await describeInstances({ Filters: [{ Name: 'instance-id', Values: [id] }] })).toEqual([]);
  });
});

describe('TerminateInstances', () => {
  const terminate = (...InstanceIds: string[]) => clients.ec2.send(new TerminateInstancesCommand({ InstanceIds }));

  test('shuts the instance down at once, whatever its hooks say', async () => {
    const id = aws.addInstance(GROUP);
    const gone: string[] = [];
    aws.onInstanceGone((instance) => gone.push(instance.id));
    expect((await terminate(id)).TerminatingInstances).toEqual([
      {
        InstanceId: id,
        CurrentState: { Code: 32, Name: 'shutting-down' },
        PreviousState: { Code: 16, Name: 'running' },
      },
    ]);
    expect(gone).toEqual([id]);
    expect(aws.waiting).toEqual([]);
  });

  test('is noticed by the group late: the hook waits for an instance that is dead, and another is launched', async () => {
    const id = aws.addInstance(GROUP);
    await terminate(id);
    await clock.advance(59 * SECOND);
    expect(aws.instance(id)).toMatchObject({ state: 'InService', ec2State: 'terminated' });
    await clock.advance(2 * SECOND);
    expect(aws.instance(id)).toMatchObject({ state: 'Terminating:Wait', ec2State: 'terminated' });
    expect(aws.instances(GROUP)).toHaveLength(2);
    expect(aws.events.at(-1)?.detail).toMatchObject({ EC2InstanceId: id, LifecycleHookName: 'nomad-drain' });
  });

  test('does not end the wait of an instance that waits at its hook', async () => {
    const id = aws.addInstance(GROUP);
    aws.scaleIn(GROUP, [id]);
    await clock.advance(SECOND);
    await terminate(id);
    await clock.advance(30 * MINUTE);
    expect(aws.instance(id)).toMatchObject({ state: 'Terminating:Wait', ec2State: 'terminated' });
    await clock.advance(60 * MINUTE);
    expect(aws.instance(id)).toMatchObject({ group: undefined });
    expect(aws.completions).toMatchObject([{ instanceId: id, by: 'timeout' }]);
  });

  test('fails for an unknown instance and terminates none of the others', async () => {
    const id = aws.addInstance(GROUP);
    await expect(terminate(id, UNKNOWN)).rejects.toMatchObject({ name: 'InvalidInstanceID.NotFound' });
    expect(aws.instance(id).ec2State).toBe('running');
  });
});
