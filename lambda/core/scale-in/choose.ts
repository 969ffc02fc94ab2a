import { messageOf } from '../basics.ts';
import { say } from '../explain.ts';
import type { Clock } from '../model/clock.ts';
import type { DrainEvent } from '../model/drain-event.ts';
import type { EventPublisher, Logger, Metrics } from '../ports.ts';
import { type Candidate, type Client, isBuild, type Running, runsOf } from './candidate.ts';
import type { EarlierRuns, RunLimits } from './durations.ts';
import type { IdleWait } from './idle-wait.ts';
import { type Chosen, rank } from './rank.ts';

/** What Auto Scaling asks the function of a termination policy. */
export interface TerminationQuestion {
  group: string;
  /** Why instances go: `SCALE_IN`, `INSTANCE_REFRESH`, `MAX_INSTANCE_LIFETIME` or `REBALANCE`. */
  cause: string;
  /** How many instances of each pool have to go: of a zone and market option. */
  wanted: ReadonlyMap<string, number>;
  /** The instances that may go, in Auto Scaling's order. */
  suggested: readonly Suggested[];
}

/** An instance that Auto Scaling suggests. */
export type Suggested = Pick<Candidate, 'instanceId' | 'pool'>;

/** What Nomad says of the instances that may go. */
export interface Known {
  candidates: readonly Candidate[];
  /** All clients of the cluster. */
  clients: readonly Client[];
}

/** The clients of a group, as this story needs them, for the length of one run. */
export interface Clients {
  /** @throws Error if Nomad does not answer in time, or the token does not see everything */
  read(suggested: readonly Suggested[]): Promise<Known>;
  /** How long earlier runs of the same jobs took, as far as Nomad still has them. */
  earlierRuns(builds: readonly Running[]): Promise<EarlierRuns>;
  /** The `max_run_duration` of the builds on these clients, as far as their jobs can be read: of many jobs only some are. Never fails. */
  runLimitsOf(clients: readonly Client[]): Promise<RunLimits>;
}

export interface ChooseOptions {
  clients: Clients;
  clock: Clock;
  logger: Logger;
  metrics: Metrics;
  publisher: Pick<EventPublisher, 'send'>;
  /** Waits for builds to end, if it is set. */
  idleWait?: IdleWait | undefined;
}

/**
 * Answers which instances go: exactly as many as are wanted, or Auto Scaling would choose among them by its next policy. If Nomad
 * does not say enough in time, those that Auto Scaling suggests, in its order. Never throws.
 */
export async function choose(question: TerminationQuestion, options: ChooseOptions): Promise<string[]> {
  const { clock, logger, metrics, publisher, idleWait } = options;
  const about = { run: 'choose', group: question.group };
  let chosen: Chosen[];
  try {
    chosen = await bestFirst(question, options);
  } catch (error) {
    return asSuggested(question, messageOf(error), options);
  }
  const waited = idleWait?.limit(question, chosen, clock.now());
  if (waited?.until !== undefined) {
    const left = chosen.length - waited.chosen.length;
    const because = `${left} more have to go: their builds have ${say((waited.until - clock.now()) / 1000)} to end`;
    logger.info('waiting for idle instances', { ...about, because });
  }
  const going = waited?.chosen ?? chosen;
  for (const { instanceId, place, because } of going) {
    logger.info('instance chosen', { ...about, instanceId, place, because });
  }
  metrics.add('ChoicesAnswered', 1);
  await publisher.send(going.map((each) => eventOf(each, question.group, clock.now())));
  return going.map(({ instanceId }) => instanceId);
}

const eventOf = ({ instanceId, place, because }: Chosen, group: string, at: number): DrainEvent => ({
  type: 'chosen',
  at,
  because,
  times: {},
  detail: { instanceId, group, place, nodeId: null, allocations: [], allocationCount: 0 },
});

/** Auto Scaling's own order: more than are wanted, so that its next policy chooses among them. */
export function asSuggested(
  { group, suggested }: TerminationQuestion,
  because: string,
  { logger, metrics }: Pick<ChooseOptions, 'logger' | 'metrics'>,
): string[] {
  metrics.add('ChoicesFellBack', 1);
  logger.warn('Auto Scaling chooses', { run: 'choose', group, because });
  return suggested.map(({ instanceId }) => instanceId);
}

async function bestFirst(
  { wanted, suggested }: TerminationQuestion,
  { clients: port, clock, logger }: ChooseOptions,
): Promise<Chosen[]> {
  const { candidates, clients } = await port.read(suggested);
  const now = clock.now();
  const chosen = rank(candidates, { wanted, clients, earlier: new Map(), limits: new Map(), now });
  if (!chosen.some(({ place }) => place === 'busy')) return chosen;
  // Only now does it matter which build ends first.
  const builds = candidates.flatMap(runsOf).filter(isBuild);
  const mayBeBusy = candidates
    .flatMap((each) => each.clients)
    .filter(({ eligible, draining }) => eligible && !draining);
  const [earlier, limits] = await Promise.all([
    port.earlierRuns(builds).catch((error): EarlierRuns => {
      logger.warn('earlier runs are unknown', { run: 'choose', because: messageOf(error) });
      return new Map();
    }),
    port.runLimitsOf(mayBeBusy),
  ]);
  return rank(candidates, { wanted, clients, earlier, limits, now });
}
