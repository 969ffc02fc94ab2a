import type { DescribeOptions } from './aws/terminations/describe-terminations.ts';
import { announced, noticed } from './aws/terminations/find-noticed.ts';
import { asIfWaiting, everyWaiting, type FindWaiting, waitingOfEvent } from './aws/terminations/find-terminations.ts';
import { type Config, hooksOf } from './config/config.ts';
import { named } from './core/explain.ts';
import type { EpochMs } from './core/model/clock.ts';
import type { Command } from './core/queries/command.ts';
import { noticesOf } from './events/notices.ts';
import type { Wake } from './events/parse-event.ts';
import type { ObserverOptions } from './nomad/nodes/observe.ts';

/** An event starts the drain of one instance, sees whether its node is idle, and ends. Milliseconds. */
const EVENT_MS = 5_000;
/**
 * A sweep with waiting instances stays awake until four seconds before the next, in milliseconds: the next sweep, in the same environment,
 * then remembers its heartbeats and what has been reported. No run lasts longer.
 */
export const SWEEP_MS = 56_000;
/** The time limit of a query, in milliseconds: an operator is waiting for its answer. */
const QUERY_MS = 25_000;
/** The function that answers as a termination policy has a timeout of five seconds. */
const WARM_MS = 4_000;
/** Auto Scaling waits two seconds for its termination policy, in milliseconds. */
export const TERMINATION_POLICY_MS = 1_400;
/** Lambda lets a function start for ten seconds, in milliseconds: one that is older when it is first invoked was started beforehand. */
export const START_MS = 10_000;
/** After that it does not wait any longer, and chooses by itself, in milliseconds: docs/decisions/0007-who-goes.md. */
export const AUTO_SCALING_WAITS_MS = 2_000;

/** What every run has. */
interface AnyRun {
  /** What the run is called, in the log and in its report. */
  name: string;
  /** The instance that it is about, if it is about one. */
  subject?: { instanceId: string; group?: string };
  /** How long it takes at most, in milliseconds. */
  budgetMs: number;
}

/** A run that serves instances, or reports how it would. */
export interface Serving extends AnyRun {
  does: 'serve';
  /** Finds the instances. @param until how long it may take */
  find(options: DescribeOptions, until: EpochMs): FindWaiting;
  /** What a pass begins with: the whole fleet, the nodes of one instance, or nothing. */
  scope: ObserverOptions['scope'];
  /** It changes nothing, and reports what it would do. */
  dryRun: boolean;
  /** Each node is observed as if its instance were to be released: for a dry run, and for notices, which need every drain's deadline. */
  thorough: boolean;
  /** It reads every group's hook. The others use the configured heartbeat timeouts where they have no time to read them. */
  hooks: 'of all groups' | 'read' | 'as configured';
  /** Heartbeats: all of them, or only where the hook would lapse before the first sweep. */
  heartbeats: 'all' | 'until the sweep';
  /** It also looks for instances in service that Nomad should know and does not: always, or every fifth minute. */
  missing: 'always' | 'sometimes' | 'never';
  /** It also looks after what no event is about: nodes to make eligible again or to purge, and the fleet's metrics. */
  sweeps: boolean;
  /** Why there is nothing to do, if no instance is found. */
  notFound?: string;
}

/** Whether a run is one that the alias for queries lets through. */
export const isQuery = (run: Run): boolean =>
  run.does === 'answer' || run.does === 'nothing' || (run.does === 'serve' && run.dryRun);

/** What the function does about what has invoked it. */
export type Run =
  | Serving
  | (AnyRun & { does: 'answer'; command: Command })
  | (AnyRun & { does: 'get ready' })
  | (AnyRun & { does: 'nothing'; because: string });

/** The kinds of runs: one case for each. All that differs between them is here. */
export function runFor(wake: Wake, config: Config, now: number): Run {
  const { groups } = config;
  switch (wake.kind) {
    case 'event': {
      const { instanceId, group, hook, launching } = wake.event;
      const served = groups.flatMap(hooksOf);
      if (!served.some((each) => each.name === group && each.hook === hook && each.launching === launching)) {
        return nothing(`group ${group} with hook ${hook} is not configured`, wake.event);
      }
      return {
        ...SERVING,
        name: 'event',
        subject: wake.event,
        budgetMs: EVENT_MS,
        find: (options, until) => waitingOfEvent(options, wake.event, until),
        scope: { instanceId },
        dryRun: wake.dryRun,
        thorough: wake.dryRun,
        hooks: 'as configured',
        heartbeats: 'until the sweep',
      };
    }
    case 'sweep':
    case 'status': {
      const dryRun = wake.kind === 'status' || wake.dryRun;
      return {
        ...SERVING,
        name: wake.kind,
        budgetMs: SWEEP_MS,
        find: (options) =>
          everyWaiting(options, {
            maintenance: announced(options),
            shouldAsk: wake.kind === 'status',
            dryRun,
          }),
        scope: 'fleet',
        dryRun,
        thorough: dryRun,
        hooks: 'of all groups',
        sweeps: wake.kind === 'sweep',
        missing: dryRun ? 'always' : 'sometimes',
      };
    }
    case 'notice': {
      const subject = { instanceId: named(wake.said.instanceIds) };
      const asked = noticesOf(wake.said, groups, now);
      if ('because' in asked) return nothing(asked.because, subject);
      const served = asked.notices.size === groups.length ? 'the groups served here' : 'a group that acts on it';
      return {
        ...SERVING,
        name: 'notice',
        subject,
        budgetMs: SWEEP_MS,
        find: (options) => noticed(options, wake.said.instanceIds, asked.notices),
        dryRun: wake.dryRun,
        thorough: true,
        hooks: 'as configured',
        notFound: `not in ${served}: ${subject.instanceId}`,
      };
    }
    case 'dryRun': {
      const { instanceId } = wake;
      return {
        ...SERVING,
        name: 'dryRun',
        subject: { instanceId },
        budgetMs: SWEEP_MS,
        find: (options) => asIfWaiting(options, instanceId),
        scope: { instanceId },
        dryRun: true,
        thorough: true,
        notFound: `Auto Scaling has no instance ${instanceId} in the groups served here`,
      };
    }
    case 'command':
      return { does: 'answer', name: wake.command.command, command: wake.command, budgetMs: QUERY_MS };
    case 'warm':
      return { does: 'get ready', name: 'warm', budgetMs: WARM_MS };
    case 'nothing':
      return nothing(wake.because);
  }
}

/** What holds for a run that serves instances, unless its case says otherwise. */
const SERVING = {
  does: 'serve',
  scope: undefined,
  hooks: 'read',
  heartbeats: 'all',
  missing: 'never',
  sweeps: false,
} as const;

const nothing = (because: string, subject?: AnyRun['subject']): Run => ({
  does: 'nothing',
  name: 'nothing',
  ...(subject && { subject }),
  budgetMs: 0,
  because,
});
