import type { Allocation, Task } from '../../../lambda/core/model/allocation.ts';
import type { Decision } from '../../../lambda/core/model/decision.ts';
import type { Drain, NomadNode } from '../../../lambda/core/model/node.ts';
import type { Observation } from '../../../lambda/core/model/observation.ts';
import { DEFAULT_POLICY, type Policy } from '../../../lambda/core/model/policy.ts';
import type { Termination } from '../../../lambda/core/model/termination.ts';

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
/** The wait began here; every time below counts from it. */
export const START = Date.parse('2026-03-01T09:00:00Z');
export const at = (ms: number) => START + ms;

export const policy: Policy = { ...DEFAULT_POLICY };

export const waiting = (more: Partial<Termination> = {}): Termination => ({
  instanceId: 'i-0123456789abcdef0',
  group: 'builders',
  hook: 'nomad-drain',
  state: 'Terminating:Wait',
  held: true,
  since: START,
  policy,
  heartbeatTimeoutSeconds: 1800,
  ec2: 'running',
  ...more,
});

/** Nobody could tell since when it waits. */
export const undated = (more: Partial<Termination> = {}): Termination => {
  const { since: _, ...termination } = waiting(more);
  return termination;
};

export const allocation = (clientStatus: string, more: Partial<Allocation> = {}): Allocation => ({
  id: 'a1',
  job: 'build-42',
  jobType: 'batch',
  namespace: 'default',
  taskGroup: 'build',
  clientStatus,
  desiredStatus: 'run',
  migrating: false,
  stopsLast: more.jobType === 'system',
  createdAt: START,
  changedAt: START,
  tasks: [],
  ...more,
});

/** What a drain has told to stop. */
export const stopping = (clientStatus: string, more: Partial<Allocation> = {}): Allocation =>
  allocation(clientStatus, { desiredStatus: 'stop', migrating: true, ...more });

/** A failed build with a task that runs after it. */
export const uploading = (state: string): Allocation =>
  allocation('failed', { tasks: [task('build', 'dead'), { ...task('upload', state), poststop: true }] });

export const task = (name: string, state: string): Task => ({ name, state, poststop: false });

export const node = (more: Partial<NomadNode> = {}): Observation => ({
  is: 'present',
  nodes: [{ id: 'n1', name: 'client-a', status: 'ready', eligible: !more.drain, ...more }],
});

/** Two nodes that both say that they are the instance. */
export const both = (one: Partial<NomadNode>, other: Partial<NomadNode>): Observation => ({
  is: 'present',
  nodes: [
    { id: 'n2', name: 'client-b', status: 'ready', eligible: !other.drain, ...other },
    { id: 'n1', name: 'client-a', status: 'ready', eligible: !one.drain, ...one },
  ],
});

export const theirs = (more: Partial<Drain> = {}): Drain => ({
  status: 'draining',
  startedAt: START,
  updatedAt: START,
  ...more,
});

export const drain = (status: Drain['status'], more: Partial<Drain> = {}): Drain => ({
  status,
  startedAt: START,
  updatedAt: START + 10 * MINUTE,
  ours: { instanceId: 'i-0123456789abcdef0', waitingSince: START, deadlineAt: START + 6 * HOUR },
  ...more,
});

export const drained = (allocations: Allocation[], more: Partial<Drain> = {}, copying: Allocation[] = []) =>
  node({ drain: drain('complete', more), allocations, copying });

/** A service that Nomad cannot place elsewhere, since then. */
export const homeless = (since: number) =>
  allocation('running', {
    job: 'web',
    jobType: 'service',
    taskGroup: 'g',
    blocked: { because: 'no eligible node in pool default', since: at(since) },
  });

export interface Situation {
  when: string;
  termination?: Termination;
  nomad: Observation;
  now?: number;
  policy?: Partial<Policy>;
  blind?: boolean;
  decision: Partial<Decision>;
}

export const done = (outcome: string, result = 'CONTINUE') =>
  ({ action: 'complete', outcome, result }) as Partial<Decision>;
export const start = (deadlineSeconds: number, how = 'start') =>
  ({ action: 'start-drain', order: { how, deadlineSeconds } }) as Partial<Decision>;
export const force = { action: 'start-drain', order: { how: 'force' } } as Partial<Decision>;
export const wait = { action: 'wait' } as Partial<Decision>;
