import type { EmulatorResponse } from '../server.ts';

/** An error of a query-protocol service; anything else that is thrown is a fault of the emulator's own. */
export class QueryError extends Error {
  readonly code: string;
  readonly status: number;

  constructor(code: string, message: string, status = 400) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

export const validationError = (message: string) => new QueryError('ValidationError', message);

/** The form-encoded parameters of a request. */
export class QueryParams {
  readonly #form: URLSearchParams;

  constructor(body: string) {
    this.#form = new URLSearchParams(body);
  }

  get action(): string {
    return this.#form.get('Action') ?? '';
  }

  /** Undefined where it is missing or empty. */
  get(name: string): string | undefined {
    return this.#form.get(name) || undefined;
  }

  /** @throws QueryError in the words in which AWS refuses a missing parameter */
  require(name: string): string {
    const value = this.get(name);
    if (value !== undefined) return value;
    const member = name[0]?.toLowerCase() + name.slice(1);
    throw validationError(
      `1 validation error detected: Value null at '${member}' failed to satisfy constraint: Member must not be null`,
    );
  }

  integer(name: string): number | undefined {
    const value = this.get(name);
    return value === undefined ? undefined : Number.parseInt(value, 10);
  }

  /** `Name.member.1`, `Name.member.2` … with `prefix` `Name.member`. */
  list(prefix: string): string[] {
    const values: string[] = [];
    for (let n = 1; ; n++) {
      const value = this.#form.get(`${prefix}.${n}`);
      if (value === null) return values;
      values.push(value);
    }
  }

  /** Everything but the action and the version. */
  toObject(): Record<string, string> {
    const { Action, Version, ...params } = Object.fromEntries(this.#form);
    return params;
  }
}

/** What can be written as XML; undefined is left out. */
export type Xml = string | number | boolean | Date | undefined | readonly Xml[] | { [name: string]: Xml };

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** Writes `value` as XML; the entries of a list are called `item` (EC2) or `member` (the others). */
export function toXml(value: Xml, entry: 'item' | 'member'): string {
  if (value === undefined) return '';
  if (value instanceof Date) return value.toISOString();
  if (typeof value !== 'object') return String(value).replace(/[&<>"]/g, (character) => ENTITIES[character] ?? '');
  if (Array.isArray(value)) return value.map((each) => `<${entry}>${toXml(each, entry)}</${entry}>`).join('');
  return Object.entries(value)
    .filter(([, inner]) => inner !== undefined)
    .map(([name, inner]) => `<${name}>${toXml(inner, entry)}</${name}>`)
    .join('');
}

export function xmlResponse(status: number, body: string): EmulatorResponse {
  return {
    status,
    headers: { 'Content-Type': 'text/xml' },
    body: `<?xml version="1.0" encoding="UTF-8"?>\n${body}`,
  };
}

/** The actions of a service by their name, and what each answers. */
export type QueryActions = Record<string, (params: QueryParams) => Xml>;

/** One page of `all`, and the token of the next. */
export function page<T>(all: readonly T[], size: number, token: string | undefined): { items: T[]; next?: string } {
  const start = token === undefined ? 0 : Number(Buffer.from(token, 'base64').toString());
  if (!Number.isInteger(start)) throw new QueryError('InvalidNextToken', 'The token passed is invalid.');
  const items = all.slice(start, start + size);
  const end = start + items.length;
  return end < all.length ? { items, next: Buffer.from(`${end}`).toString('base64') } : { items };
}
