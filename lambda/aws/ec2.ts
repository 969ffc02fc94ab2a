import { isIP } from 'node:net';
import {
  DescribeInstancesCommand,
  type EC2Client,
  type EventCode,
  type Instance,
  paginateDescribeInstanceStatus,
  paginateDescribeInstances,
  paginateDescribeSpotInstanceRequests,
} from '@aws-sdk/client-ec2';
import { chunks } from '../core/basics.ts';
import type { EpochMs } from '../core/model/clock.ts';
import type { Termination } from '../core/model/termination.ts';

/** What EC2 says of one instance. */
export type InstanceFacts = Pick<Termination, 'ec2' | 'addresses' | 'names' | 'launchedAt'>;

const GONE = ['shutting-down', 'terminated'];
const STOPPED = ['stopping', 'stopped'];
/** DescribeInstances takes up to 1,000 ids; fewer keep the answers small. */
const IDS_PER_CALL = 100;

/**
 * Asks EC2 about these instances. One that EC2 says does not exist is gone; one that its answer leaves out is left out here too.
 *
 * @param failed is called if EC2 does not answer for some of them
 */
export async function describeInstances(
  ec2: EC2Client,
  ids: readonly string[],
  failed: (error: unknown) => void,
): Promise<Map<string, InstanceFacts>> {
  const facts = new Map<string, InstanceFacts>();
  for (const some of chunks(ids, IDS_PER_CALL)) await describe(ec2, some, facts).catch(failed);
  return facts;
}

async function describe(ec2: EC2Client, ids: readonly string[], facts: Map<string, InstanceFacts>): Promise<void> {
  let asked = [...ids];
  while (asked.length > 0) {
    try {
      const answer = await ec2.send(new DescribeInstancesCommand({ InstanceIds: asked }));
      for (const instance of (answer.Reservations ?? []).flatMap(({ Instances }) => Instances ?? [])) {
        if (instance.InstanceId) facts.set(instance.InstanceId, toFacts(instance));
      }
      return;
    } catch (error) {
      // One unknown id fails the call for all: EC2 names the unknown ones in its message.
      const { name, message } = error as Error;
      const unknown: string[] = name === 'InvalidInstanceID.NotFound' ? (message.match(/i-[0-9a-f]+/g) ?? []) : [];
      const rest = asked.filter((id) => !unknown.includes(id));
      if (rest.length === asked.length) throw error;
      for (const id of unknown) facts.set(id, { ec2: 'gone' });
      asked = rest;
    }
  }
}

function toFacts(instance: Instance): InstanceFacts {
  const { State, LaunchTime, NetworkInterfaces = [] } = instance;
  const onInterfaces = NetworkInterfaces.flatMap(({ PrivateIpAddresses = [] }) => PrivateIpAddresses);
  const dnsNames = [instance, ...NetworkInterfaces, ...onInterfaces].map(({ PrivateDnsName }) => PrivateDnsName);
  return {
    ec2: ec2StateOf(State?.Name ?? ''),
    addresses: distinct([
      ...[instance, ...NetworkInterfaces, ...onInterfaces].map(({ PrivateIpAddress }) => PrivateIpAddress),
      ...[instance, ...NetworkInterfaces.flatMap(({ Ipv6Addresses = [] }) => Ipv6Addresses)].map(
        ({ Ipv6Address }) => Ipv6Address,
      ),
    ]),
    names: distinct(dnsNames.flatMap((name) => [name, name?.split('.')[0]])),
    ...(LaunchTime && { launchedAt: LaunchTime.getTime() }),
  };
}

const ec2StateOf = (state: string): InstanceFacts['ec2'] =>
  GONE.includes(state) ? 'gone' : STOPPED.includes(state) ? 'stopped' : 'running';

const distinct = (texts: readonly (string | undefined)[]): string[] => [
  ...new Set(texts.flatMap((text) => text || [])),
];

/** The filters of DescribeInstances by which an address is found. */
const ADDRESS_FILTERS = {
  4: 'network-interface.addresses.private-ip-address',
  6: 'network-interface.ipv6-addresses.ipv6-address',
} as const;
/** All filters of a call together take 200 values. */
const ADDRESSES_PER_CALL = 150;

/** Which instance of this account and region has each of these addresses, if one has. @throws Error if EC2 does not say */
export async function instancesAt(client: EC2Client, addresses: readonly string[]): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const family of [4, 6] as const) {
    const asked = distinct(addresses).filter((address) => isIP(address) === family);
    for (const Values of chunks(asked, ADDRESSES_PER_CALL)) {
      const Filters = [
        { Name: ADDRESS_FILTERS[family], Values },
        { Name: 'instance-state-name', Values: ['pending', 'running', 'stopping', 'stopped'] },
      ];
      for await (const page of paginateDescribeInstances({ client }, { Filters })) {
        for (const instance of (page.Reservations ?? []).flatMap(({ Instances }) => Instances ?? [])) {
          for (const address of toFacts(instance).addresses ?? []) found.set(address, instance.InstanceId ?? '');
        }
      }
    }
  }
  return found;
}

