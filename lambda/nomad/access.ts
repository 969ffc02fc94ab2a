import type { Clock } from '../clock.ts';
import type { HttpConfig, NomadConfig } from '../config.ts';
import { HttpTransport } from './http.ts';
import { login } from './login.ts';
import type { Tls } from './tls.ts';
import type { Transport } from './transport.ts';
import { type Instances, ViaInstances } from './via-instances.ts';

/** What the ways to Nomad need of AWS. */
export interface Keys {
  /** Reads a parameter of Parameter Store, decrypted. */
  parameter(name: string): Promise<string>;
  /** A signed statement of the function's role, made for an audience. */
  identity(audience: string): Promise<string>;
  /** Instances that can ask Nomad in our stead. */
  instances(by: { document: string; gateway?: { tag: string; value: string } | undefined }): Instances;
}

/** The way to Nomad that the configuration names. */
export function transportTo(nomad: NomadConfig, keys: Keys, clock: Clock): Transport {
  if (nomad.via === 'ssm') return new ViaInstances(keys.instances(nomad), nomad.region);
  const { address, fallbackAddresses = [], region, token, login: trade } = nomad;
  return new HttpTransport({
    addresses: [address, ...fallbackAddresses],
    region,
    clock,
    ...(address.startsWith('https:') && { tls: () => readTls(nomad, keys) }),
    ...(token && { token: async () => ({ value: await keys.parameter(token.parameter) }) }),
    ...(trade && {
      token: async (ask) => login(ask, trade.authMethod, await keys.identity(trade.audience), clock),
    }),
  });
}

/** What an operator calls the token in use. */
export function tokenName(nomad: NomadConfig): string {
  if (nomad.via === 'ssm') return 'the ACL token of the nomad command on the instances';
  const { token, login: trade } = nomad;
  if (token) return `the ACL token in parameter ${token.parameter}`;
  return trade ? `the ACL token of the login at auth method ${trade.authMethod}` : 'the anonymous token';
}

async function readTls({ ca, clientCertificate, clientKey, serverName }: HttpConfig, keys: Keys): Promise<Tls> {
  const read = async (field: string, given: { parameter: string } | undefined) => {
    if (!given) return undefined;
    const pem = await keys.parameter(given.parameter);
    if (!pem.includes('-----BEGIN ')) throw new Error(`parameter ${given.parameter} (${field}) is no PEM`);
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
