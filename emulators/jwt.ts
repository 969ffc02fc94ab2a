import { generateKeyPairSync, type KeyObject, type KeyPairKeyObjectResult, sign, verify } from 'node:crypto';

/** Who signs statements of identity: an AWS account has one such issuer. */
export class Issuer {
  readonly url: string;
  #made: KeyPairKeyObjectResult | undefined;

  constructor(url = 'https://abc12345-def4-5678-90ab-cdef12345678.tokens.sts.global.api.aws') {
    this.url = url;
  }

  /** Made when they are first needed: few tests do, and it takes a tenth of a second. */
  get #keys(): KeyPairKeyObjectResult {
    this.#made ??= generateKeyPairSync('rsa', { modulusLength: 2048 });
    return this.#made;
  }

  /** What an auth method needs to check the signatures, PEM. */
  get publicKey(): string {
    return this.#keys.publicKey.export({ type: 'spki', format: 'pem' }) as string;
  }

  /** A signed statement of `subject` for `audience`. Times in milliseconds since the epoch. */
  state(claims: { subject: string; audience: string; from: number; until: number }): string {
    const { subject, audience, from, until } = claims;
    const body = {
      iss: this.url,
      sub: subject,
      aud: audience,
      iat: seconds(from),
      nbf: seconds(from),
      exp: seconds(until),
    };
    const signed = `${encode({ alg: 'RS256', typ: 'JWT' })}.${encode(body)}`;
    return `${signed}.${sign('RSA-SHA256', Buffer.from(signed), this.#keys.privateKey).toString('base64url')}`;
  }
}

/** The claims of a statement that one of these keys has signed; undefined where none has. */
export function claimsOf(jwt: string, keys: readonly (string | KeyObject)[]): Record<string, unknown> | undefined {
  const [header = '', body = '', signature = ''] = jwt.split('.');
  const signed = Buffer.from(`${header}.${body}`);
  const known = keys.some((key) => verify('RSA-SHA256', signed, key, Buffer.from(signature, 'base64url')));
  return known ? JSON.parse(Buffer.from(body, 'base64url').toString()) : undefined;
}

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const seconds = (ms: number) => Math.floor(ms / 1000);
