import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startNomad } from '../emulators/real-nomad/agent.ts';
import { giveBack, type Site } from './site.ts';

const DRAINER = 'node { policy = "write" }\nnamespace "*" { capabilities = ["read-job"] }';

/** A real Nomad, and its command line. */
export interface RealSite extends Site {
  /** Runs `nomad` with these words. @returns when it ended, by `Date.now()` */
  command(...words: string[]): Promise<number>;
}

interface Allocation {
  ClientStatus: string;
  TaskStates: Record<string, { FinishedAt: string | null }> | null;
}

/** An agent of this binary, with one server and so many clients. Needs root. */
export async function real(binary: string, count: number): Promise<RealSite> {
  const instanceIds = Array.from({ length: count }, (_, index) => `i-${(index + 1).toString(16).repeat(17)}`);
  const nomad = await startNomad(binary, instanceIds);
  const directory = mkdtempSync(join(tmpdir(), 'nomad-bench-'));
  const { address, managementToken } = nomad;
  const ask = async <T>(method: string, path: string, body?: object): Promise<T> => {
    const headers = { 'X-Nomad-Token': managementToken };
    const response = await fetch(address + path, { method, headers, ...(body && { body: JSON.stringify(body) }) });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return (text ? JSON.parse(text) : undefined) as T;
  };
  await ask('POST', '/v1/acl/policy/drainer', { Name: 'drainer', Rules: DRAINER });
  const spec = { Name: 'drainer', Type: 'client', Policies: ['drainer'] };
  const { SecretID } = await ask<{ SecretID: string }>('POST', '/v1/acl/token', spec);

  /** Asks for the allocation of a job until it is in this state. */
  const allocation = async (job: string, status: string): Promise<Allocation> => {
    for (;;) {
      const [found] = await ask<Allocation[]>('GET', `/v1/job/${job}/allocations`);
      if (found?.ClientStatus === status) return found;
      await sleep(100);
    }
  };
  let builds = 0;
  return {
    of: `Nomad ${nomad.version}`,
    address,
    token: SecretID,
    nodes: nomad.nodes.map(({ id, instanceId }) => ({ nodeId: id, instanceId })),
    build: async (nodeId) => {
      const job = `build-${++builds}`;
      const end = join(directory, job);
      await ask('POST', '/v1/jobs', { Job: jobOf(job, nodeId, `until [ -e ${end} ]; do sleep 0.02; done`) });
      await allocation(job, 'running');
      return async () => {
        writeFileSync(end, '');
        const { TaskStates } = await allocation(job, 'complete');
        return Date.parse(TaskStates?.t?.FinishedAt ?? '');
      };
    },
    giveBack: async () => {
      for (const { id } of nomad.nodes) await giveBack(address, id, managementToken);
    },
    command: async (...words) => {
      const env = { ...process.env, NOMAD_ADDR: address, NOMAD_TOKEN: managementToken };
      const child = spawn(binary, words, { env, stdio: 'ignore' });
      await once(child, 'exit');
      return Date.now();
    },
    close: async () => {
      await nomad.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function jobOf(job: string, nodeId: string, script: string): object {
  const task = {
    Name: 't',
    Driver: 'raw_exec',
    Config: { command: '/bin/sh', args: ['-c', script] },
    Resources: { CPU: 20, MemoryMB: 20 },
  };
  // biome-ignore lint/suspicious/noTemplateCurlyInString: Nomad interpolates it
  const Constraints = [{ LTarget: '${node.unique.id}', RTarget: nodeId, Operand: '=' }];
  const group = { Name: 'g', Count: 1, RestartPolicy: { Attempts: 0, Mode: 'fail' }, Tasks: [task] };
  return { ID: job, Name: job, Type: 'batch', Datacenters: ['*'], Constraints, TaskGroups: [group] };
}
