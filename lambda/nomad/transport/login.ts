import type { Clock } from '../../core/model/clock.ts';
import { NomadError } from '../../errors.ts';
import type { Fetched } from './cached-credential.ts';
import { type Ask, WITHOUT_LEADER } from './transport.ts';

/** A login token is replaced this long before it expires, in milliseconds: longer than a run takes. */
const MARGIN_MS = 90_000;
export const LOGIN_PATH = '/v1/acl/login';

/**
 * Logs in: exchanges a signed statement of our identity for a Nomad token that expires.
 *
 * @param authMethod the name of an auth method of type JWT
 * @param jwt the statement, new for each login; never logged
 * @throws Error saying which part of the auth method to check; never the statement itself
 */
export async function login(ask: Ask, authMethod: string, jwt: string, clock: Clock): Promise<Fetched<string>> {
  try {
    const body = { AuthMethodName: authMethod, LoginToken: jwt };
    const token = (await ask({ method: 'POST', path: LOGIN_PATH, body })).body as {
      SecretID: string;
      CreateTime: string;
      ExpirationTime?: string;
    } | null;
    if (!token) throw new NomadError({ method: 'POST', path: LOGIN_PATH, address: 'its address' }, 0, WITHOUT_LEADER);
    // By its lifetime, so that the clocks of the servers do not matter.
    const life = Date.parse(token.ExpirationTime ?? '') - Date.parse(token.CreateTime);
    if (!Number.isFinite(life)) return { value: token.SecretID };
    return { value: token.SecretID, until: clock.now() + Math.max(life / 2, life - MARGIN_MS) };
  } catch (error) {
    throw error instanceof NomadError ? new Error(`${error.message}: ${adviceOn(error, authMethod)}`) : error;
  }
}

function adviceOn({ status, answer }: NomadError, authMethod: string): string {
  if (answer.includes('bindings matched')) {
    return `auth method ${authMethod} has no binding rule for the role of this function: add one`;
  }
  if (answer.includes('audience'))
    return `check BoundAudiences of auth method ${authMethod} against the audience configured here`;
  if (answer.includes('issuer'))
    return `check BoundIssuer of auth method ${authMethod} against the issuer of this AWS account`;
  if (status === 401) return `check the keys and the issuer of auth method ${authMethod}`;
  return `no login at auth method ${authMethod}`;
}
