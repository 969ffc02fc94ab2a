import type { Instance, SecondInterface } from '../model.ts';
import type { Xml } from '../query-protocol.ts';

/** A network interface of an instance, with its private addresses, the primary one first. */
interface NetworkInterface {
  id: string;
  privateDns?: string;
  privateIps: readonly string[];
  ipv6?: string;
  /** Milliseconds since the epoch. */
  attachedAt: number;
}

/** A terminated instance has lost its network interfaces. */
export const isGone = ({ ec2State }: Instance): boolean => ec2State === 'terminated';

export const primaryAddress = (instance: Instance): string | undefined =>
  isGone(instance) || instance.ipv6Only ? undefined : instance.privateIp;

/** The first is the one that the instance was launched with. */
export function interfacesOf(instance: Instance): NetworkInterface[] {
  if (isGone(instance)) return [];
  const { id, privateDns, ipv6, launchedAt, secondInterface } = instance;
  const ip = primaryAddress(instance);
  const first = { privateDns, privateIps: ip === undefined ? [] : [ip], ...(ipv6 !== undefined && { ipv6 }) };
  return [
    { id: interfaceId(id, 0), attachedAt: launchedAt, ...first },
    ...(secondInterface ? [second(id, launchedAt, secondInterface)] : []),
  ];
}

function second(id: string, launchedAt: number, { privateIp, more = [], ipv6, attachedAt }: SecondInterface) {
  return {
    id: interfaceId(id, 1),
    privateIps: [privateIp, ...more],
    attachedAt: attachedAt ?? launchedAt,
    ...(ipv6 !== undefined && { ipv6 }),
  };
}

const interfaceId = (instanceId: string, index: number) => `eni-${index}${instanceId.slice(3)}`;

/** https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceNetworkInterface.html */
export function describeInterfaces(instance: Instance): Xml {
  if (isGone(instance)) return undefined;
  return interfacesOf(instance).map(({ id, privateDns, privateIps, ipv6, attachedAt }, index) => ({
    networkInterfaceId: id,
    privateIpAddress: privateIps[0],
    privateDnsName: privateDns,
    privateIpAddressesSet: privateIps.map((privateIpAddress, nth) =>
      nth === 0
        ? { privateIpAddress, privateDnsName: privateDns, primary: true }
        : { privateIpAddress, primary: false },
    ),
    ipv6AddressesSet: ipv6 === undefined ? [] : [{ ipv6Address: ipv6, isPrimaryIpv6: index === 0 }],
    attachment: {
      attachmentId: id.replace('eni-', 'eni-attach-'),
      attachTime: new Date(attachedAt),
      deleteOnTermination: true,
      deviceIndex: index,
      status: 'attached',
    },
  }));
}
