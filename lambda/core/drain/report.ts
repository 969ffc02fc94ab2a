import { inIso, messageOf } from '../basics.ts';
import { afterDeadlineSeconds, globalCapSeconds, limitsOf } from '../decide/deadlines.ts';
import { say, toReport } from '../explain.ts';
import type { AllocationReport, TaskGroup } from '../model/allocation.ts';
import type { EpochMs } from '../model/clock.ts';
import type { Decision, Outcome } from '../model/decision.ts';
import { deadlineOf, remaining } from '../model/node.ts';
import type { Notice } from '../model/notice.ts';
import { nodeOf, nodesOf, type Observation, sinceOf } from '../model/observation.ts';
import type { Launch, Termination } from '../model/termination.ts';
import type { MissingClient, RetainedInstance, RunOptions } from '../ports.ts';
import { shortened, within } from '../short.ts';
import type { Killed, Progress } from './progress.ts';
import type { PurgedNode } from './purge.ts';

/** The function's answer. */
export interface Report {
  /** The kind of run: `event`, `sweep`, `notice`, `status`, `dryRun`, `warm`, or `nothing`. */
  run: string;
  /** When that was seen. ISO 8601, UTC. */
  at?: string;
  /** The groups that the run is about: in a sweep and in `status` all that are configured. */
  groups?: string[];
  instances: InstanceReport[];
  /** The instances that are on their way into service, where they wait for our launching hook; absent if there are none. */
  joining?: InstanceReport[];
  /** Instances in service that Nomad has no live node of, though they have run for ten minutes, if there are any. At most twenty. */
  missing?: { instanceId: string; group: string; launchedAt: string }[];
  /** Instances that Auto Scaling retains until you terminate them to look at, if there are any. */
  retained?: readonly RetainedInstance[];
  /** Nodes that were removed from Nomad, because their instances have ended; absent if there are none. */
  purged?: readonly PurgedNode[];
  /** What an operator should fix, such as a token that is too narrow. */
  warnings: string[];
  /** Why there was nothing to do. */
  because?: string;
  /** The client or the instance that has answered for Nomad, in a report that a command asked for. Absent where servers are asked. */
  through?: string;
  /** Of the function, in a report that a command asked for. Absent in those of functions that do not say it yet. */
  version?: string;
}

/** What happened to one waiting instance in this run. */
export interface InstanceReport {
  instanceId: string;
  group: string;
  /** Our lifecycle hook of the group. */
  hook: string;
  /** Where it goes, if it is on its way in. */
  into?: Launch['into'];
  /** What AWS has said of it, if Auto Scaling does not hold it for us. */
  notice?: Notice['kind'];
  /** The Nomad node, null if none is known. */
  nodeId: string | null;
  /** Absent where no node is known. */
  nodeName?: string;
  /** Since when Auto Scaling waits for us. ISO 8601, UTC; absent if unknown. */
  waitingSince?: string;
  /** When Nomad kills what still runs. ISO 8601, UTC; absent while no drain is on, if it is unknown, or never. */
  deadlineAt?: string;
  /** When the drain is forced if something still runs then: the deadline plus the kill margin. ISO 8601, UTC. */
  forceAt?: string;
  /** When the instance is released as the policy says, whatever still runs. ISO 8601, UTC. */
  giveUpAt?: string;
  /** The latest deadline after which the hook still holds the instance for killing and forcing what is left. ISO 8601, UTC. */
  latestDeadlineAt?: string;
  /** Auto Scaling holds no instance longer. ISO 8601, UTC. */
  capAt?: string;
  /** The last thing done; `start-drain` stays when the run then only waited. In a dry run: what would be done. */
  action: Decision['action'];
  /** How the wait ended, if the action is `complete`. */
  outcome?: Outcome;
  because: string;
  /** In a dry run: what would be done now, in words. */
  would?: string;
  /** What will not resolve by itself. */
  stuck?: string;
  /** The run could not serve it: Nomad or AWS did not answer, or it is not known which node is the instance. */
  unserved?: true;
  /** The allocations that keep the instance alive, as far as they were read. */
  remaining: AllocationReport[];
  /** Those that did not end by themselves, if there are any. */
  killed?: (AllocationReport & { stderr?: string })[];
  /** The services that the drain has stopped, and that run nowhere now, if there are any. */
  nowhere?: readonly TaskGroup[];
}

