import type { HttpConfig, NomadConfig } from '../../config/config.ts';
import type { RunClock } from '../../core/model/clock.ts';
import { type Agents, NamedAgents } from './agents.ts';
import { ClientAgents, type ListClients, urlOf } from './client-agents.ts';
import { HttpTransport } from './http.ts';
import { login } from './login.ts';
import { type Instances, ViaInstances } from './ssm.ts';
import type { Tls } from './tls.ts';
import type { Transport } from './transport.ts';

/** What the ways to Nomad need from AWS. */
export interface AwsAccess {
  /** Reads a parameter of Parameter Store, decrypted; ends with the run whose clock it is given. */
  parameter(name: string, clock: RunClock): Promise<string>;
  /** A signed statement of the function's role, for an audience; ends with the run too. */
  identity(audience: string, clock: RunClock): Promise<string>;
  /** The Nomad clients of the groups that may be asked. */
  clients: ListClients;
  /** Instances that can ask Nomad for us. */
  instances(by: { document: string; gateway?: { tag: string; value: string } | undefined }): Instances;
}

/** The parameters of Parameter Store that this way to Nomad needs. */
export function parametersOf(nomad: NomadConfig): string[] {
  if (nomad.via === 'ssm') return [];
  const { token, ca, clientCertificate, clientKey } = nomad;
  return [token, ca, clientCertificate, clientKey].flatMap((each) => each?.parameter ?? []);
}

/** How long connecting to a client may take, in milliseconds: within a region it takes a few, and there is another one to ask. */
const CONNECT_TO_CLIENT_MS = 500;

/** The way to Nomad that the configuration names. */
export function transportTo(nomad: NomadConfig, aws: AwsAccess): Transport {
  if (nomad.via === 'ssm') return new ViaInstances(aws.instances(nomad), nomad.region);
  const { region, token, login: loginConfig } = nomad;
  return new HttpTransport({
    agents: agentsOf(nomad, aws),
    region,
    ...(nomad.via === 'clients' && { connectMs: CONNECT_TO_CLIENT_MS }),
    ...(usesTls(nomad) && { tls: (clock) => tlsOf(nomad, aws, clock) }),
    ...(token && { token: async (_, clock) => ({ value: await aws.parameter(token.parameter, clock) }) }),
    ...(loginConfig && {
      token: async (ask, clock) =>
        login(ask, loginConfig.authMethod, await aws.identity(loginConfig.audience, clock), clock),
    }),
  });
}

function agentsOf(nomad: HttpConfig, aws: AwsAccess): Agents {
  if (nomad.via === 'clients') return new ClientAgents(aws.clients, nomad);
  return new NamedAgents(serverAddresses(nomad));
}

const serverAddresses = ({ address, fallbackAddresses = [] }: Extract<HttpConfig, { via: 'http' }>): string[] => [
  address,
  ...fallbackAddresses,
];

/** The addresses at which Nomad answers over HTTP; none through SSM. @throws Error if AWS does not say */
export async function addressesOf(nomad: NomadConfig, aws: AwsAccess, clock: RunClock): Promise<string[]> {
  if (nomad.via === 'ssm') return [];
  if (nomad.via === 'http') return serverAddresses(nomad);
  return (await aws.clients(clock)).map((client) => urlOf(client, nomad).origin);
}

export const usesTls = (nomad: HttpConfig): boolean =>
  nomad.via === 'clients' ? nomad.scheme === 'https' : nomad.address.startsWith('https:');

/** What an operator calls the token in use. */
export function tokenName(nomad: NomadConfig): string {
  if (nomad.via === 'ssm') return 'the ACL token of the nomad command on the instances';
  const { token, login: loginConfig } = nomad;
  if (token) return `the ACL token in parameter ${token.parameter}`;
  return loginConfig ? `the ACL token of the login at auth method ${loginConfig.authMethod}` : 'the anonymous token';
}

/** What verifies Nomad, and what identifies us there. @throws Error if a parameter cannot be read, or is not PEM */
export async function tlsOf(nomad: HttpConfig, aws: AwsAccess, clock: RunClock): Promise<Tls> {
  const { ca, clientCertificate, clientKey, region = 'global' } = nomad;
  // No certificate of a client has its address: it has the name of clients by Nomad's own convention.
  const { serverName = nomad.via === 'clients' ? `client.${region}.nomad` : undefined } = nomad;
  const read = async (field: string, source: { parameter: string } | undefined) => {
    if (!source) return undefined;
    const pem = await aws.parameter(source.parameter, clock);
    if (!pem.includes('-----BEGIN ')) throw new Error(`parameter ${source.parameter} (${field}) is not PEM`);
    return pem;
  };
  const [caPem, cert, key] = await Promise.all([
    read('ca', ca),
    read('clientCertificate', clientCertificate),
    read('clientKey', clientKey),
  ]);
  return {
    ...(caPem && { ca: caPem }),
    ...(cert && { cert }),
    ...(key && { key }),
    ...(serverName && { serverName }),
  };
}
