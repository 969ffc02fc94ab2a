import { en } from 'zod/locales';
import * as z from 'zod/mini';
import { DEFAULT_ADMISSION, DEFAULT_POLICY, type Policy } from '../core/model/policy.ts';
import { ConfigError, type ConfigProblem, type ProblemId } from '../errors.ts';
import { DURATIONS, durationRefusal } from './durations.ts';
import { groupName, hookName, refusal, someText } from './names.ts';
import { nomad } from './nomad-access.ts';

/** The environment variable with the whole configuration, as JSON. */
export const CONFIG_VARIABLE = 'NOMAD_DRAIN_HOOK';

/** The default of `notices.restoreSeconds`: an hour. */
export const DEFAULT_RESTORE_SECONDS = 3600;

/** The default of `chooses.onlyIdleForSeconds`: a quarter of an hour. An instance refresh fails after an hour of waiting. */
const DEFAULT_ONLY_IDLE_SECONDS = 900;

// The small zod brings no messages of its own.
z.config(en());

const seconds = (field: keyof typeof DURATIONS) =>
  z.number().check(
    z.superRefine((amount, context) => {
      const { id } = DURATIONS[field];
      const message = durationRefusal(DURATIONS[field], amount);
      if (message) context.addIssue({ code: 'custom', message, params: { id } });
    }),
  );

const heartbeatTimeoutSeconds = z.optional(seconds('heartbeatTimeoutSeconds'));

/** The hook of all groups that name none: a plain template cannot write it into each of a list of groups. */
const sharedHook = z.strictObject({ name: hookName, heartbeatTimeoutSeconds });

const policy = z.partial(
  z.strictObject({
    deadlineSeconds: seconds('deadlineSeconds'),
    killMarginSeconds: seconds('killMarginSeconds'),
    graceSeconds: seconds('graceSeconds'),
    ignoreSystemJobs: z.boolean(),
    onTimeout: z.enum(['CONTINUE', 'ABANDON']),
    jobMeta: z.boolean(),
  }) satisfies z.ZodMiniType<Policy>,
);

/** What AWS says before an instance goes, and which of it is acted on. */
const notices = z.partial(
  z.strictObject({
    /** Spot interruption warnings: drain at once. */
    spot: z.boolean(),
    /** Rebalance recommendations for Spot instances: drain, or only make the node ineligible. */
    rebalance: z.enum(['off', 'drain', 'cordon']),
    /** Scheduled maintenance of the instance's host: drain before it starts. */
    maintenance: z.boolean(),
    /** How long after a notice its node is made eligible again, if its instance is still in service, in seconds. */
    restoreSeconds: seconds('restoreSeconds'),
  }),
);

const DEFAULT_NOTICES = {
  spot: true,
  rebalance: 'off',
  maintenance: false,
  restoreSeconds: DEFAULT_RESTORE_SECONDS,
} as const;

/** Which instances go, where a group asks the function as its termination policy. */
const chooses = z.partial(
  z.strictObject({
    /** The group should ask: the status warns if it does not. */
    on: z.boolean(),
    /** Only idle ones, so that the group waits for builds to end. */
    onlyIdle: z.boolean(),
    /** How long it waits, in seconds: then the others go too, those whose builds end soonest first. */
    onlyIdleForSeconds: seconds('onlyIdleForSeconds'),
  }),
);

const DEFAULT_CHOOSES = { on: false, onlyIdle: false, onlyIdleForSeconds: DEFAULT_ONLY_IDLE_SECONDS } as const;

/** Whether instances are put into service only when their nodes are ready, by a launching hook. */
const admission = z.partial(
  z.strictObject({
    on: z.boolean(),
    /** The name of the launching hook. */
    hook: hookName,
    /** Of that hook, in seconds. */
    heartbeatTimeoutSeconds: seconds('heartbeatTimeoutSeconds'),
    readyTimeoutSeconds: seconds('readyTimeoutSeconds'),
    drivers: z.array(someText),
    awaitSystemJobs: z.boolean(),
  }),
);

/** The default name of the launching hook, and its heartbeat timeout in seconds: Auto Scaling goes on without us after that time. */
export const LAUNCH_HOOK = { name: 'nomad-ready', heartbeatTimeoutSeconds: 300 } as const;

const NO_ADMISSION = {
  on: false,
  hook: LAUNCH_HOOK.name,
  heartbeatTimeoutSeconds: LAUNCH_HOOK.heartbeatTimeoutSeconds,
  ...DEFAULT_ADMISSION,
} as const;

/** What holds for the instances of a group: what its group leaves out is as the document says for all groups. */
const ofGroup = {
  policy: z.optional(policy),
  notices: z.optional(notices),
  chooses: z.optional(chooses),
  admission: z.optional(admission),
  /** Remove nodes from Nomad that are down because their instance was terminated. */
  purge: z.optional(z.boolean()),
};

const group = z.strictObject({
  name: groupName,
  hook: hookName,
  heartbeatTimeoutSeconds,
  ...ofGroup,
});

const document = z.strictObject({
  groups: z.array(group).check(
    z.refine(({ length }) => length > 0, refusal('nomad-drain-hook:noGroup', 'must name at least one group')),
    z.superRefine((groups, context) => {
      const names = groups.map(({ name }) => name);
      for (const twice of new Set(names.filter((each, index) => names.indexOf(each) !== index))) {
        context.addIssue({
          code: 'custom',
          message: `group ${twice} is named more than once`,
          params: { id: 'nomad-drain-hook:groupTwice' satisfies ProblemId },
        });
      }
    }),
  ),
  hook: z.optional(sharedHook),
  nomad,
  ...ofGroup,
  /** The bus for events about drains; without it none are sent. */
  events: z.optional(z.strictObject({ bus: z.string().check(z.minLength(1), z.maxLength(1600)) })),
});