/** CloudWatch takes records of 256 kB. In bytes. */
const MOST_IN_RECORD = 200_000;

/** The instances as the last record of a run has them. */
export function inLog(instances: readonly InstanceReport[]): { instances: object[]; instancesLeftOut?: number } {
  const all = instances.map(({ remaining: left, ...instance }) => shortened({ ...instance, remaining: left.length }));
  const { kept, leftOut } = within(all, MOST_IN_RECORD);
  return { instances: kept, ...(leftOut > 0 && { instancesLeftOut: leftOut }) };
}

/** Records what a run does. */
export class RunRecord {
  /** The record then says what would be done. */
  readonly #dryRun: boolean;
  readonly #instances = new Map<string, InstanceReport>();
  readonly #purged: PurgedNode[] = [];
  #retained: readonly RetainedInstance[] = [];
  #missing: readonly MissingClient[] | undefined;
  #waits = new Map<string, Wait>();
  #interrupted: string | undefined;

  constructor({ dryRun }: Pick<RunOptions, 'dryRun'>) {
    this.#dryRun = dryRun;
  }

  /**
   * Notes the progress of a pass. The last pass counts, but a drain that was started stays in the record.
   * @param waiting also those that the pass did not come to
   */
  note(progress: readonly Progress[], waiting: readonly Termination[], now: number): void {
    for (const each of progress) this.#noteOne(each, now);
    const wait = new Set(waiting.map(({ instanceId }) => instanceId));
    for (const { unserved, ...left } of this.#instances.values()) {
      if (!unserved || wait.has(left.instanceId)) continue;
      this.#instances.set(left.instanceId, { ...left, because: 'it no longer waits for our hook' });
    }
    const before = this.#waits;
    this.#waits = new Map(
      waiting.filter(isLeaving).map(({ instanceId }) => [instanceId, before.get(instanceId) ?? {}]),
    );
    for (const { termination, seen, decision } of progress) {
      if (decision.action === 'complete') this.#waits.delete(termination.instanceId);
      else if (isLeaving(termination)) {
        const { forceAt } = this.#limitsOf(termination, seen);
        const dueAt = nodeOf(seen)?.drain?.ours?.forcedAt ?? forceAt;
        this.#waits.set(termination.instanceId, { since: sinceOf(termination, seen), dueAt });
      }
    }
  }

  #noteOne({ termination, seen, decision, killed = [], nowhere = [] }: Progress, now: number): void {
    const { instanceId, group, hook } = termination;
    const node = nodeOf(seen);
    const started = this.#instances.get(instanceId)?.action === 'start-drain' && decision.action === 'wait';
    const failed = decision.action === 'error' || (decision.action === 'wait' && decision.unserved && !decision.until);
    const left =
      decision.action === 'complete' ? [] : nodesOf(seen).flatMap((each) => remaining(each, termination.policy));
    this.#instances.set(instanceId, {
      instanceId,
      group,
      hook,
      ...(termination.launch && { into: termination.launch.into }),
      ...(termination.notice && { notice: termination.notice.kind }),
      nodeId: node?.id ?? null,
      ...(node && { nodeName: node.name }),
      ...inIso({ waitingSince: sinceOf(termination, seen), deadlineAt: deadlineOf(node?.drain) }),
      ...(decision.action !== 'complete' && inIso(this.#limitsOf(termination, seen))),
      action: started ? 'start-drain' : decision.action,
      ...(decision.action === 'complete' && { outcome: decision.outcome }),
      because: decision.because,
      ...(this.#dryRun && { would: would(decision) }),
      ...('stuck' in decision && { stuck: decision.stuck }),
      ...(failed && { unserved: true as const }),
      remaining: left.map((allocation) => toReport(allocation, now)),
      ...(killed.length > 0 && { killed: killed.map((each) => toKilledReport(each, now)) }),
      ...(nowhere.length > 0 && { nowhere }),
    });
  }

  /** What comes if nothing ends: of an instance that waits, since a time that is known. */
  #limitsOf(
    termination: Termination,
    seen: Observation,
  ): { forceAt?: EpochMs; giveUpAt?: EpochMs; latestDeadlineAt?: EpochMs; capAt?: EpochMs } {
    const { notice, completed, heartbeatTimeoutSeconds, policy } = termination;
    const since = sinceOf(termination, seen);
    if (notice || completed || since === undefined) return {};
    const { forceAt, giveUpAt } = limitsOf(nodeOf(seen)?.drain, since, heartbeatTimeoutSeconds, policy);
    const capAt = since + globalCapSeconds(heartbeatTimeoutSeconds) * 1000;
    return { forceAt, giveUpAt, latestDeadlineAt: capAt - afterDeadlineSeconds(policy) * 1000, capAt };
  }

  missing(clients: readonly MissingClient[]): void {
    this.#missing = clients;
  }

  retained(instances: readonly RetainedInstance[]): void {
    this.#retained = instances;
  }

  purged(nodes: readonly PurgedNode[]): void {
    this.#purged.push(...nodes);
  }

  /** The run cannot go on. */
  interrupted(error: unknown): void {
    this.#interrupted = messageOf(error);
  }

  result(): Result {
    const instances = [...this.#instances.values()];
    return {
      instances,
      unserved: instances.filter(({ unserved }) => unserved),
      waits: [...this.#waits.values()],
      purged: this.#purged,
      retained: this.#retained,
      missing: this.#missing,
      ...(this.#interrupted !== undefined && { interrupted: this.#interrupted }),
    };
  }
}

/** Auto Scaling holds it for us on its way out. */
const isLeaving = ({ notice, completed, launch }: Termination): boolean => !notice && !completed && !launch;

/** On its way into service, or into a warm pool. */
export const isJoining = ({ into }: InstanceReport): boolean => into !== undefined;

/** How long an instance has waited, as far as that is known. */
interface Wait {
  since?: EpochMs | undefined;
  /** When its drain is forced, or has been: nothing should be left then. */
  dueAt?: EpochMs | undefined;
}

export interface Result {
  /** Those on their way out, and those on their way in. */
  instances: InstanceReport[];
  /** Those of them that the run could not serve. */
  unserved: InstanceReport[];
  /** The instances that are left. */
  waits: readonly Wait[];
  purged: readonly PurgedNode[];
  retained: readonly RetainedInstance[];
  /** Undefined if that was not asked, or Nomad did not answer. */
  missing: readonly MissingClient[] | undefined;
  /** Why the run could not go on, if it could not. */
  interrupted?: string;
}

const toKilledReport = ({ allocation, stderr }: Killed, now: number) => ({
  ...toReport(allocation, now),
  ...(stderr !== undefined && { stderr }),
});

function would(decision: Decision): string {
  switch (decision.action) {
    case 'start-drain': {
      const { order } = decision;
      if (order.how === 'force') return 'force the drain: what still runs is killed';
      const deadline = `a deadline of ${say(order.deadlineSeconds)}`;
      if (order.how === 'shorten' || order.how === 'extend') return `${order.how} the current drain to ${deadline}`;
      return order.how === 'start' ? `start the drain with ${deadline}` : `request the drain again with ${deadline}`;
    }
    case 'cordon':
      return 'make the node ineligible, and drain nothing';
    case 'make-eligible':
      return 'make the node eligible';
    case 'complete':
      if (decision.outcome === 'admitted') return 'put the instance into service, or into its warm pool';
      if (decision.outcome === 'abandoned') return 'abandon the instance, so that Auto Scaling replaces it';
      return `release the instance: ${decision.outcome}, ${decision.result}`;
    case 'wait':
      return 'wait';
    case 'error':
      return 'leave the instance alone, and fail the run';
  }
}
