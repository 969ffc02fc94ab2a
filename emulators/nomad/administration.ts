import type { Role, Token } from './api/acl.ts';
import type { Servers } from './api/http.ts';
import { Circumstances } from './circumstances.ts';
import { namespace } from './state.ts';

/** What its operators set up. */
export class Administration extends Circumstances {
  readonly #servers: Servers;

  constructor(servers: Servers) {
    super(servers);
    this.#servers = servers;
  }

  /** Makes or replaces an ACL policy of these HCL rules. */
  policy(name: string, rules: string): void {
    this.#servers.acl.putPolicy(name, rules);
  }

  role(name: string, policies: string[]): Role {
    return this.#servers.acl.putRole(name, policies);
  }

  /** Makes a token and returns its SecretID. Roles by name; `ttl` in seconds. */
  token(spec: { policies?: string[]; roles?: string[]; type?: Token['Type']; name?: string; ttl?: number }): string {
    return this.#servers.acl.createToken({
      Name: spec.name ?? '',
      Type: spec.type ?? 'client',
      Policies: spec.policies ?? null,
      Roles: (spec.roles ?? []).map((Name) => ({ Name })),
      ttlMs: spec.ttl === undefined ? undefined : spec.ttl * 1000,
    }).SecretID;
  }

  revoke(secret: string): void {
    this.#servers.acl.revoke(secret);
  }

  namespace(name: string): void {
    const index = this.#servers.state.next();
    this.#servers.state.namespaces.set(name, namespace(name, '', index));
    this.#servers.state.commit(index, 'namespaces');
  }
}
