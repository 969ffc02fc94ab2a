import type { NomadApi } from './api.ts';
import type { Transport } from './transport/transport.ts';

/** Nomad's API without what writes. */
export type NomadReads = Omit<NomadApi, 'drain' | 'setEligibility' | 'setNodeMeta' | 'purge'>;

/** The same way to Nomad, for reading only: whatever else is refused before it is sent. */
export const readOnly = (transport: Transport): Transport => ({
  ask: async (question, clock) => {
    if (question.method !== 'GET') throw new Error(`${question.method} ${question.path}: this run only reads`);
    return transport.ask(question, clock);
  },
  close: () => transport.close(),
  blocks: transport.blocks,
  ...(transport.pinned && { pinned: () => readOnly(transport.pinned?.() ?? transport) }),
});
