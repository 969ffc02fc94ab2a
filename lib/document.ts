import { type Duration, Token } from 'aws-cdk-lib';
import { type ConfigDocument, checkConfig, DEFAULT_RESTORE_SECONDS } from '../lambda/config/config.ts';
import { DURATIONS, inFull } from '../lambda/config/durations.ts';
import { afterDeadlineSeconds, globalCapSeconds, hookHolds } from '../lambda/core/decide/deadlines.ts';
import { DEFAULT_POLICY, type Policy } from '../lambda/core/model/policy.ts';
import { ConfigError, type ConfigProblem, formatProblem } from '../lambda/errors.ts';
import type { NomadDocument } from './access/nomad-document.ts';
import {
  type DrainPolicy,
  hookOf,
  type IdleFirstOptions,
  idleFirstOf,
  type LifecycleHookOptions,
  type NoticeOptions,
  noticesOf,
} from './props.ts';

/**
 * What a field of the document is called by its author: as a property of the construct, or as a setting of the app.
 * Both are paths, with `*` for the place in a list. A field below one of these is called after it.
 */
export type FieldNames = Readonly<Record<string, string>>;

/** The configuration in the terms of the construct. */
export interface DocumentProps {
  readonly groupNames: readonly string[];
  readonly nomad: NomadDocument;
  readonly hook?: LifecycleHookOptions;
  readonly policy?: DrainPolicy;
  readonly notices?: NoticeOptions;
  readonly purgeNodes?: boolean;
  readonly chooseIdleFirst?: boolean | IdleFirstOptions;
  /** The name or the ARN of the bus to put events on. */
  readonly bus?: string;
}

/**
 * The configuration document. The defaults of the hook and the policy are written out, so that a template shows their values;
 * those of the notices are not, because the environment is small.
 */
export function documentOf({
  groupNames,
  nomad,
  hook,
  policy = {},
  notices,
  purgeNodes = false,
  chooseIdleFirst,
  bus,
}: DocumentProps): ConfigDocument & { policy: Policy } {
  const { name, heartbeatTimeout } = hookOf(hook);
  const { deadline, killMargin, grace, ignoreSystemJobs, onTimeout } = policy;
  return {
    groups: groupNames.map((group) => ({
      name: group,
      hook: name,
      heartbeatTimeoutSeconds: seconds(heartbeatTimeout),
    })),
    nomad,
    policy: {
      ...DEFAULT_POLICY,
      ...(deadline && { deadlineSeconds: seconds(deadline) }),
      ...(killMargin && { killMarginSeconds: seconds(killMargin) }),
      ...(grace && { graceSeconds: seconds(grace) }),
      ...(ignoreSystemJobs !== undefined && { ignoreSystemJobs }),
      ...(onTimeout && { onTimeout: `${onTimeout}` as const }),
    },
    ...differingNotices(notices),
    ...choices(chooseIdleFirst),
    ...(purgeNodes && { purge: purgeNodes }),
    ...(bus !== undefined && { events: { bus } }),
  };
}

/** The field of the document, where anything in it is not by default. */
function differingNotices(options: NoticeOptions | undefined): Pick<ConfigDocument, 'notices'> {
  const { spot, rebalance, maintenance, restoreAfter } = noticesOf(options);
  const restoreSeconds = seconds(restoreAfter);
  const notices = {
    ...(!spot && { spot }),
    ...(rebalance && { rebalance }),
    ...(maintenance && { maintenance }),
    ...(restoreSeconds !== DEFAULT_RESTORE_SECONDS && { restoreSeconds }),
  };
  return Object.keys(notices).length > 0 ? { notices } : {};
}

/** The field of the document, where anything is chosen. */
function choices(given: boolean | IdleFirstOptions | undefined): Pick<ConfigDocument, 'chooses'> {
  const options = idleFirstOf(given);
  if (!options) return {};
  const { onlyIdleFor } = options;
  return {
    chooses: { on: true, ...(onlyIdleFor && { onlyIdle: true, onlyIdleForSeconds: seconds(onlyIdleFor) }) },
  };
}

/** Seconds, fractions and tokens included: the checks refuse those together with all other problems. */
const seconds = (duration: Duration) =>
  duration.isUnresolved() ? Token.asNumber(duration) : duration.toSeconds({ integral: false });

/**
 * Everything that is wrong with the document: what the function would refuse at cold start, and a hook that cannot hold an
 * instance until the drain deadline has passed. Empty where nothing is wrong.
 * @param document the configuration, which may hold tokens
 * @param names what the fields are called in the answer
 */
