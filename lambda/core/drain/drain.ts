import pMap from 'p-map';
import { chunks, messageOf } from '../basics.ts';
import { decide } from '../decide/decide.ts';
import type { Clock } from '../model/clock.ts';
import { nodesOf, type Observation } from '../model/observation.ts';
import type { Termination } from '../model/termination.ts';
import type { Ports, RunOptions } from '../ports.ts';
import { execute } from './execute.ts';
import { isStopping, placeInPass, untilNextPass } from './polling.ts';
import type { Decided, Progress } from './progress.ts';
import { EventAnnouncer } from './publish-events.ts';
import { purgeAll } from './purge.ts';
import { recordPass } from './record-metrics.ts';
import { type Result, RunRecord } from './report.ts';
import { restoreEligibility } from './restore-eligibility.ts';
import { Batch } from './start-together.ts';

/** Instances served at once, so that a slow one does not hold up the others. As many as there are connections to Nomad. */
const CONCURRENCY = 8;
/** How long drains wait for each other, in milliseconds: a node that does not answer holds up no other for longer. */
const STARTS_TOGETHER_MS = 2_000;
/** The same for releases, which are proven by one look for all of them. */
const ENDS_TOGETHER_MS = 500;

/**
 * The story, in passes: find the waiting instances, observe their nodes, decide, carry out; until all are released or the time of this run
 * is up. Nothing is remembered from run to run: the next run goes on from what Auto Scaling and Nomad say. Never throws.
 */
export async function drain(ports: Ports, options: RunOptions): Promise<Result> {
  const { terminations, clock } = ports;
  const record = new RunRecord(options);
  const announcer = new EventAnnouncer(ports);
  const passes = new Passes(ports, options);
  let tidying = Promise.resolve();
  let missing = Promise.resolve();
  try {
    for (;;) {
      const waiting = inTurn(terminations.waiting(), clock);
      await ports.nodes.refresh(waiting);
      const progress = await passes.pass(await waiting);
      record.note(progress, await waiting, clock.now());
      record.retained(terminations.retained);
      if (passes.count === 1) missing = lookForMissing(ports, record);
      if (options.dryRun) break;

      recordPass(progress, ports.metrics, clock.now());
      await announcer.tell(progress, terminations.retained);
      // Beside the passes: no release waits for it.
      if (passes.count === 1) tidying = tidyUp(await waiting, ports, record);
      if (!(await somethingChanges(progress, ports, options))) break;
    }
  } catch (error) {
    // What has been seen until then is still reported and measured.
    if (passes.count === 0 || !clock.over) record.interrupted(error);
  } finally {
    await Promise.all([announcer.end(), tidying, missing, terminations.end()]);
  }
  return record.result();
}

/** Those that wait, in the order of their turns. */
async function inTurn(asked: Promise<readonly Termination[]>, clock: Clock): Promise<Termination[]> {
  const [waiting, now] = [await asked, clock.now()];
  return waiting.toSorted((one, other) => placeInPass(one.instanceId, now) - placeInPass(other.instanceId, now));
}

/** Once a run: what instances have left behind that came back, or have ended. Never throws. */
async function tidyUp(waiting: readonly Termination[], ports: Ports, record: RunRecord): Promise<void> {
  const [purged] = await Promise.all([purgeAll(ports), restoreEligibility(waiting, ports)]);
  record.purged(purged);
}

/** Once a run, where it is due: the instances in service that Nomad should know. Never throws: what is not known is not missing. */
async function lookForMissing(
  { missingClients, terminations, nodes, logger }: Ports,
  record: RunRecord,
): Promise<void> {
  if (!missingClients) return;
  try {
    record.missing(await missingClients(terminations.inService));
  } catch (error) {
    // Why Nomad does not answer is reported anyway.
    if (nodes.problems.length > 0) return;
    logger.warn('it is not known whether Nomad knows the instances in service', { because: messageOf(error) });
  }
}

/** Waits until another pass is worth it. @returns false if this run has nothing more to do, or no time */
async function somethingChanges(
  progress: readonly Progress[],
  { nodes, terminations, clock }: Ports,
  { until }: RunOptions,
): Promise<boolean> {
  const told = nodes.tellsChanges;
  const now = clock.now();
  const pause = untilNextPass(progress, now, { told, asksAgainAt: terminations.asksAgainAt });
  // Where Nomad tells, a run that has the time stays until its end.
  if (pause === undefined || now >= until || (now + pause > until && !told)) return false;
  await nodes.changed(Math.min(pause, until - now), { orAllocations: progress.some(isStopping) });
  return clock.now() < until;
}

/** The passes of one run. In each an instance is observed, decided about, and served by itself: its failure stops no other. */
class Passes {
  readonly #ports: Ports;
  readonly #options: RunOptions;
  /** Instances of which nothing changes before a known time. */
  readonly #settled = new Map<string, { progress: Progress; until: number }>();
  /** How many have ended. */
  count = 0;

  constructor(ports: Ports, options: RunOptions) {
    this.#ports = ports;
    this.#options = options;
  }

