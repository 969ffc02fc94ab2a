import pMap from 'p-map';
import type { LogEnd, LoggedAllocation, LoggedNode, LogQuestion, Logs } from '../../core/queries/ports.ts';
import { type AllocationJson, toAllocation } from '../json/allocation.ts';
import type { NodeStub } from '../json/node.ts';
import { nodesNaming } from '../nodes/find-nodes.ts';
import { literal, quoted } from '../nodes/identity.ts';
import type { NomadReads } from '../read-only.ts';
import { readLogEnd } from './log-tail.ts';

/** Questions at once. */
const CONCURRENCY = 4;

/** The logs of tasks, by way of Nomad's servers. */
export class NomadLogs implements Logs {
  readonly #nomad: NomadReads;
  readonly #nodeMetaKey: string | undefined;

  /** @param nodeMetaKey a key of the node's own Meta that holds the instance id */
  constructor(nomad: NomadReads, nodeMetaKey: string | undefined) {
    this.#nomad = nomad;
    this.#nodeMetaKey = nodeMetaKey;
  }

  async beginningWith(prefix: string, most: number): Promise<LoggedAllocation[]> {
    const ids = (await this.#nomad.allocationIds(evenPart(prefix))).filter((id) => id.startsWith(prefix));
    const found = await pMap(ids.slice(0, most), (id) => this.#nomad.allocation(id), { concurrency: CONCURRENCY });
    return found.flatMap((json) => (json ? [toLogged(json)] : []));
  }

  async onNodes(where: { instanceId: string } | { node: string }): Promise<LoggedNode[]> {
    return pMap(
      await this.#nodes(where),
      async ({ ID: id, Name: name, Status: status }) => ({
        id,
        name,
        status,
        allocations: await this.#nomad.allocations(id, toLogged),
      }),
      { concurrency: CONCURRENCY },
    );
  }

  end(question: LogQuestion): Promise<LogEnd> {
    return readLogEnd(this.#nomad, question);
  }

  async #nodes(where: { instanceId: string } | { node: string }): Promise<NodeStub[]> {
    if ('instanceId' in where) return nodesNaming(this.#nomad, [where.instanceId], this.#nodeMetaKey);
    const { nodes } = await this.#nomad.nodes(
      `Name == ${quoted(where.node)} or ID matches ${quoted(`^${literal(where.node)}`)}`,
    );
    const named = nodes.filter(({ Name }) => Name === where.node);
    return named.length > 0 ? named : nodes;
  }
}

const toLogged = (json: AllocationJson): LoggedAllocation => ({ ...toAllocation(json), nodeId: json.NodeID });

/** Nomad looks for whole bytes only: "Input (without hyphens) must be even length". */
const evenPart = (prefix: string): string =>
  prefix.replaceAll('-', '').length % 2 === 0 ? prefix : prefix.slice(0, -1);
