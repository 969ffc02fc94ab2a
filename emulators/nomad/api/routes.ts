import type { EmulatorRequest, EmulatorResponse } from '../../server.ts';
import { since } from '../version.ts';
import * as acl from './acl-endpoints.ts';
import * as agent from './agent-endpoints.ts';
import * as evaluations from './evaluation-endpoints.ts';
import { hollowAnswer } from './hollow.ts';
import { type Call, compressed, type Endpoint, failure, HttpError, PERMISSION_DENIED, type Servers } from './http.ts';
import * as jobs from './job-endpoints.ts';
import * as logs from './log-endpoints.ts';
import * as logins from './login-endpoints.ts';
import * as metadata from './metadata-endpoints.ts';
import * as nodes from './node-endpoints.ts';

/** In a path, `:` stands for one part. POST and PUT are the same to Nomad. */
const ROUTES: [method: 'GET' | 'PUT' | 'DELETE', path: string, endpoint: Endpoint][] = [
  ['GET', '/v1/nodes', nodes.listNodes],
  ['GET', '/v1/node/:', nodes.readNode],
  ['GET', '/v1/node/:/allocations', nodes.nodeAllocations],
  ['PUT', '/v1/node/:/drain', nodes.drainNode],
  ['PUT', '/v1/node/:/eligibility', nodes.setEligibility],
  ['PUT', '/v1/node/:/purge', nodes.purgeNode],
  ['GET', '/v1/allocations', jobs.listAllocations],
  ['GET', '/v1/allocation/:', jobs.readAllocation],
  ['PUT', '/v1/allocation/:/stop', jobs.stopAllocation],
  ['GET', '/v1/client/fs/logs/:', logs.readLogs],
  ['GET', '/v1/evaluations', evaluations.listEvaluations],
  ['GET', '/v1/evaluation/:', evaluations.readEvaluation],
  ['GET', '/v1/client/metadata', metadata.readMetadata],
  ['PUT', '/v1/client/metadata', metadata.applyMetadata],
  ['GET', '/v1/jobs', jobs.listJobs],
  ['PUT', '/v1/jobs', jobs.putJob],
  ['GET', '/v1/job/:', jobs.readJob],
  ['DELETE', '/v1/job/:', jobs.deleteJob],
  ['GET', '/v1/job/:/allocations', jobs.jobAllocations],
  ['GET', '/v1/job/:/evaluations', evaluations.jobEvaluations],
  ['GET', '/v1/job/:/summary', jobs.jobSummary],
  ['PUT', '/v1/system/gc', jobs.systemGc],
  ['GET', '/v1/namespaces', acl.listNamespaces],
  ['PUT', '/v1/namespace', acl.putNamespace],
  ['PUT', '/v1/namespaces', acl.putNamespace],
  ['PUT', '/v1/namespace/:', acl.putNamespace],
  ['PUT', '/v1/acl/bootstrap', acl.bootstrap],
  ['PUT', '/v1/acl/auth-method', logins.putAuthMethod],
  ['PUT', '/v1/acl/binding-rule', logins.putBindingRule],
  ['PUT', '/v1/acl/login', logins.login],
  ['GET', '/v1/acl/token/self', acl.tokenSelf],
  ['PUT', '/v1/acl/token', acl.putToken],
  ['GET', '/v1/acl/policies', acl.listPolicies],
  ['GET', '/v1/acl/roles', acl.listRoles],
  ['GET', '/v1/acl/policy/self', acl.listPolicies],
  ['GET', '/v1/acl/policy/:', acl.readPolicy],
  ['PUT', '/v1/acl/policy/:', acl.putPolicy],
  ['PUT', '/v1/acl/role', acl.putRole],
  ['GET', '/v1/acl/role/:', acl.readRoleById],
  ['GET', '/v1/acl/role/name/:', acl.readRoleByName],
  ['GET', '/v1/status/leader', agent.leader],
  ['GET', '/v1/agent/self', agent.agentSelf],
  ['GET', '/v1/agent/members', agent.members],
];

const COMPILED = ROUTES.map(([method, path, endpoint]) => ({
  method,
  endpoint,
  pattern: new RegExp(`^${path.replaceAll(':', '([^/]+)')}$`),
}));

export const tokenOf = ({ headers }: EmulatorRequest): string => {
  const given = headers['x-nomad-token'];
  if (typeof given === 'string') return given;
  return /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1] ?? '';
};

/** What is no UUID could be a workload's identity, and is parsed as that. */
const NOT_A_TOKEN = 'failed to parse signed token: go-jose/go-jose: compact JWS format must have three parts';

const SELF = '/v1/acl/token/self';

/** Anyone may ask who leads, and log in. */
const PUBLIC = new Set(['/v1/status/leader', '/v1/acl/bootstrap', '/v1/acl/login']);

export const serve = async (servers: Servers, request: EmulatorRequest): Promise<EmulatorResponse> =>
  compressed(request, dated(servers, await answered(servers, request)));

const dated = ({ state }: Servers, response: EmulatorResponse): EmulatorResponse => ({
  ...response,
  headers: { ...response.headers, Date: new Date(state.now()).toUTCString() },
});

const answered = async (servers: Servers, request: EmulatorRequest): Promise<EmulatorResponse> => {
  try {
    const { searchParams } = request.url;
    const pathname = request.path;
    // Go's router cleans the path; that of Go 1.22 and later (Nomad 1.8.4, 1.11.3 and 2.0.6) as it came, not as it is decoded.
    const routed = since(servers.state.version, '1.8.0') ? pathname : decodeURIComponent(pathname);
    if (/\/(\.{0,2})\//.test(routed))
      return { status: 301, headers: { Location: new URL(routed, 'http://nomad').pathname } };
    const method = request.method === 'POST' ? 'PUT' : request.method;
    const fitting = COMPILED.filter(({ pattern }) => pattern.test(pathname));
    if (fitting.length === 0) throw new HttpError(404, '');
    const route = fitting.find((candidate) => candidate.method === method);
    if (!route) throw new HttpError(405, 'Invalid method');
    const isHollow = typeof servers.hollow === 'function' ? servers.hollow(request) : servers.hollow;
    const hollow = isHollow ? hollowAnswer(request) : undefined;
    if (hollow) return hollow;
    const parts = (route.pattern.exec(pathname) ?? []).slice(1).map((part) => decodeURIComponent(part));
    if (pathname === SELF && !since(servers.state.version, '1.10.1')) {
      return acl.tokenLookedUp(servers, tokenOf(request));
    }
    const identity = servers.acl.identify(PUBLIC.has(pathname) ? '' : tokenOf(request));
    // Only the question about oneself tells an expired token, and one that is none, from an unknown one.
    if (pathname === SELF && identity === 'expired') throw new HttpError(500, 'ACL token expired');
    if (pathname === SELF && identity === 'malformed') throw new HttpError(500, NOT_A_TOKEN);
    if (typeof identity === 'string') throw new HttpError(403, PERMISSION_DENIED);
    const call: Call = { request, servers, identity, query: searchParams, parts };
    return await route.endpoint(call);
  } catch (error) {
    if (error instanceof HttpError) return failure(error);
    throw error;
  }
};
