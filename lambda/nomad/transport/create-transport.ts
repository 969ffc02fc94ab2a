import type { HttpConfig, NomadConfig } from '../../config/config.ts';
import type { RunClock } from '../../core/model/clock.ts';
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
  /** Instances that can ask Nomad for us. */
  instances(by: { document: string; gateway?: { tag: string; value: string } | undefined }): Instances;
}

/** The parameters of Parameter Store that this way to Nomad needs. */
export function parametersOf(nomad: NomadConfig): string[] {
  if (nomad.via === 'ssm') return [];
  const { token, ca, clientCertificate, clientKey } = nomad;
  return [token, ca, clientCertificate, clientKey].flatMap((each) => each?.parameter ?? []);
}

/** The way to Nomad that the configuration names. */
export function transportTo(nomad: NomadConfig, aws: AwsAccess): Transport {
  if (nomad.via === 'ssm') return new ViaInstances(aws.instances(nomad), nomad.region);
  const { address, fallbackAddresses = [], region, token, login: loginConfig } = nomad;
  return new HttpTransport({
    addresses: [address, ...fallbackAddresses],
    region,
    ...(address.startsWith('https:') && { tls: (clock) => tlsOf(nomad, aws, clock) }),
    ...(token && { token: async (_, clock) => ({ value: await aws.parameter(token.parameter, clock) }) }),
    ...(loginConfig && {
      token: async (ask, clock) =>
        login(ask, loginConfig.authMethod, await aws.identity(loginConfig.audience, clock), clock),
    }),
  });
}

/** What an operator calls the token in use. */
export function tokenName(nomad: NomadConfig): string {
  if (nomad.via === 'ssm') return 'the ACL token of the nomad command on the instances';
  const { token, login: loginConfig } = nomad;
  if (token) return `the ACL token in parameter ${token.parameter}`;
  return loginConfig ? `the ACL token of the login at auth method ${loginConfig.authMethod}` : 'the anonymous token';
}

/** What verifies Nomad, and what identifies us there. @throws Error if a parameter cannot be read, or is no PEM */
export async function tlsOf(
  { ca, clientCertificate, clientKey, serverName }: HttpConfig,
  aws: AwsAccess,
  clock: RunClock,
): Promise<Tls> {
  const read = async (field: string, source: { parameter: string } | undefined) => {
    if (!source) return undefined;
    const pem = await aws.parameter(source.parameter, clock);
    if (!pem.includes('-----BEGIN ')) throw new Error(`parameter ${source.parameter} (${field}) is no PEM`);
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
