import { type Call, HttpError } from './http.ts';

export const namespaceOf = ({ query }: Call) => query.get('namespace') || 'default';

/** In the namespace `*`, lists hold what the token may read of each namespace. */
export const readable =
  (call: Call, capability = 'read-job') =>
  ({ Namespace }: { Namespace: string }) => {
    const asked = namespaceOf(call);
    return (asked === '*' || asked === Namespace) && call.identity.permissions.namespace(Namespace, capability);
  };

export const byCreateIndex = (item: { CreateIndex: number; ID: string }) =>
  `${String(item.CreateIndex).padStart(12, '0')}.${item.ID}`;

export const inOrder = <T extends { CreateIndex: number; ID: string }>(items: Iterable<T>): T[] =>
  [...items].sort((a, b) => (byCreateIndex(a) < byCreateIndex(b) ? -1 : 1));

/** The beginning of an id is looked for by whole bytes. @param what is listed, in Nomad's words */
export const checkPrefix = (prefix: string, what: 'alloc' | 'node'): void => {
  const digits = prefix.replaceAll('-', '');
  if (digits.length % 2 === 1) {
    throw new HttpError(500, `${what} lookup failed: index error: Input (without hyphens) must be even length`);
  }
  const wrong = /[^0-9a-f]/i.exec(digits)?.[0];
  if (wrong === undefined) return;
  const code = `U+${wrong.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`;
  const why = `encoding/hex: invalid byte: ${code} '${wrong}'`;
  throw new HttpError(500, `${what} lookup failed: index error: Invalid UUID: ${why}`);
};
