import type { AwsEmulator } from '../aws/aws.ts';
import type { Certificate } from '../certificates.ts';
import type { NomadEmulator } from '../nomad/emulator.ts';
import type { Loopback } from '../server.ts';
import { TlsFront } from '../tls-front.ts';
import { Network } from './network.ts';

/** On which client agents listen. */
const NOMAD_PORT = 4646;

/** The client agents at the private addresses of their instances. */
export interface ClientNetwork {
  readonly agents: Loopback;
  readonly network: Network;
  /** Instances that no packet reaches. */
  readonly cutOff: Set<string>;
  close(): Promise<void>;
}

interface ClientNetworkOptions {
  aws: AwsEmulator;
  nomad: NomadEmulator;
  /** The nodes of an instance, the one that its agent is now last. */
  nodesOf: (instanceId: string) => readonly string[];
  /** With it, they answer over TLS. */
  certificate?: Certificate | undefined;
}

/** Lets this process reach the client agents of an emulated group. */
export async function openClientNetwork({
  aws,
  nomad,
  nodesOf,
  certificate,
}: ClientNetworkOptions): Promise<ClientNetwork> {
  const { clientAgents } = nomad;
  const agents = await clientAgents.listen((address) => nodesOf(aws.instanceAt(address)?.id ?? ''));
  const front = certificate && (await TlsFront.before(agents.url, certificate));
  const listening = Number(new URL(front?.url ?? agents.url).port);
  const cutOff = new Set<string>();
  const network = Network.open((address, port) => {
    const instance = aws.instanceAt(address);
    if (instance?.ec2State !== 'running' || cutOff.has(instance.id)) return 'lost';
    return port === NOMAD_PORT && clientAgents.at(address) !== undefined ? listening : 'refused';
  });
  const close = async () => {
    network.close();
    await front?.close();
  };
  return { agents, network, cutOff, close };
}
