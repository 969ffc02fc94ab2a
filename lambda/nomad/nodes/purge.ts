import type { EndedNodes } from '../../core/ports.ts';
import type { NomadApi } from '../api.ts';
import { ourRecord } from '../json/node.ts';
import { instanceOf } from './identity.ts';

/** A drained node whose client is gone: Nomad lists it for a day. */
const DEAD = 'SchedulingEligibility == "ineligible" and Status == "down"';

/** The nodes of instances that have ended, for the length of one run. */
export class NomadEndedNodes implements EndedNodes {
  readonly #nomad: NomadApi;
  readonly #nodeMetaKey: string | undefined;
  readonly #deployment: string;
  readonly #isPurged: (group: string | undefined) => boolean;

  /**
   * @param deployment whose drains are ours
   * @param isPurged whether nodes of this group are purged; undefined for a drain whose record names none
   */
  constructor(
    nomad: NomadApi,
    nodeMetaKey: string | undefined,
    deployment: string,
    isPurged: (group: string | undefined) => boolean,
  ) {
    this.#nomad = nomad;
    this.#nodeMetaKey = nodeMetaKey;
    this.#deployment = deployment;
    this.#isPurged = isPurged;
  }

  async drainedByUs(): Promise<{ nodeId: string; instanceId: string }[]> {
    const { nodes } = await this.#nomad.nodes(DEAD);
    return nodes.flatMap((node) => {
      const record = ourRecord(node, this.#deployment);
      return record && this.#isPurged(record.group) ? [{ nodeId: node.ID, instanceId: record.instanceId }] : [];
    });
  }

  async purge(nodeId: string, instanceId: string): Promise<boolean> {
    const node = await this.#nomad.node(nodeId);
    if (node?.Status !== 'down' || ourRecord(node, this.#deployment)?.instanceId !== instanceId) return false;
    // A node may be drained for one instance and be another by then.
    if (instanceOf(node, this.#nodeMetaKey) !== instanceId) return false;
    await this.#nomad.purge(nodeId);
    return true;
  }
}
