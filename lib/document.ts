import { isDeepStrictEqual } from 'node:util';
import { type Duration, Token } from 'aws-cdk-lib';
import { type ConfigDocument, checkConfig, DEFAULT_RESTORE_SECONDS, LAUNCH_HOOK } from '../lambda/config/config.ts';
import { DURATIONS, inFull } from '../lambda/config/durations.ts';
import { afterDeadlineSeconds, globalCapSeconds, hookHolds } from '../lambda/core/decide/deadlines.ts';
import { DEFAULT_ADMISSION, type Policy } from '../lambda/core/model/policy.ts';
import { ConfigError, type ConfigProblem, formatProblem } from '../lambda/errors.ts';
import type { NomadDocument } from './access/nomad-document.ts';
import { groupTerms, hookOf, type SharedOptions, sharedTerms, type Terms } from './group-terms.ts';
import type { DrainedGroup, GroupOptions, LifecycleHookOptions } from './props.ts';

/**
 * What a field of the document is called by its author: as a property of the construct, or as a setting of the app.
 * Both are paths, with `*` for the place in a list. A field below one of these is called after it.
 */
export type FieldNames = Readonly<Record<string, string>>;

/** The configuration in the terms of the construct. */
export interface DocumentProps extends SharedOptions {
  readonly groups: readonly (DrainedGroup | GroupOptions)[];
  /** Of each group; may be tokens. */
  readonly groupNames: readonly string[];
  readonly nomad: NomadDocument;
  readonly hook?: LifecycleHookOptions;
  readonly launchHookName?: string;
  /** The name or the ARN of the bus to put events on. */
  readonly bus?: string;
}

/** The configuration document as it is written here: with one hook for all groups, and the whole policy of those without their own. */
export type WrittenDocument = Omit<ConfigDocument, 'groups'> & {
  groups: Omit<ConfigDocument['groups'][number], 'hook'>[];
  hook: { name: string; heartbeatTimeoutSeconds: number };
  policy: Policy;
};

/**
 * The configuration document. The defaults of the hook and the policy are written out, so that a template shows their values;
 * those of the notices are not, and of a group only what differs, because the environment is small.
 */
export function documentOf({
  groups,
  groupNames,
  nomad,
  hook,
  launchHookName,
  bus,
  ...options
}: DocumentProps): WrittenDocument {
  const { name, heartbeatTimeout } = hookOf(hook);
  const { policy, ...shared } = written(sharedTerms(options));
  const chooses = { ...DEFAULTS.chooses, ...shared.chooses };
  const admission = {
    ...DEFAULTS.admission,
    ...shared.admission,
    ...(launchHookName !== undefined && { hook: launchHookName }),
  };
  const others = { policy, ...shared, chooses, admission };
  const terms = groupTerms(groups, options).map(written);
  return {
    groups: groupNames.map((group, index) => ({
      name: group,
      ...partsThatDiffer(terms[index] ?? {}, others),
    })),
    hook: { name, heartbeatTimeoutSeconds: seconds(heartbeatTimeout) },
    nomad,
    policy,
    ...partsThatDiffer({ ...shared, admission }, DEFAULTS),
    ...(bus !== undefined && { events: { bus } }),
  };
}

const DEFAULTS = {
  notices: { spot: true, rebalance: 'off', maintenance: false, restoreSeconds: DEFAULT_RESTORE_SECONDS },
  chooses: { on: false, onlyIdle: false },
  admission: { on: false, hook: LAUNCH_HOOK.name as string, ...DEFAULT_ADMISSION, drivers: [] as string[] },
  purge: false,
};

/** What holds for a group in the terms of the document. */
function written({ policy, notices, idleFirst, admission, purgeNodes }: Terms) {
  const { deadline, killMargin, grace, ignoreSystemJobs, onTimeout, jobMeta } = policy;
  const { spot, rebalance, maintenance, restoreAfter } = notices;
  const onlyIdleFor = idleFirst?.onlyIdleFor;
  return {
    policy: {
      deadlineSeconds: seconds(deadline),
      killMarginSeconds: seconds(killMargin),
      graceSeconds: seconds(grace),
      ignoreSystemJobs,
      onTimeout: `${onTimeout}` as const,
      jobMeta,
    },
    notices: { spot, rebalance, maintenance, restoreSeconds: seconds(restoreAfter) },
    chooses: {
      on: idleFirst !== undefined,
      ...(idleFirst && { onlyIdle: onlyIdleFor !== undefined }),
      ...(onlyIdleFor && { onlyIdleForSeconds: seconds(onlyIdleFor) }),
    },
    admission: {
      on: admission !== undefined,
      ...(admission && {
        readyTimeoutSeconds: seconds(admission.readyTimeout),
        drivers: [...admission.drivers],
        awaitSystemJobs: admission.awaitSystemJobs,
      }),
    },
    purge: purgeNodes,
  } satisfies Partial<ConfigDocument>;
}

