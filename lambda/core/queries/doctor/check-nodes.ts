import { named } from '../../explain.ts';
import type { Client } from '../../scale-in/candidate.ts';
import type { AnswerPorts, Member, NodeOfInstance } from '../ports.ts';
import type { Finding } from './finding.ts';

/** Instances that are looked at one by one, because no node names them. */
const MOST_LOOKED_AT = 20;
/** An instance may take so long to boot and register its node, in milliseconds. */
const BOOTING_MS = 300_000;

/** Whether each instance in service is exactly one node. */
export async function checkNodes(ports: AnswerPorts): Promise<Finding[]> {
  const members = (await ports.members()).filter(({ state }) => state === 'InService');
  const { candidates } = await ports.clients.readVisible(members.map(({ instanceId }) => ({ instanceId, pool: '' })));
  const alive = members.map((member, index) => ({ member, nodes: (candidates[index]?.clients ?? []).filter(isUp) }));
  const unnamed = alive.filter(({ nodes }) => nodes.length === 0).map(({ member }) => member.instanceId);
  const found = await ports.examination.nodesByAddress(unnamed.slice(0, MOST_LOOKED_AT));
  return ports.groups.flatMap(({ name }) => {
    const of = alive.filter(({ member }) => member.group === name);
    const findings = [
      ...severalNodes(of),
      ...unnamedOnes(
        name,
        found.filter(({ instanceId }) => of.some(({ member }) => member.instanceId === instanceId)),
        ports,
      ),
    ];
    const left = of.filter(({ member }) => unnamed.indexOf(member.instanceId) >= MOST_LOOKED_AT).length;
    if (left > 0) findings.push(more(name, left));
    if (findings.length > 0) return findings;
    const what =
      of.length === 0
        ? `group ${name}: no instance is in service`
        : `group ${name}: each of ${of.length} in service is one node`;
    return [{ id: 'nodes', level: 'ok', what } as const];
  });
}

const isUp = ({ status }: Client): boolean => status !== 'down';

function severalNodes(of: readonly { member: Member; nodes: readonly Client[] }[]): Finding[] {
  return of
    .filter(({ nodes }) => nodes.length > 1)
    .map(({ member: { instanceId }, nodes }) => ({
      id: 'nodes',
      level: 'warning',
      what: `instance ${instanceId} is several nodes that are not down: ${named(nodes.map(({ id }) => id))}`,
      do: 'keep the data directory of its agent, and let only one agent run there: all these nodes are drained',
    }));
}

function unnamedOnes(group: string, found: readonly NodeOfInstance[], { clock }: AnswerPorts): Finding[] {
  const which = (is: NodeOfInstance['is']) => found.filter((each) => each.is === is);
  const absent = which('absent').filter(({ launchedAt = 0 }) => clock.now() - launchedAt >= BOOTING_MS);
  const findings: Finding[] = [];
  const add = (
    level: Finding['level'],
    those: readonly NodeOfInstance[],
    say: (ids: string) => string,
    todo: string,
  ) => {
    if (those.length > 0) findings.push({ id: 'nodes', level, what: `group ${group}: ${say(idsOf(those))}`, do: todo });
  };
  add(
    'problem',
    absent,
    (ids) => `Nomad has no node of ${ids}: such an instance is released without a drain`,
    'start the Nomad agent there, or take the group out of the settings; see NotANode in docs/operations.md',
  );
  add(
    'problem',
    which('ambiguous'),
    (ids) => `several nodes have an address of ${ids}: such an instance is not drained`,
    'let the agents reach the instance metadata service, so that their nodes name their instances; or set nodeMetaKey',
  );
  add(
    'warning',
    which('by address'),
    (ids) => `no node names ${ids}: only an address leads to the node of such an instance`,
    'let the agents reach the instance metadata service, or set nodeMetaKey',
  );
  add(
    'unknown',
    which('unknown'),
    (ids) => `no node names ${ids}, and EC2 does not report its addresses`,
    'look again in a minute',
  );
  return findings;
}

const idsOf = (those: readonly NodeOfInstance[]): string => named(those.map(({ instanceId }) => instanceId));

const more = (group: string, left: number): Finding => ({
  id: 'nodes',
  level: 'unknown',
  what: `group ${group}: no node names ${left} more, which were not looked at one by one`,
  do: 'mend the others first',
});
