import pMap from 'p-map';
import type { EpochMs } from '../core/model/clock.ts';
import { NomadError } from '../errors.ts';
import { isMissing, led } from './led.ts';
import { type Ask, part } from './transport/transport.ts';

/** What the token may see and do, as far as it can read its own policies. */
export interface Permissions {
  /** It may read the jobs of every namespace, future ones too. */
  everyNamespace: boolean;
  /** What it lacks, as lines of a Nomad policy or as a sentence. */
  missing: string[];
}

/** What to tell an operator of a token that is too narrow. */
export const narrowToken = (permissions: Permissions | undefined): string[] =>
  permissions && permissions.missing.length > 0
    ? [`the Nomad token is too narrow; it lacks: ${permissions.missing.join('; ')}`]
    : [];

interface Token {
  AccessorID: string;
  Type: string;
  Policies: string[] | null;
  Roles: { ID: string }[] | null;
  ExpirationTime?: string | null;
}

export interface Rules {
  Namespaces: { Name: string; Capabilities: string[] | null }[] | null;
  Node: { Policy: string } | null;
}

/** Roles and policies of a token read at once. */
const CONCURRENCY = 8;

const READ_JOBS = 'namespace "*" { capabilities = ["read-job"] }';
const WRITE_NODES = 'node { policy = "write" }';

/**
 * Reads the token's own policies. A token without read-job in some namespace gets 200 and an empty list of allocations while
 * builds of that namespace run: an empty list proves nothing until this has been checked.
 *
 * @param name what an operator calls the token
 * @throws NomadError when Nomad does not answer
 * @throws Error when it refuses the token: unknown, or expired
 */
export async function readPermissions(ask: Ask, name: string, now: EpochMs): Promise<Permissions> {
  const token = await readToken(ask, name, now);
  if (token === 'acl-off' || token.Type === 'management') return { everyNamespace: true, missing: [] };

  const [roles, held] = await Promise.all([
    atOnce(token.Roles ?? [], ({ ID }) =>
      readOwn<{ Policies: { Name: string }[] | null }>(ask, `/v1/acl/role/${part(ID)}`),
    ),
    atOnce(token.Policies ?? [], (policy) => readPolicy(ask, policy)),
  ]);
  const byRoles = roles.flatMap((role) => (role !== 'unread' && role?.Policies) || []).map(({ Name }) => Name);
  const further = [...new Set(byRoles)].filter((policy) => !token.Policies?.includes(policy));
  const policies = [...held, ...(await atOnce(further, (policy) => readPolicy(ask, policy)))];
  const rules = policies.flatMap((policy) => ('rules' in policy ? policy.rules : []));
  const unread = policies.flatMap((policy) => ('unread' in policy ? policy.unread : []));
  unread.push(...roles.flatMap((role) => (role === 'unread' ? ['a role that cannot be read'] : [])));
  const { everyNamespace, missing } = judgeRules(rules);
  // What is not read may deny.
  return { everyNamespace: everyNamespace && unread.length === 0, missing: [...missing, ...unread] };
}

const atOnce = <T, R>(items: readonly T[], read: (item: T) => Promise<R>) =>
  pMap(items, read, { concurrency: CONCURRENCY });

async function readPolicy(ask: Ask, name: string): Promise<{ rules: Rules[] } | { unread: string }> {
  const policy = await readOwn<{ RulesJSON: Rules }>(ask, `/v1/acl/policy/${part(name)}`);
  if (policy === 'unread') return { unread: `policy ${name}, which cannot be read and may deny` };
  return { rules: policy ? [policy.RulesJSON] : [] };
}

/**
 * What policies grant together. The servers have written a coarse policy such as `read` out as capabilities. In Nomad the most
 * specific namespace pattern wins, so every pattern that is named must grant read-job, not `*` alone; and deny wins over all.
 */
export function judgeRules(rules: Rules[]): Permissions {
  const granted = new Map<string, Set<string>>();
  for (const { Name, Capabilities } of rules.flatMap(({ Namespaces }) => Namespaces ?? [])) {
    const capabilities = granted.get(Name) ?? new Set();
    for (const capability of Capabilities ?? []) capabilities.add(capability);
    granted.set(Name, capabilities);
  }
  const missing: string[] = [];
  const nodePolicies = rules.map(({ Node }) => Node?.Policy);
  if (!nodePolicies.includes('write') || nodePolicies.includes('deny')) missing.push(WRITE_NODES);
  if (!granted.has('*')) missing.push(READ_JOBS);
  for (const [name, capabilities] of granted) {
    if (!capabilities.has('read-job') || capabilities.has('deny')) missing.push(READ_JOBS.replace('"*"', `"${name}"`));
  }
  return { everyNamespace: missing.every((line) => line === WRITE_NODES), missing };
}

const ANONYMOUS: Token = { AccessorID: 'anonymous', Type: 'client', Policies: ['anonymous'], Roles: null };

async function readToken(ask: Ask, name: string, now: number): Promise<Token | 'acl-off'> {
  const expired = new Error(`${name} has expired: create a new one that expires later, or never`);
  try {
    const token = (await ask({ method: 'GET', path: '/v1/acl/token/self' })).body as Token;
    if (token.AccessorID === 'acls-disabled') return 'acl-off';
    // Nomad 1.6 still lets an expired token read itself, and refuses it everything else.
    if (token.ExpirationTime && Date.parse(token.ExpirationTime) < now) throw expired;
    return token;
  } catch (error) {
    if (!(error instanceof NomadError)) throw error;
    // With ACLs off, 1.6 refuses the request, and 2.0 answers with a token of this name. Seen on real agents.
    if (error.answer.includes('ACL support disabled')) return 'acl-off';
    // Nomad 1.6 has no anonymous token to read (recording 1.6.10/acl).
    if (error.answer.includes('missing secret id')) return ANONYMOUS;
    if (error.answer.includes('ACL token expired')) throw expired;
    if (error.status === 403 || error.answer.includes('ACL token not found')) {
      throw new Error(`Nomad does not know ${name}: it was revoked, or belongs to another cluster. ${error.message}`);
    }
    throw error;
  }
}

/** Reads a policy or role of the token's own; undefined if Nomad says that it does not exist. */
async function readOwn<T>(ask: Ask, path: string): Promise<T | 'unread' | undefined> {
  try {
    return led(await ask({ method: 'GET', path }), path).body as T;
  } catch (error) {
    if (!(error instanceof NomadError)) throw error;
    if (isMissing(error, 'ACL policy not found') || isMissing(error, 'ACL role not found')) return undefined;
    if (error.status === 404 || error.status === 403) return 'unread';
    throw error;
  }
}
