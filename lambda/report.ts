import type { Policy } from './config.ts';
import type { Decision, Outcome } from './decide.ts';
import { type Allocation, type NomadNode, type Observation, remaining } from './nomad/node.ts';
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

/** What one run has done, as it goes on. */
export class RunRecord {
  readonly #policy: Policy;
  readonly #instances = new Map<string, InstanceReport>();
  readonly #unserved = new Map<string, string>();

  constructor(policy: Policy) {
    this.#policy = policy;
  }

  /** Notes what was decided for an instance in one look; the last look counts, but a drain that was started stays said. */
  note(termination: Termination, seen: Observation, decision: Decision, now: number): void {
    const { instanceId, group } = termination;
    const node = nodeOf(seen);
    const started = this.#instances.get(instanceId)?.action === 'start-drain' && decision.action === 'wait';
    const left = node && decision.action !== 'complete' ? remaining(node, this.#policy) : [];
    this.#instances.set(instanceId, {
      instanceId,
      group,
      nodeId: node?.id ?? null,
      action: started ? 'start-drain' : decision.action,
      ...(decision.action === 'complete' && { outcome: decision.outcome }),
      because: decision.because,
      remaining: left.map((allocation) => toRemaining(allocation, now)),
    });

    const failed = decision.action === 'error' || (decision.action === 'wait' && decision.unserved);
    if (failed) this.#unserved.set(instanceId, `${instanceId}: ${decision.because}`);
    else this.#unserved.delete(instanceId);
  }

  result(): Result {
    return { instances: [...this.#instances.values()], unserved: [...this.#unserved.values()] };
  }
}

export interface Result {
  instances: InstanceReport[];
  /** Of each instance that the run could not serve: which, and why. */
  unserved: string[];
}

export const nodeOf = (observation: Observation): NomadNode | undefined =>
  observation.is === 'present' ? observation.node : undefined;

const toRemaining = (allocation: Allocation, now: number): Remaining => ({
  id: allocation.id,
  job: allocation.job,
  namespace: allocation.namespace,
  taskGroup: allocation.taskGroup,
  type: allocation.jobType,
  status: allocation.clientStatus,
  runningSeconds: Math.max(0, Math.round((now - allocation.createdAt) / 1000)),
});
