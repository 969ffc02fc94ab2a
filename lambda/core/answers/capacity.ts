import type { Client } from '../candidate.ts';
import type { CapacityCommand } from './command.ts';
import type { AnswerPorts } from './ports.ts';

/** Which clients there are, and what fits on them. */
export interface CapacityAnswer {
  run: 'capacity';
  nodes: NodeCapacity[];
}

/** A client node. */
export interface NodeCapacity {
  id: string;
  name: string;
}

export async function capacity(_command: CapacityCommand, ports: AnswerPorts): Promise<CapacityAnswer> {
  const members = await ports.members();
  const { clients } = await ports.clients.read(members.map(({ instanceId }) => ({ instanceId, pool: '' })));
  return { run: 'capacity', nodes: clients.map(({ id, name }: Client) => ({ id, name })) };
}