/** Of each part those fields that are not as in `others`; no part of which all are. */
function partsThatDiffer<Parts extends object>(
  parts: Parts,
  others: Partial<Record<keyof Parts, unknown>>,
): Partial<Parts> {
  const differing = Object.entries(parts).flatMap(([name, part]) => {
    const other = others[name as keyof Parts];
    if (typeof part !== 'object' || part === null) return part === other ? [] : [[name, part]];
    const fields = Object.entries(part).filter(
      ([field, value]) => !isDeepStrictEqual(value, (other as Record<string, unknown>)[field]),
    );
    return fields.length > 0 ? [[name, Object.fromEntries(fields)]] : [];
  });
  return Object.fromEntries(differing) as Partial<Parts>;
}

/** One token for each duration, so that what a group inherits is seen to be the same. */
const tokens = new WeakMap<Duration, number>();

/** Seconds, fractions and tokens included: the checks refuse those together with all other problems. */
function seconds(duration: Duration): number {
  if (!duration.isUnresolved()) return duration.toSeconds({ integral: false });
  const token = tokens.get(duration) ?? Token.asNumber(duration);
  tokens.set(duration, token);
  return token;
}

/**
 * Everything that is wrong with the document: what the function would refuse at cold start, and a hook that cannot hold an
 * instance until the drain deadline has passed. Empty where nothing is wrong.
 * @param document the configuration, which may hold tokens
 * @param names what the fields are called in the answer
 */
export function problemsOf(document: WrittenDocument, names: FieldNames): ConfigProblem[] {
  const refused = refusals(document);
  const problems = [...refused, ...capacityProblems(document, refused), ...choiceProblems(document)].map((problem) =>
    renamed(problem, names),
  );
  // Groups share the hook, and a policy: their problems are reported once.
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

function refusals(document: WrittenDocument): readonly ConfigProblem[] {
  try {
    checkConfig(JSON.parse(withoutTokens(document)));
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map((problem) => ofToken(problem, document));
    throw error;
  }
}

/** To the schema a token is a number of its own: what it says of that would mislead. */
function ofToken(problem: ConfigProblem, document: WrittenDocument): ConfigProblem {
  // biome-ignore lint/suspicious/noExplicitAny: a path may lead anywhere
  const value = problem.path.reduce((within: any, key) => within?.[key], document);
  if (typeof value !== 'number' || !Token.isUnresolved(value)) return problem;
  const message = 'is a token: a duration must be known at synthesis, because it is checked against the hook';
  return { ...problem, id: 'nomad-drain-hook:durationToken', message };
}

/** The document with a number for each token: valid in a name, a host and a port. An address that is a token becomes a URL. */
function withoutTokens(document: WrittenDocument): string {
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

/** The policy of each group, in their order. */
export const policiesOf = ({ groups, policy }: WrittenDocument): Policy[] =>
  groups.map((group) => ({ ...policy, ...(group.policy as Partial<Policy>) }));

function choiceProblems({ groups, chooses, nomad }: WrittenDocument): ConfigProblem[] {
  if (nomad.via !== 'ssm') return [];
  const message =
    'Nomad must be reached over HTTP: through instances no answer comes within the two seconds that Auto Scaling waits';
  return groups.flatMap((group, index): ConfigProblem[] => {
    if (!(group.chooses?.on ?? chooses?.on)) return [];
    const path = [...(group.chooses?.on ? ['groups', index] : []), 'chooses', 'on'];
    return [{ path, id: 'nomad-drain-hook:chooseNeedsHttp', message }];
  });
}

/** None where one of the durations is refused already: that says what is wrong. */
function capacityProblems(document: WrittenDocument, refused: readonly ConfigProblem[]): ConfigProblem[] {
  const { groups, hook } = document;
  const isDuration = ({ path }: ConfigProblem) => String(path.at(-1)) in DURATIONS;
  if (refused.some(isDuration)) return [];
  return policiesOf(document).flatMap((policy, index): ConfigProblem[] => {
    if (hookHolds(policy, hook.heartbeatTimeoutSeconds)) return [];
    const own = groups[index]?.policy;
    const isOwn = own?.deadlineSeconds !== undefined || own?.killMarginSeconds !== undefined;
    const path = [...(isOwn ? ['groups', index] : []), 'policy', 'deadlineSeconds'];
    const message = whyItCannotHold(policy, hook.heartbeatTimeoutSeconds);
    return [{ path, id: 'nomad-drain-hook:deadlineBeyondHook', message }];
  });
}

function whyItCannotHold(policy: Policy, timeout: number): string {
  const cap = globalCapSeconds(timeout);
  const margins = afterDeadlineSeconds(policy);
  const remedies = [
    ...(margins < cap ? ['shorten the deadline'] : []),
    ...(policy.killMarginSeconds > 0 ? ['shorten the kill margin'] : []),
    ...(cap < globalCapSeconds(DURATIONS.heartbeatTimeoutSeconds.most) ? ['lengthen the heartbeat timeout'] : []),
  ];
  return (
    `${inFull(policy.deadlineSeconds)} is more than the ${inFull(Math.max(0, cap - margins))} that the hook can hold: Auto ` +
    `Scaling holds an instance for ${inFull(cap)} (100 heartbeat timeouts of ${inFull(timeout)}, at most 48 h), and the last ` +
    `${inFull(margins)} of that are for what is killed at the deadline. You can ${remedies.join(', or ')}`
  );
}
