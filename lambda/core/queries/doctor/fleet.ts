import type { Client } from '../../scale-in/candidate.ts';
import type { AnswerPorts, Member } from '../ports.ts';

/** The instances in service with the nodes that name them, and every node of the cluster. */
export interface Fleet {
  instances: readonly { member: Member; clients: readonly Client[] }[];
  clients: readonly Client[];
}

/** Reads the fleet as far as the token sees it: more may run. */
export async function readFleet(ports: AnswerPorts): Promise<Fleet> {
  const members = (await ports.members()).filter(({ state }) => state === 'InService');
  const suggested = members.map(({ instanceId }) => ({ instanceId, pool: '' }));
  const { clients, candidates } = await ports.clients.readVisible(suggested);
  return {
    clients,
    instances: members.map((member, index) => ({ member, clients: candidates[index]?.clients ?? [] })),
  };
}