  async pass(waiting: readonly Termination[]): Promise<Progress[]> {
    const { clock } = this.#ports;
    const done = new Map<string, Progress>();
    const note = (progress: Progress) => done.set(progress.termination.instanceId, progress);
    const { dryRun } = this.#options;
    const finish = async (decided: Decided) => void note(dryRun ? decided : await this.#finish(decided));
    // All nodes are ineligible before the first service is moved: it would be moved onto the node that is next.
    const starts = new Batch<Decided>(clock, STARTS_TOGETHER_MS, (held) => each(held, finish));
    const ends = new Batch<Decided>(clock, ENDS_TOGETHER_MS, async (held) => {
      // Few at a time: where Nomad is slow, some are released in each run.
      for (const some of chunks(held, CONCURRENCY)) await each(await this.#prove(some), finish);
    });
    const all = pMap(
      waiting,
      async (termination) => {
        const decided = await this.#decide(termination);
        if (decided === undefined) return;
        if (restsOnProof(decided)) await ends.join(decided);
        else if (startsDrain(decided) && !dryRun) {
          if (waiting.length > 1) await this.#makeIneligible(decided);
          await starts.join(decided);
        } else await finish(decided);
      },
      { concurrency: CONCURRENCY },
    );
    await Promise.all([all, starts.begin(all), ends.begin(all)]);
    this.count += 1;
    return waiting.flatMap(({ instanceId }) => done.get(instanceId) ?? []);
  }

  /** The first look; undefined if the run has ended in the middle of it. */
  async #decide(termination: Termination): Promise<Decided | undefined> {
    const { nodes, clock } = this.#ports;
    const settled = this.#settled.get(termination.instanceId);
    if (settled && clock.now() < settled.until) return settled.progress;
    const seen = await nodes.observe(termination);
    if (this.#isCutOff(seen)) return undefined;
    // Where the token's permissions have not been read, the proof reads them.
    return this.#decided(termination, seen, nodes.permissions?.everyNamespace ?? true);
  }

  /** The second look. What it does not confirm is as it says. */
  async #prove(held: readonly Decided[]): Promise<Decided[]> {
    const { nodes, terminations } = this.#ports;
    const before = held.map(({ termination }) => termination);
    try {
      const waiting = await terminations.stillWaiting(before);
      const proven = await nodes.prove(waiting);
      return waiting.flatMap((termination) => {
        const { seen, seesEveryNamespace } = proven.get(termination.instanceId) ?? UNPROVEN;
        return this.#isCutOff(seen) ? [] : [this.#decided(termination, seen, seesEveryNamespace)];
      });
    } catch (error) {
      if (this.#isCutOff(UNPROVEN.seen)) return [];
      const seen: Observation = { is: 'unanswered', because: messageOf(error) };
      return before.map((termination) => this.#decided(termination, seen, false));
    }
  }

  /** The run has ended in the middle of a pass: the one before has served the instance, and the next run goes on. */
  #isCutOff({ is }: Observation): boolean {
    return is === 'unanswered' && this.#ports.clock.over && this.count > 0;
  }

  #decided(termination: Termination, seen: Observation, seesEveryNamespace: boolean): Decided {
    const now = this.#ports.clock.now();
    const decision = decide(termination, seen, { now, seesEveryNamespace });
    return { termination, seen, decision };
  }

  async #finish(decided: Decided): Promise<Progress> {
    const { termination, seen, decision } = decided;
    const carried = await execute(termination, seen, decision, this.#ports);
    const progress = { ...decided, ...carried };
    const until = 'until' in progress.decision ? progress.decision.until : undefined;
    if (until === undefined) this.#settled.delete(termination.instanceId);
    else this.#settled.set(termination.instanceId, { progress, until });
    return progress;
  }

  /** Never throws: what a node does not take is said by its drain. */
  async #makeIneligible({ termination, seen, decision }: Decided): Promise<void> {
    const { terminations, eligibility, logger } = this.#ports;
    const { instanceId, group } = termination;
    const ids = 'nodeIds' in decision ? decision.nodeIds : [];
    const eligible = nodesOf(seen).filter((node) => node.eligible && ids.includes(node.id));
    if (eligible.length === 0 || !(await terminations.waitsForUs(termination).catch(() => false))) return;
    for (const { id: nodeId } of eligible) {
      await eligibility.makeIneligible(nodeId).catch((error) => {
        const because = messageOf(error);
        logger.warn('services may be moved onto a node that is terminating too', {
          instanceId,
          nodeId,
          group,
          because,
        });
      });
    }
  }
}

const UNPROVEN = {
  seen: { is: 'unanswered', because: 'Nomad was not queried' } as Observation,
  seesEveryNamespace: false,
};

const each = async <T>(items: readonly T[], execute: (item: T) => Promise<void>): Promise<void> => {
  await pMap(items, execute, { concurrency: CONCURRENCY });
};

/**
 * Whether an instance would be released because nothing runs on it, not because it has ended, or its time is up; or put into service
 * because it is ready, or given up because it is not; or a drain would be cut short because all that is left has had its time.
 */
function restsOnProof({ termination, decision }: Decided): boolean {
  switch (decision.action) {
    case 'complete':
      return decision.outcome !== 'instance-gone' && decision.outcome !== 'timed-out';
    case 'make-eligible':
      return true;
    case 'start-drain':
      return termination.launch ? true : decision.order.how === 'shorten' && !termination.notice;
    default:
      return false;
  }
}

/** Whether a drain is about to start that may move services onto the nodes that are next. */
const startsDrain = ({ termination, decision }: Decided): boolean =>
  decision.action === 'start-drain' && decision.order.how === 'start' && termination.state.startsWith('Terminating');
