import { named, say } from '../../explain.ts';
import type { AnswerPorts, OtherDrain } from '../ports.ts';
import type { Finding } from './finding.ts';
import { type Fleet, ofEachDeadline } from './fleet.ts';

/** Nodes whose drains are read one by one. */
const MOST_READ = 12;
/** Nodes named for each tool. */
const MOST_NAMED = 2;
const AUTOSCALER = 'nomad-autoscaler';

/** A drain, and how long it lets builds run, in seconds: `ENOUGH` if at least as long as ours; undefined if that is not known. */
type TimedDrain = OtherDrain & { deadline: number | undefined };
const ENOUGH = Number.POSITIVE_INFINITY;

/** Whether another tool drains nodes like those of the groups with a shorter deadline: it kills builds that ours would let end. */
export async function checkOtherDrains(ports: AnswerPorts, fleet: () => Promise<Fleet>): Promise<Finding[]> {
  const [all, known] = await Promise.all([ports.examination.drainsOfOthers(), fleet()]);
  return ofEachDeadline(ports, known, (its, deadlineSeconds) => {
    const isAlike = alikeIn(its);
    return compare(
      all.filter(({ nodeId }) => isAlike(nodeId)),
      deadlineSeconds,
      ports,
    );
  });
}

/** @param ours the drain deadline of groups with such nodes, in seconds */
async function compare(alike: readonly OtherDrain[], ours: number, ports: AnswerPorts): Promise<Finding[]> {
  const drains = alike.toSorted(mostTellingFirst(ours));
  const read = drains.slice(0, MOST_READ).map(({ nodeId }) => nodeId);
  const deadlines = await ports.examination.drainDeadlines(read);
  const timed = drains.map((drain): TimedDrain => {
    const deadline = drain.tookSeconds >= ours ? 'never' : deadlines.get(drain.nodeId);
    return { ...drain, deadline: deadline === 'never' ? ENOUGH : deadline };
  });
  const findings = [...Map.groupBy(timed, ({ by }) => by)].flatMap(([by, its]) => judge(by, its, ours));
  if (findings.length > 0) return findings;
  const what = `no drain of another tool in Nomad's records has a shorter deadline than ${say(ours)}`;
  return [{ id: 'other-drains', level: 'ok', what }];
}

/** Whether a node has the pool and class of a node of the groups, also if its instance is terminated. Without such nodes any counts. */
function alikeIn({ instances, clients }: Fleet): (nodeId: string) => boolean {
  const kindOf = ({ nodePool, nodeClass }: Fleet['clients'][number]) => JSON.stringify([nodePool, nodeClass]);
  const kinds = new Set(instances.flatMap((instance) => instance.clients).map(kindOf));
  const kindById = new Map(clients.map((client) => [client.id, kindOf(client)]));
  return (nodeId) => kinds.size === 0 || kinds.has(kindById.get(nodeId) ?? '');
}

/** Those that are on tell their deadline. Of the others the longest is the likeliest to have reached it; one longer than ours had a later one. */
const mostTellingFirst = (ours: number) => {
  const rank = ({ isOn, tookSeconds }: OtherDrain) => (isOn ? ours : tookSeconds < ours ? tookSeconds : -1);
  return (one: OtherDrain, other: OtherDrain) => rank(other) - rank(one);
};

/** @param by undefined for drains whose record names nobody */
function judge(by: string | undefined, drains: readonly TimedDrain[], ours: number): Finding[] {
  const id = 'other-drains';
  const deadlines = drains.flatMap(({ deadline }) => deadline ?? []);
  const shortest = Math.min(...deadlines);
  if (shortest < ours) {
    const who = by ?? 'a person, or a tool that leaves no name,';
    const which = nodesOf(drains.filter(({ deadline = ENOUGH }) => deadline < ours));
    const what = `${who} drains with a deadline of ${say(shortest)}, shorter than ${say(ours)} (${which}): it kills longer builds, and no hook prevents that`;
    return [{ id, level: 'warning', what, do: remedy(by, ours) }];
  }
  if (by === undefined || deadlines.length > 0) return [];
  const what = `${by} has drained ${nodesOf(drains)}; the drains ended before their deadline, which Nomad does not store`;
  return [{ id, level: 'unknown', what, do: `if its deadline is shorter than ${say(ours)}: ${remedy(by, ours)}` }];
}

const nodesOf = (drains: readonly OtherDrain[]): string =>
  named(
    drains.map(({ nodeName }) => nodeName),
    { most: MOST_NAMED },
  );

function remedy(by: string | undefined, ours: number): string {
  if (by === undefined) return `drain with nomad-drain-hook drain, or give nomad node drain a deadline of ${say(ours)}`;
  if (by !== AUTOSCALER)
    return `raise it to ${say(ours)}, or have the tool only lower the group's desired capacity: the hook drains`;
  return `set node_drain_deadline to ${say(ours)}, or switch its scale-in off; see docs/leaving.md, and docs/circleci-server.md for CircleCI Server`;
}
