import type { Call } from './http.ts';

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
