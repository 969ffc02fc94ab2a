import type { Decision, Outcome } from './decide.ts';
import type { Allocation, NomadNode, Observation } from './nomad/node.ts';
import type { Termination } from './termination.ts';

/** The function's answer. */
export interface Report {
  /** What the run was: for one instance's event, for all, or only a look. */
  run: 'event' | 'sweep' | 'status' | 'nothing';
  instances: InstanceReport[];
  /** What somebody should look at, such as a token that is too narrow. */
  warnings: string[];
  /** Why there was nothing to do, where that needs saying. */
  because?: string;
}

/** What became of one waiting instance in this run. */
export interface InstanceReport {
  instanceId: string;
  group: string;
  /** The Nomad node, null where none is known. */
  nodeId: string | null;
  /** The last thing done; `start-drain` stays when the run then only waited. In a status report: what would be done. */
  action: Decision['action'];
  /** How the wait ended, where the action is `complete`. */
  outcome?: Outcome;
  because: string;
  /** The allocations that keep the instance alive, as far as they were asked for. */
  remaining: Remaining[];
}

export interface Remaining {
  id: string;
  job: string;
  namespace: string;
  taskGroup: string;
  type: string;
  status: string;
  runningSeconds: number;
}

export function toInstanceReport(
  termination: Termination,
  observation: Observation,
  decision: Decision,
  remaining: Remaining[],
): InstanceReport {
  return {
    instanceId: termination.instanceId,
    group: termination.group,
    nodeId: nodeOf(observation)?.id ?? null,
    action: decision.action,
    ...(decision.action === 'complete' && { outcome: decision.outcome }),
    because: decision.because,
    remaining: decision.action === 'complete' ? [] : remaining,
  };
}

export const nodeOf = (observation: Observation): NomadNode | undefined =>
  observation.is === 'present' ? observation.node : undefined;

export const toRemaining = (allocation: Allocation, now: number): Remaining => ({
  id: allocation.id,
  job: allocation.job,
  namespace: allocation.namespace,
  taskGroup: allocation.taskGroup,
  type: allocation.jobType,
  status: allocation.clientStatus,
  runningSeconds: Math.max(0, Math.round((now - allocation.createdAt) / 1000)),
});
