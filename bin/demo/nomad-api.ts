import { setTimeout as sleep } from 'node:timers/promises';

/** What the audience of the demo asks Nomad, and what sets its scene. The function itself asks by its own client. */
export interface NomadApi {
  /** What runs on a node, and what ran there. */
  allocationsOn(nodeId: string): Promise<Allocation[]>;
  /** How a build has ended; undefined while it runs. */
  buildEnded(job: string): Promise<Ended | undefined>;
  idleNodes(driver: string): Promise<{ id: string; name: string }[]>;
  setMeta(nodeId: string, key: string, value: string | null): Promise<void>;
  /** Resolves when the servers know of the metadata: a client tells them of it within ten seconds. */
  knowsMeta(nodeId: string, key: string): Promise<void>;
  runBuild(job: string, nodeId: string, seconds: number): Promise<void>;
  /** Ends a drain that is on, and makes the node eligible. */
  putBack(nodeId: string): Promise<void>;
  purge(job: string): Promise<void>;
}

/** By itself, or because it was stopped, or its node died. */
export type Ended = 'finished' | 'killed';

export interface Allocation {
  id: string;
  job: string;
  /** When it came to the node, in milliseconds since the epoch. */
  cameAt: number;
  /** Absent while it runs. */
  ended?: Ended;
  /** When it last changed, so when it ended, if it has. In milliseconds since the epoch. */
  changedAt: number;
}

interface AllocationStub {
  ID: string;
  JobID: string;
  /** Nanoseconds since the epoch, both. */
  CreateTime: number;
  ModifyTime: number;
  ClientStatus: string;
  DesiredStatus: string;
}

interface NodeStub {
  ID: string;
  Name: string;
  Status: string;
  SchedulingEligibility: string;
  Drain: boolean;
  Drivers: Record<string, { Healthy: boolean }>;
}

const hasEnded = ({ ClientStatus }: AllocationStub) => ['complete', 'failed', 'lost'].includes(ClientStatus);

const endOf = ({ ClientStatus, DesiredStatus }: AllocationStub): Ended =>
  ClientStatus === 'complete' && DesiredStatus === 'run' ? 'finished' : 'killed';

/** How often the servers are asked whether they know of metadata, and how long apart, in milliseconds. */
const META_TRIES = 60;
const META_PAUSE_MS = 500;
/** How long one question may take, in milliseconds. */
const TIMEOUT_MS = 10_000;
const NANOS_PER_MS = 1e6;

/**
 * @param token a Nomad token that may write nodes and submit jobs, where ACLs are on
 * @param signal nothing more is asked once it is aborted; what is being asked is answered first, and so known to be done
 */
export function nomadApi(address: string, token?: string, signal?: AbortSignal): NomadApi {
  const ask = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    signal?.throwIfAborted();
    const response = await fetch(new URL(path, address), {
      method,
      signal: AbortSignal.timeout(TIMEOUT_MS),
      headers: token ? { 'X-Nomad-Token': token } : {},
      ...(body !== undefined && { body: JSON.stringify(body) }),
    }).catch((error: Error) => {
      throw new Error(`Nomad at ${address} does not answer: ${String(error.cause ?? error.message)}`);
    });
    if (!response.ok) throw new Error(`Nomad: ${method} ${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  };
  const allocationsOn = (nodeId: string) => ask<AllocationStub[]>('GET', `/v1/node/${nodeId}/allocations`);

  return {
    allocationsOn: async (nodeId) =>
      (await allocationsOn(nodeId)).map((stub) => ({
        id: stub.ID,
        job: stub.JobID,
        cameAt: stub.CreateTime / NANOS_PER_MS,
        changedAt: stub.ModifyTime / NANOS_PER_MS,
        ...(hasEnded(stub) && { ended: endOf(stub) }),
      })),

    async buildEnded(job) {
      const allocations = await ask<AllocationStub[]>('GET', `/v1/job/${job}/allocations`);
      if (allocations.length === 0 || !allocations.every(hasEnded)) return undefined;
      return allocations.some((each) => endOf(each) === 'finished') ? 'finished' : 'killed';
    },

    async idleNodes(driver) {
      const ready = (await ask<NodeStub[]>('GET', '/v1/nodes')).filter(
        ({ Status, SchedulingEligibility, Drivers }) =>
          Status === 'ready' && SchedulingEligibility === 'eligible' && Drivers[driver]?.Healthy,
      );
      const idle: { id: string; name: string }[] = [];
      for (const { ID, Name } of ready) {
        if ((await allocationsOn(ID)).every(hasEnded)) idle.push({ id: ID, name: Name });
      }
      return idle;
    },

    async setMeta(nodeId, key, value) {
      await ask('POST', `/v1/client/metadata?node_id=${nodeId}`, { NodeID: nodeId, Meta: { [key]: value } });
    },

    async knowsMeta(nodeId, key) {
      for (let tries = 0; tries < META_TRIES; tries++) {
        const { Meta } = await ask<{ Meta: Record<string, string> | null }>('GET', `/v1/node/${nodeId}`);
        if (Meta?.[key] !== undefined) return;
        await sleep(META_PAUSE_MS);
      }
      throw new Error(`Nomad: the client of node ${nodeId} has not sent its metadata to its servers`);
    },

    async runBuild(job, nodeId, seconds) {
      const task = {
        Name: 'build',
        Driver: 'raw_exec',
        Config: { command: '/bin/sh', args: ['-c', `sleep ${seconds}`] },
        Resources: { CPU: 20, MemoryMB: 20 },
      };
      const Job = {
        ID: job,
        Name: job,
        Type: 'batch',
        Datacenters: ['*'],
        // biome-ignore lint/suspicious/noTemplateCurlyInString: Nomad interpolates it
        Constraints: [{ LTarget: '${node.unique.id}', RTarget: nodeId, Operand: '=' }],
        TaskGroups: [{ Name: 'build', Count: 1, Tasks: [task] }],
      };
      await ask('POST', '/v1/jobs', { Job });
    },

    async putBack(nodeId) {
      const { Drain, SchedulingEligibility } = await ask<NodeStub>('GET', `/v1/node/${nodeId}`);
      // Nomad makes no node eligible that drains: the drain ends first, or in the same request.
      if (Drain) await ask('POST', `/v1/node/${nodeId}/drain`, { DrainSpec: null, MarkEligible: true });
      else if (SchedulingEligibility !== 'eligible')
        await ask('POST', `/v1/node/${nodeId}/eligibility`, { Eligibility: 'eligible' });
    },

    async purge(job) {
      await ask('DELETE', `/v1/job/${job}?purge=true`);
    },
  };
}
