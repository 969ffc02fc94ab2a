import type { DeadNodes } from '../core/ports.ts';
import type { NomadApi } from './api.ts';
import { toRecord } from './json.ts';
import { INSTANCE_ID, nodesNaming } from './matches.ts';

/** A drained node whose client is gone: Nomad lists it for a day. */
const DEAD = 'SchedulingEligibility == "ineligible" and Status == "down"';

/** The nodes of instances that have ended, for the length of one run. */
export class EndedNodes implements DeadNodes {
  readonly #nomad: NomadApi;
  readonly #nodeMetaKey: string | undefined;

  constructor(nomad: NomadApi, nodeMetaKey: string | undefined) {
    this.#nomad = nomad;
    this.#nodeMetaKey = nodeMetaKey;
  }

  async drainedByUs(): Promise<{ nodeId: string; instanceId: string }[]> {
    const { nodes } = await this.#nomad.nodes(DEAD);
    return nodes.flatMap(({ ID: nodeId, LastDrain }) => {
      const instanceId = toRecord(LastDrain?.Meta ?? null)?.instanceId;
      return instanceId === undefined ? [] : [{ nodeId, instanceId }];
    });
  }

  async ofInstance(instanceId: string): Promise<{ nodeId: string; down: boolean }[]> {
    const nodes = await nodesNaming(this.#nomad, [instanceId], this.#nodeMetaKey);
    return nodes.map(({ ID: nodeId, Status }) => ({ nodeId, down: Status === 'down' }));
  }

  async purge(nodeId: string, instanceId: string): Promise<boolean> {
    const node = await this.#nomad.node(nodeId);
    if (node?.Status !== 'down') return false;
    const { Attributes, Meta, LastDrain } = node;
    // What the agent itself says comes first: a node may be drained for one instance and be another by then.
    const key = this.#nodeMetaKey;
    const named = Attributes?.[INSTANCE_ID] ?? (key && Meta?.[key]);
    if ((named ?? toRecord(LastDrain?.Meta ?? null)?.instanceId) !== instanceId) return false;
    await this.#nomad.purge(nodeId);
    return true;
  }
}
