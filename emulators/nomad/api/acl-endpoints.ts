import type { EmulatorResponse } from '../../server.ts';
import { goDuration } from '../go-values.ts';
import { namespace } from '../state.ts';
import type { Token } from './acl.ts';
import {
  allow,
  answer,
  bodyOf,
  type Call,
  type Endpoint,
  HttpError,
  json,
  queryHeaders,
  type Servers,
  written,
} from './http.ts';
import { PolicyError } from './policy.ts';

const enabled = ({ servers }: Call) => {
  if (!servers.acl.enabled) throw new HttpError(400, 'ACL support disabled');
};

const onlyManagement = (call: Call) => {
  enabled(call);
  allow(call.identity.permissions.management);
};

/** Without ACLs, 1.6 and 1.8 refuse even this question; 1.11 and 2.0 describe a token that stands for none. */
export const tokenSelf: Endpoint = (call) => {
  if (['1.6.10', '1.8.4'].includes(call.servers.state.version)) enabled(call);
  return answer(call, { index: () => call.identity.token.ModifyIndex, read: () => call.identity.token });
};

/** Before 1.10.1 the question about oneself is not authenticated: the token is looked up by its secret, expired or not. */
export const tokenLookedUp = ({ acl, state }: Servers, secret: string): EmulatorResponse => {
  if (!acl.enabled) throw new HttpError(400, 'ACL support disabled');
  if (secret === '') throw new HttpError(500, 'acl token lookup failed: missing secret id');
  if (secret.length !== 36)
    throw new HttpError(500, 'acl token lookup failed: index error: UUID must be 36 characters');
  const token = acl.tokenOf(secret);
  if (!token) throw new HttpError(404, 'ACL token not found', state.indexOf('acl_token'));
  return json(token, queryHeaders(token.ModifyIndex));
};

/** A token may read its own policies, and those of its roles. */
export const readPolicy: Endpoint = (call) => {
  enabled(call);
  const { acl, state } = call.servers;
  const name = call.parts[0] ?? '';
  const { token, permissions } = call.identity;
  allow(permissions.management || name === 'anonymous' || acl.policiesOf(token).includes(name));
  return answer(call, {
    index: () => acl.policies.get(name)?.ModifyIndex ?? state.indexOf('acl_policy'),
    read: () => {
      const policy = acl.policies.get(name);
      if (!policy) throw new HttpError(404, 'ACL policy not found', state.indexOf('acl_policy'));
      return policy;
    },
  });
};

/** Of policies and roles, a client token is shown its own. */
export const listPolicies: Endpoint = (call) => {
  enabled(call);
  const { acl, state } = call.servers;
  const { token, permissions } = call.identity;
  const own = (name: string) => permissions.management || acl.policiesOf(token).includes(name);
  return answer(call, {
    index: () => state.indexOf('acl_policy'),
    read: () =>
      [...acl.policies.values()].filter(({ Name }) => own(Name)).map(({ Rules: _, RulesJSON: __, ...stub }) => stub),
  });
};

export const listRoles: Endpoint = (call) => {
  enabled(call);
  const { acl, state } = call.servers;
  const { token, permissions } = call.identity;
  const own = (id: string) => permissions.management || (token.Roles ?? []).some(({ ID }) => ID === id);
  return answer(call, {
    index: () => state.indexOf('acl_roles'),
    read: () => [...acl.roles.values()].filter(({ ID }) => own(ID)),
  });
};

export const putPolicy: Endpoint = (call) => {
  onlyManagement(call);
  const { Name, Rules, Description } = bodyOf<{ Name?: string; Rules?: string; Description?: string }>(
    call,
    'structs.ACLPolicy',
  );
  if (Name !== call.parts[0]) throw new HttpError(400, 'ACL policy name does not match request path');
  try {
    const index = call.servers.acl.putPolicy(Name ?? '', Rules ?? '', Description);
    return { status: 200, headers: { 'X-Nomad-Index': String(index) } };
  } catch (error) {
    if (error instanceof PolicyError)
      throw new HttpError(400, `policy 0 invalid: 1 error occurred:\n\t* failed to parse rules: ${error.message}\n\n`);
    throw error;
  }
};

const readRole =
  (byName: boolean): Endpoint =>
  (call) => {
    enabled(call);
    const { acl, state } = call.servers;
    const wanted = call.parts[0] ?? '';
    const { token, permissions } = call.identity;
    const own = (token.Roles ?? []).some(({ ID, Name }) => (byName ? Name : ID) === wanted);
    allow(permissions.management || own);
    const role = () => (byName ? acl.roleNamed(wanted) : acl.roles.get(wanted));
    return answer(call, {
      index: () => role()?.ModifyIndex ?? state.indexOf('acl_roles'),
      read: () => {
        const found = role();
        if (!found) throw new HttpError(404, 'ACL role not found', state.indexOf('acl_roles'));
        return found;
      },
    });
  };

export const readRoleById = readRole(false);
export const readRoleByName = readRole(true);

export const putRole: Endpoint = (call) => {
  onlyManagement(call);
  const body = bodyOf<{ Name?: string; Description?: string; Policies?: { Name: string }[] }>(call, 'structs.ACLRole');
  const policies = (body.Policies ?? []).map(({ Name }) => Name);
  const unknown = policies.find((name) => !call.servers.acl.policies.has(name));
  if (unknown) throw new HttpError(400, `cannot find policy ${unknown}`);
  const role = call.servers.acl.putRole(body.Name ?? '', policies, body.Description);
  return written(role.ModifyIndex, role);
};

interface TokenBody {
  Name?: string;
  Type?: string;
  Policies?: string[] | null;
  Roles?: { ID?: string; Name?: string }[] | null;
  ExpirationTTL?: string | number;
}

export const putToken: Endpoint = (call) => {
  onlyManagement(call);
  const body = bodyOf<TokenBody>(call, 'structs.ACLToken');
  if (body.Type !== 'management' && !body.Policies?.length && !body.Roles?.length) {
    throw new HttpError(400, 'token 0 invalid: client token missing policies or roles');
  }
  const { ExpirationTTL: ttl } = body;
  const ttlMs = typeof ttl === 'number' ? ttl / 1e6 : ttl ? goDuration(ttl) : undefined;
  const token = call.servers.acl.createToken({ ...body, ttlMs });
  return written(token.ModifyIndex, token);
};

export const bootstrap: Endpoint = (call) => {
  enabled(call);
  const { acl } = call.servers;
  if (acl.bootstrapped) throw new HttpError(400, 'ACL bootstrap already done (reset index: 1)');
  const token: Token = acl.createToken({ Name: 'Bootstrap Token', Type: 'management' });
  token.Global = true;
  return written(token.ModifyIndex, token);
};

export const listNamespaces: Endpoint = (call) => {
  const { state } = call.servers;
  return answer(call, {
    index: () => state.indexOf('namespaces'),
    read: () =>
      [...state.namespaces.values()]
        .filter(({ Name }) => call.identity.permissions.seesNamespace(Name))
        .sort((a, b) => (a.Name < b.Name ? -1 : 1)),
  });
};

export const putNamespace: Endpoint = (call) => {
  allow(call.identity.permissions.management);
  const { state } = call.servers;
  const { Name, Description } = bodyOf<{ Name?: string; Description?: string }>(call, 'structs.Namespace');
  const index = state.next();
  state.namespaces.set(Name ?? '', namespace(Name ?? '', Description ?? '', index));
  state.commit(index, 'namespaces');
  return { status: 200, headers: { 'X-Nomad-Index': String(index) } };
};