/** Scheduled maintenance of one instance. */
export interface ScheduledMaintenance {
  instanceId: string;
  startsAt: EpochMs;
  endsAt?: EpochMs;
}

/** All that stops or reboots an instance, or cuts it off. */
const MAINTENANCE: EventCode[] = [
  'instance-reboot',
  'instance-retirement',
  'instance-stop',
  'system-maintenance',
  'system-reboot',
];

/**
 * The maintenance that EC2 has scheduled for running instances of this account and region, whatever their group, the earliest last.
 * https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitoring-instances-status-check_sched.html
 */
export async function maintenanceOf(client: EC2Client): Promise<ScheduledMaintenance[]> {
  const found: ScheduledMaintenance[] = [];
  const Filters = [{ Name: 'event.code', Values: MAINTENANCE }];
  for await (const page of paginateDescribeInstanceStatus({ client }, { Filters })) {
    for (const { InstanceId, Events = [] } of page.InstanceStatuses ?? []) {
      for (const { Description = '', NotBefore, NotAfter } of Events) {
        // What is over stays listed for a week: "[Completed] …", "[Canceled] …".
        if (!InstanceId || !NotBefore || /^\[(Completed|Canceled)\]/.test(Description)) continue;
        const startsAt = NotBefore.getTime();
        found.push({ instanceId: InstanceId, startsAt, ...(NotAfter && { endsAt: NotAfter.getTime() }) });
      }
    }
  }
  return found.toSorted((one, other) => other.startsAt - one.startsAt);
}

/** All values of one filter of DescribeInstances may be as many. */
const FILTER_VALUES = 200;

/** Those of these instances that EC2 says are running, with their addresses, the primary one first; of many only the first ones. */
export async function running(ec2: EC2Client, ids: readonly string[]): Promise<Map<string, string[]>> {
  if (ids.length === 0) return new Map();
  const asked = ids.slice(0, FILTER_VALUES);
  // As a filter: an id that EC2 has forgotten would fail the call for all.
  const Filters = [
    { Name: 'instance-id', Values: asked },
    { Name: 'instance-state-name', Values: ['running'] },
  ];
  const { Reservations } = await ec2.send(new DescribeInstancesCommand({ Filters }));
  const found = new Map<string, string[]>();
  for (const instance of (Reservations ?? []).flatMap(({ Instances }) => Instances ?? [])) {
    if (instance.InstanceId) found.set(instance.InstanceId, [...(toFacts(instance).addresses ?? [])]);
  }
  return new Map(asked.filter((id) => found.has(id)).map((id) => [id, found.get(id) ?? []]));
}

/** The ids of the running instances that have a tag, at most a page of them. */
export async function runningWithTag(
  ec2: EC2Client,
  { tag, value }: { tag: string; value: string },
): Promise<string[]> {
  const Filters = [
    { Name: `tag:${tag}`, Values: [value] },
    { Name: 'instance-state-name', Values: ['running'] },
  ];
  const { Reservations } = await ec2.send(new DescribeInstancesCommand({ Filters, MaxResults: 50 }));
  const instances = (Reservations ?? []).flatMap(({ Instances }) => Instances ?? []);
  return instances.flatMap(({ InstanceId }) => InstanceId ?? []);
}

/**
 * The status of a Spot request whose instance EC2 is about to end. Where it terminates the instance, the request has its last status at
 * once, and the instance runs on for two minutes; where it stops it, the request is marked before.
 * https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instances-request-status-lifecycle.html
 */
const INTERRUPTED = [
  'instance-terminated-by-price',
  'instance-terminated-no-capacity',
  'marked-for-stop',
  'marked-for-termination',
];

/** Since when EC2 has been interrupting which Spot instances of this account and region, those that have ended among them. Milliseconds. */
export async function interruptionsOf(client: EC2Client): Promise<Map<string, number>> {
  const since = new Map<string, number>();
  const Filters = [{ Name: 'status-code', Values: INTERRUPTED }];
  for await (const page of paginateDescribeSpotInstanceRequests({ client }, { Filters, MaxResults: 1_000 })) {
    for (const { InstanceId, Status } of page.SpotInstanceRequests ?? []) {
      if (InstanceId && Status?.UpdateTime) since.set(InstanceId, Status.UpdateTime.getTime());
    }
  }
  return since;
}
