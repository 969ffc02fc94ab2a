import type {
  Capacity,
  CapacityAnswer,
  CapacityRow,
  NodeCapacity,
  NodeState,
} from '../../../../lambda/core/queries/capacity.ts';
import { table, wrap } from '../../terminal/layout.ts';
import type { Page } from '../../terminal/page.ts';
import { count, shortNames } from '../../terminal/words.ts';
import { warningsText } from '../../warnings.ts';

/** The answer of the function, and what of it is wanted. */
export type Nodes = CapacityAnswer & {
  warnings: string[];
  /** Only this group. */
  only?: string | undefined;
  /** Also nodes that are down: those of terminated instances stay in Nomad for a day. */
  all?: boolean;
};

/** Each group and pool: how many nodes are in which state, what fits, and under it the nodes. */
export function nodesText(nodes: Nodes, page: Page): string {
  const { rows, only, nodesLeftOut, withoutNode, warnings } = nodes;
  const shown = rows.filter(({ group }) => only === undefined || group === only);
  const pools = new Set(rows.flatMap(({ nodePool }) => nodePool ?? []));
  const without = withoutNode.filter(({ group }) => only === undefined || group === only);
  return [
    ...shown.map((row) => rowText(row, nodes, pools.size > 1, page)),
    ...(without.length > 0 ? [withoutText(without, page)] : []),
    ...(nodesLeftOut > 0
      ? [page.ink.warn(`${count(nodesLeftOut, 'node')} not listed: the answer would be too large`)]
      : []),
    ...warningsText(warnings, page),
  ].join('\n\n');
}

function rowText(row: CapacityRow, { nodes, all = false }: Nodes, namesPool: boolean, page: Page): string {
  const { ink, columns } = page;
  const { group, nodePool } = row;
  const pool = namesPool && nodePool !== null ? ink.quiet(` (pool ${nodePool})`) : '';
  const of = nodes.filter((node) => (node.group ?? null) === group && node.nodePool === nodePool);
  const listed = of
    .filter(({ state }) => all || state !== 'down')
    .toSorted((one, other) => one.name.localeCompare(other.name, 'en', { numeric: true }));
  const names = shortNames(nodes.map(({ name }) => name));
  return [
    `${ink.heading(group ?? 'in no group')}${pool}  ${statesText(row, page)}`,
    ...(row.nodes.ready > 0 ? [wrap(freeText(row), columns, '  ')] : []),
    ...(listed.length > 0
      ? [
          table(
            listed.map((node) => nodeRow({ ...node, name: names.get(node.name) ?? node.name }, page)),
            { columns, indent: '  ', right: [4, 5], flexible: 0 },
          ),
        ]
      : []),
  ].join('\n');
}

/** The states in the order in which they are shown. */
const STATES: readonly NodeState[] = ['ready', 'draining', 'ineligible', 'initializing', 'disconnected', 'down'];

function statesText({ nodes }: Capacity, { ink }: Page): string {
  const told = STATES.filter((state) => nodes[state] > 0).map((state) => `${nodes[state]} ${state}`);
  return told.join(', ') || ink.quiet('no node');
}

function freeText({ free, largest, fits }: Capacity): string {
  const most = largest ? `; the largest slot is ${mhz(largest.cpu)} and ${size(largest.memoryMb)}` : '';
  const such = fits === undefined ? '' : `; ${count(fits, 'allocation')} of that size ${fits === 1 ? 'fits' : 'fit'}`;
  return `free: ${mhz(free.cpu)} and ${size(free.memoryMb)}${most}${such}`;
}

function nodeRow({ id, name, state, instanceId, allocations, free }: NodeCapacity, { ink }: Page) {
  const color = state === 'ready' ? ink.good : state === 'down' || state === 'disconnected' ? ink.bad : ink.warn;
  return [
    { text: name, ink: ink.heading },
    { text: state, ink: color },
    { text: instanceId ?? id.slice(0, 8), ink: ink.quiet },
    { text: count(allocations, 'alloc') },
    { text: mhz(free.cpu) },
    { text: `${size(free.memoryMb)} free` },
  ];
}

function withoutText(without: Nodes['withoutNode'], { columns, ink }: Page): string {
  const named = without.map(({ instanceId, state }) => `${instanceId} (${state})`).join(', ');
  const says = without.length === 1 ? 'no node names this instance' : 'no node names these instances';
  return ink.warn(wrap(`${says}: ${named}`, columns));
}

const mhz = (cpu: number): string => `${cpu} MHz`;
/** Memory, in MB or GB: a GB is 1,024 MB. */
const size = (megabytes: number): string =>
  Math.abs(megabytes) < 1024 ? `${megabytes} MB` : `${(megabytes / 1024).toFixed(1)} GB`;
