import { createHash } from 'node:crypto';
import { printDuration, rfc3339 } from '../go-values.ts';
import type { State } from '../state.ts';
import { Permissions, parsePolicy, type Rules } from './policy.ts';

export interface Policy {
  Name: string;
  Description: string;
  Rules: string;
  RulesJSON: Rules;
  CreateIndex: number;
  ModifyIndex: number;
  [other: string]: unknown;
}

export interface Role {
  ID: string;
  Name: string;
  Description: string;
  Policies: { Name: string }[];
  CreateIndex: number;
  ModifyIndex: number;
  [other: string]: unknown;
}

export interface Token {
  AccessorID: string;
  SecretID: string;
  Name: string;
  Type: 'client' | 'management';
  Policies: string[] | null;
  Roles: { ID: string; Name: string }[] | null;
  CreateTime: string;
  ExpirationTime: string | null;
  CreateIndex: number;
  ModifyIndex: number;
  [other: string]: unknown;
}

interface TokenRequest {
  Name?: string;
  Type?: string;
  Policies?: string[] | null;
  Roles?: { ID?: string; Name?: string }[] | null;
  /** Nanoseconds, or a duration; here already in milliseconds. */
  ttlMs?: number | undefined;
}

/** An auth method of type JWT, as far as the emulator heeds it: keys given in full, RS256. */
export interface AuthMethod {
  Name: string;
  Type: string;
  MaxTokenTTL: string;
  Config: {
    JWTValidationPubKeys?: string[];
    BoundIssuer?: string[];
    BoundAudiences?: string[];
    ClaimMappings?: Record<string, string>;
  };
}

export interface BindingRule {
  AuthMethod: string;
  /** `value.<name> == "…"`, or empty: everybody. */
  Selector: string;
  BindType: 'policy' | 'role' | 'management';
  BindName: string;
}

/** Who asks: what the token may do, and the name it leaves in LastDrain. */
export interface Identity {
  token: Token;
  permissions: Permissions;
}

type TokenProblem = 'not-found' | 'malformed' | 'expired';

const ANONYMOUS: Token = {
  ExpirationTTL: '',
  AccessorID: 'anonymous',
  SecretID: '',
  Name: 'Anonymous Token',
  Type: 'client',
  Policies: ['anonymous'],
  Roles: null,
  Global: false,
  Hash: null,
  CreateTime: '0001-01-01T00:00:00Z',
  ExpirationTime: null,
  CreateIndex: 0,
  ModifyIndex: 0,
};

/** What 2.0.6 shows as everybody's token with ACLs off. */
const ACLS_DISABLED: Token = {
  ...ANONYMOUS,
  AccessorID: 'acls-disabled',
  Name: 'ACLs disabled token',
  Policies: null,
};

export class Acl {
  readonly enabled: boolean;
  readonly policies = new Map<string, Policy>();
  readonly roles = new Map<string, Role>();
  readonly authMethods = new Map<string, AuthMethod>();
  readonly bindingRules: BindingRule[] = [];
  readonly #tokens = new Map<string, Token>();
  readonly #state: State;

  constructor(state: State, enabled: boolean) {
    this.#state = state;
    this.enabled = enabled;
  }

  get bootstrapped(): boolean {
    return [...this.#tokens.values()].some(({ Type }) => Type === 'management');
  }

  identify(secret: string): Identity | TokenProblem {
    if (!this.enabled) return { token: ACLS_DISABLED, permissions: new Permissions(true, []) };
    const token = secret === '' ? ANONYMOUS : this.#tokens.get(secret);
    if (!token) return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(secret) ? 'not-found' : 'malformed';
    if (token.ExpirationTime !== null && Date.parse(token.ExpirationTime) <= this.#state.now()) return 'expired';
    // A policy or role that does not exist grants nothing and is no error.
    const rules = this.policiesOf(token).flatMap((name) => this.policies.get(name)?.RulesJSON ?? []);
    return { token, permissions: new Permissions(token.Type === 'management', rules) };
  }

  /** The token of this secret, expired or not. */
  tokenOf(secret: string): Token | undefined {
    return this.#tokens.get(secret);
  }

  /** The names of a token's policies, its own and those of its roles. */
  policiesOf(token: Token): string[] {
    const ofRoles = (token.Roles ?? []).flatMap(({ ID }) => this.roles.get(ID)?.Policies ?? []);
    return [...new Set([...(token.Policies ?? []), ...ofRoles.map(({ Name }) => Name)])];
  }

  putPolicy(Name: string, Rules: string, Description = ''): number {
    const RulesJSON = parsePolicy(Rules, this.#state.version);
    const index = this.#state.next();
    const CreateIndex = this.policies.get(Name)?.CreateIndex ?? index;
    const Hash = hash(Name, Description, Rules);
    this.policies.set(Name, {
      Name,
      Description,
      Rules,
      RulesJSON,
      JobACL: null,
      Hash,
      CreateIndex,
      ModifyIndex: index,
    });
    this.#state.commit(index, 'acl_policy');
    return index;
  }

  putRole(Name: string, policies: string[], Description = ''): Role {
    const index = this.#state.next();
    const role: Role = {
      ID: this.#state.id(),
      Name,
      Description,
      Policies: policies.map((policy) => ({ Name: policy })),
      Hash: hash(Name, ...policies),
      CreateIndex: index,
      ModifyIndex: index,
    };
    this.roles.set(role.ID, role);
    this.#state.commit(index, 'acl_roles');
    return role;
  }

  roleNamed(name: string): Role | undefined {
    return [...this.roles.values()].find(({ Name }) => Name === name);
  }

  createToken(request: TokenRequest): Token {
    const index = this.#state.next();
    const now = this.#state.now();
    const links = (request.Roles ?? []).flatMap(({ ID, Name }) => {
      const role = this.roles.get(ID ?? '') ?? this.roleNamed(Name ?? '');
      return role ? [{ ID: role.ID, Name: role.Name }] : [];
    });
    const token: Token = {
      ExpirationTTL: request.ttlMs ? printDuration(request.ttlMs * 1e6) : '',
      AccessorID: this.#state.id(),
      SecretID: this.#state.id(),
      Name: request.Name ?? '',
      Type: request.Type === 'management' ? 'management' : 'client',
      Policies: request.Policies ?? (request.Type === 'management' ? null : []),
      Roles: links.length > 0 ? links : null,
      Global: false,
      Hash: hash(request.Name ?? '', request.Type ?? '', ...(request.Policies ?? [])),
      CreateTime: rfc3339(now),
      ExpirationTime: request.ttlMs ? rfc3339(now + request.ttlMs) : null,
      CreateIndex: index,
      ModifyIndex: index,
    };
    this.#tokens.set(token.SecretID, token);
    this.#state.commit(index, 'acl_token');
    return token;
  }

  revoke(secret: string): void {
    this.#tokens.delete(secret);
    this.#state.commit(this.#state.next(), 'acl_token');
  }
}

const hash = (...parts: string[]) => createHash('sha256').update(parts.join('\0')).digest('base64');
