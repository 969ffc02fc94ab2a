import { claimsOf } from '../../jwt.ts';
import { goDuration } from '../go-values.ts';
import type { AuthMethod, BindingRule } from './acl.ts';
import { allow, bodyOf, type Call, type Endpoint, HttpError, written } from './http.ts';

const onlyManagement = (call: Call) => allow(call.identity.permissions.management);

export const putAuthMethod: Endpoint = (call) => {
  onlyManagement(call);
  const method = bodyOf<AuthMethod>(call, 'structs.ACLAuthMethod');
  call.servers.acl.authMethods.set(method.Name, method);
  return written(call.servers.state.next(), method);
};

export const putBindingRule: Endpoint = (call) => {
  onlyManagement(call);
  const rule = bodyOf<BindingRule>(call, 'structs.ACLBindingRule');
  call.servers.acl.bindingRules.push(rule);
  const { state } = call.servers;
  return written(state.next(), { ...rule, ID: state.id() });
};

/** Trades a statement of identity for a token that expires (recording login). */
export const login: Endpoint = (call) => {
  const { acl, state } = call.servers;
  const { AuthMethodName, LoginToken } = bodyOf<{ AuthMethodName: string; LoginToken: string }>(
    call,
    'structs.ACLLoginRequest',
  );
  const method = acl.authMethods.get(AuthMethodName);
  if (!method) throw new HttpError(400, `auth-method "${AuthMethodName}" not found`);
  const claims = verified(LoginToken, method, state.now());
  const values = Object.entries(method.Config.ClaimMappings ?? {}).map(([claim, name]) => [name, claims[claim]]);
  const value = Object.fromEntries(values) as Record<string, unknown>;

  const bound = acl.bindingRules.filter((rule) => rule.AuthMethod === method.Name && selects(rule.Selector, value));
  const names = (type: BindingRule['BindType']) =>
    bound.filter(({ BindType }) => BindType === type).map(({ BindName }) => BindName);
  if (bound.length === 0) throw new HttpError(400, 'no role or policy bindings matched');
  const token = acl.createToken({
    Name: `JWT-${method.Name}`,
    Type: 'client',
    Policies: names('policy'),
    Roles: names('role').map((Name) => ({ Name })),
    ttlMs: goDuration(method.MaxTokenTTL),
  });
  return written(token.ModifyIndex, token);
};

const refusal = (why: string) =>
  new HttpError(401, `unable to validate provided token: unable to verify signature of JWT token: ${why}`);

function verified(jwt: string, { Config }: AuthMethod, now: number): Record<string, unknown> {
  if (jwt.split('.').length !== 3) {
    throw refusal('error verifying token signature: go-jose/go-jose: compact JWS format must have three parts');
  }
  const claims = claimsOf(jwt, Config.JWTValidationPubKeys ?? []);
  if (!claims)
    throw refusal('error verifying token signature: no known key successfully validated the token signature');
  if (Config.BoundIssuer?.length && !Config.BoundIssuer.includes(String(claims.iss))) {
    throw refusal('invalid issuer (iss) claim: issuer does not match any of the bound issuers');
  }
  const audiences = [claims.aud].flat().map(String);
  if (Config.BoundAudiences?.length && !Config.BoundAudiences.some((bound) => audiences.includes(bound))) {
    throw refusal('invalid audience (aud) claim: audience claim does not match any expected audience');
  }
  if (Number(claims.exp) * 1000 < now) throw refusal('invalid expiration time (exp) claim: token is expired');
  return claims;
}

function selects(selector: string, value: Record<string, unknown>): boolean {
  const [, name, wanted] = /^value\.(\w+) == "(.*)"$/.exec(selector) ?? [];
  return selector === '' || (name !== undefined && value[name] === wanted);
}