type Document = z.output<typeof document>;
/** With every field. */
type Filled<T> = { [Field in keyof T]-?: Exclude<T[Field], undefined> };

/** What holds for a group, or for every group that does not say otherwise. */
interface Terms {
  policy: Policy;
  notices: Filled<z.output<typeof notices>>;
  chooses: Filled<z.output<typeof chooses>>;
  admission: Filled<z.output<typeof admission>>;
  purge: boolean;
}

export type GroupConfig = Omit<Document['groups'][number], keyof Terms> & Terms;

/** A lifecycle hook of a group, with what holds there. */
export type HookConfig = Pick<GroupConfig, 'name' | 'hook' | 'heartbeatTimeoutSeconds' | 'policy'> & {
  /** It holds instances on their way in. */
  launching?: true;
};

/** What tells a hook from all others: a group may have one of each kind. */
export const hookKey = (group: string, hook: string): string => `${group} ${hook}`;

/** The hooks that a group should have. */
export const hooksOf = (group: GroupConfig): HookConfig[] =>
  [group, launchHookOf(group)].filter((hook) => hook !== undefined);

/** The launching hook of a group; undefined where its instances are put into service whether their nodes are ready or not. */
export const launchHookOf = ({ name, policy, admission }: GroupConfig): HookConfig | undefined =>
  admission.on
    ? {
        name,
        policy,
        hook: admission.hook,
        heartbeatTimeoutSeconds: admission.heartbeatTimeoutSeconds,
        launching: true,
      }
    : undefined;

/** The function's configuration, with every default, and in each group its hook and all that holds for it. */
export type Config = Omit<Document, 'hook' | 'groups' | keyof Terms> & { groups: GroupConfig[] };
/** The configuration as it may be written: fields with a default may be left out. */
export type ConfigDocument = z.input<typeof document>;
export type NomadConfig = Config['nomad'];
/** Nomad over HTTP: by the address of its servers, or through the clients of the groups. */
export type HttpConfig = Extract<NomadConfig, { via: 'http' | 'clients' }>;

/**
 * Reads the configuration document from the value of the environment variable {@link CONFIG_VARIABLE}.
 * @throws ConfigError naming every field that is missing or wrong
 */
export function parseConfig(text: string | undefined): Config {
  if (!text) throw unreadable(`${CONFIG_VARIABLE} is not set`);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw unreadable(`${CONFIG_VARIABLE} is not JSON: ${(error as Error).message}`);
  }
  return checkConfig(json);
}

const unreadable = (message: string) => new ConfigError([{ path: [], id: undefined, message }]);

/**
 * Checks a configuration document and fills in the defaults.
 * @throws ConfigError naming every field that is missing or wrong
 */
export function checkConfig(json: unknown): Config {
  const { data, error } = document.safeParse(withHooks(json));
  if (error) throw new ConfigError(error.issues.map(problemOf));
  const { hook: _, groups, policy: _p, notices: _n, chooses: _c, admission: _a, purge: _u, ...config } = data;
  const ofAll = terms(data, DEFAULT_TERMS);
  const filledIn = groups.map((each) => ({ ...each, ...terms(each, ofAll) }));
  const twice = filledIn.filter(({ hook, admission }) => admission.on && admission.hook === hook);
  if (twice.length > 0) throw new ConfigError(twice.map(hookTwice));
  return { ...config, groups: filledIn };
}

const hookTwice = ({ name, hook }: GroupConfig): ConfigProblem => ({
  path: ['admission', 'hook'],
  id: 'nomad-drain-hook:hookName',
  message: `must differ from the terminating hook of group ${name}: ${hook}`,
});

const DEFAULT_TERMS: Terms = {
  policy: DEFAULT_POLICY,
  notices: DEFAULT_NOTICES,
  chooses: DEFAULT_CHOOSES,
  admission: { ...NO_ADMISSION, drivers: [] },
  purge: false,
};

const terms = (own: Pick<Document, keyof Terms>, others: Terms): Terms => ({
  policy: filled(own.policy, others.policy),
  notices: filled(own.notices, others.notices),
  chooses: filled(own.chooses, others.chooses),
  admission: filled(own.admission, others.admission),
  purge: own.purge ?? others.purge,
});

/** Those fields of `own` that are given, the rest from `others`. */
const filled = <T extends object>(own: { [Field in keyof T]?: T[Field] | undefined } = {}, others: T): T => ({
  ...others,
  ...Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined)),
});

function problemOf(issue: z.core.$ZodIssue): ConfigProblem {
  const { path, message } = issue;
  const id = issue.code === 'custom' ? issue.params?.id : undefined;
  return {
    path: path.length > 0 ? path : [CONFIG_VARIABLE],
    // Zod itself refuses only what the types of the construct refuse too.
    id: id ?? 'nomad-drain-hook:badValue',
    message,
  };
}

/** Writes the shared hook into each group that names none. A wrong document stays as it is, for the schema to refuse. */
function withHooks(json: unknown): unknown {
  const { groups, hook } = (json ?? {}) as { groups?: unknown; hook?: { name?: unknown } };
  if (!Array.isArray(groups) || hook?.name === undefined) return json;
  const { name, ...timeout } = hook;
  return {
    ...(json as object),
    groups: groups.map((each) => (each?.hook ? each : { ...each, hook: name, ...timeout })),
  };
}

/** Writes the configuration document: what {@link parseConfig} reads back as the same value. */
export function formatConfig(config: ConfigDocument): string {
  checkConfig(config);
  return JSON.stringify(config);
}
