import type { Client } from '../../scale-in/candidate.ts';
import { byDeadline } from '../by-deadline.ts';
import type { AnswerPorts, Member } from '../ports.ts';
import type { Finding } from './finding.ts';

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

/**
 * What is found for the groups of each drain deadline, the shortest first; it names the groups, unless all have one deadline.
 * @param check judges the instances of such groups by their deadline, in seconds
 */
export async function ofEachDeadline(
  { groups: served }: Pick<AnswerPorts, 'groups'>,
  { instances, clients }: Fleet,
  check: (fleet: Fleet, deadlineSeconds: number) => Finding[] | Promise<Finding[]>,
): Promise<Finding[]> {
  const found = byDeadline(served).map(async ({ deadlineSeconds, groups, label }) => {
    const its = instances.filter(({ member }) => groups.includes(member.group));
    const findings = await check({ instances: its, clients }, deadlineSeconds);
    return findings.map((finding) => ({ ...finding, what: label + finding.what }));
  });
  return (await Promise.all(found)).flat();
}
