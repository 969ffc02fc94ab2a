import type { Client, Running } from '../../lambda/core/scale-in/candidate.ts';
import { RunTimes } from '../../lambda/core/scale-in/durations.ts';

/** Clients, and what runs on them, for tests of what is pure. */

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const NOW = Date.parse('2026-03-01T09:00:00Z');

let registered = 0;

export const client = (name: string, more: Partial<Client> = {}): Client => ({
  id: `node-${name}`,
  name,
  status: 'ready',
  eligible: true,
  draining: false,
  nodePool: 'default',
  datacenter: 'dc1',
  nodeClass: '',
  drivers: [],
  hostVolumes: new Map(),
  enforcesLimits: true,
  registered: ++registered,
  free: { cpu: 1000, memoryMb: 1000 },
  runs: [],
  ...more,
});

export const run = (job: string, jobType: string, ranMs = 5 * MINUTE, memoryMb = 100): Running => ({
  id: `of-${job}`,
  job,
  jobType,
  namespace: 'default',
  taskGroup: 'g',
  stopping: false,
  createdAt: NOW - ranMs,
  takes: { cpu: 100, memoryMb },
});

export const build = (job = 'build', ranMs = 5 * MINUTE) => run(job, 'batch', ranMs);
export const service = (job = 'web', memoryMb = 100) => run(job, 'service', MINUTE, memoryMb);
export const system = run('node-exporter', 'system');

/** Runs that ended by themselves. */
export const took = (...ms: number[]) => new RunTimes(ms.map((each) => ({ ms: each, ended: true })));

export const FULL = { free: { cpu: 0, memoryMb: 0 } };