export function problemsOf(document: ConfigDocument & { policy: Policy }, names: FieldNames): ConfigProblem[] {
  const refused = refusals(document);
  const problems = [...refused, ...capacityProblems(document, refused), ...choiceProblems(document)].map((problem) =>
    renamed(problem, names),
  );
  // All groups share one hook: its problems are reported once.
  return [...new Map(problems.map((problem) => [formatProblem(problem), problem])).values()];
}

function renamed(problem: ConfigProblem, names: FieldNames): ConfigProblem {
  const { path } = problem;
  const pattern = path.map((key) => (typeof key === 'number' ? '*' : key));
  for (let length = path.length; length > 0; length -= 1) {
    const name = names[pattern.slice(0, length).join('.')];
    if (name === undefined) continue;
    const places = path.slice(0, length).filter((key) => typeof key === 'number');
    const keys = name.split('.').map((key) => (key === '*' ? (places.shift() ?? key) : key));
    return { ...problem, path: [...keys, ...path.slice(length)] };
  }
  return problem;
}

function refusals(document: ConfigDocument): readonly ConfigProblem[] {
  try {
    checkConfig(JSON.parse(withoutTokens(document)));
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map((problem) => ofToken(problem, document));
    throw error;
  }
}

/** To the schema a token is a number of its own: what it says of that would mislead. */
function ofToken(problem: ConfigProblem, document: ConfigDocument): ConfigProblem {
  // biome-ignore lint/suspicious/noExplicitAny: a path may lead anywhere
  const value = problem.path.reduce((within: any, key) => within?.[key], document);
  if (typeof value !== 'number' || !Token.isUnresolved(value)) return problem;
  const message = 'is a token: a duration must be known at synthesis, because it is checked against the hook';
  return { ...problem, id: 'nomad-drain-hook:durationToken', message };
}

/** The document with a number for each token: valid in a name, a host and a port. An address that is a token becomes a URL. */
function withoutTokens(document: ConfigDocument): string {
  const withScheme = (address: string) => address.replace(/^(?=\$\{Token\[)/, 'https://');
  const { nomad: access } = document;
  const nomad =
    access.via !== 'http'
      ? access
      : {
          ...access,
          address: withScheme(access.address),
          ...(access.fallbackAddresses && { fallbackAddresses: access.fallbackAddresses.map(withScheme) }),
        };
  return JSON.stringify({ ...document, nomad }).replaceAll(/\$\{Token\[[\w.-]*?(\d+)\]\}/g, '$1');
}

function choiceProblems({ chooses, nomad }: ConfigDocument): ConfigProblem[] {
  if (!chooses?.on || nomad.via !== 'ssm') return [];
  const message =
    'Nomad must be reached over HTTP: through instances no answer comes within the two seconds that Auto Scaling waits';
  return [{ path: ['chooses', 'on'], id: 'nomad-drain-hook:chooseNeedsHttp', message }];
}

/** None where one of the durations is refused already: that says what is wrong. */
function capacityProblems(
  { groups, policy }: Pick<ConfigDocument, 'groups'> & { policy: Policy },
  refused: readonly ConfigProblem[],
): ConfigProblem[] {
  const timeout = groups[0]?.heartbeatTimeoutSeconds;
  const isDuration = ({ path }: ConfigProblem) => String(path.at(-1)) in DURATIONS;
  if (timeout === undefined || hookHolds(policy, timeout) || refused.some(isDuration)) return [];
  const cap = globalCapSeconds(timeout);
  const margins = afterDeadlineSeconds(policy);
  const remedies = [
    ...(margins < cap ? ['shorten the deadline'] : []),
    ...(policy.killMarginSeconds > 0 ? ['shorten the kill margin'] : []),
    ...(cap < globalCapSeconds(DURATIONS.heartbeatTimeoutSeconds.most) ? ['lengthen the heartbeat timeout'] : []),
  ];
  const message =
    `${inFull(policy.deadlineSeconds)} is more than the ${inFull(Math.max(0, cap - margins))} that the hook can hold: Auto ` +
    `Scaling holds an instance for ${inFull(cap)} (100 heartbeat timeouts of ${inFull(timeout)}, at most 48 h), and the last ` +
    `${inFull(margins)} of that are for what is killed at the deadline. You can ${remedies.join(', or ')}`;
  return [{ path: ['policy', 'deadlineSeconds'], id: 'nomad-drain-hook:deadlineBeyondHook', message }];
}
