import { en } from 'zod/locales';
import * as z from 'zod/mini';
import { DEFAULT_POLICY, type Policy } from '../core/model/policy.ts';
import { ConfigError, type ConfigProblem, type ProblemId } from '../errors.ts';
import { DURATIONS, durationRefusal } from './durations.ts';
import { address, groupName, hookName, parameter, refusal, someText } from './names.ts';

/** The environment variable with the whole configuration, as JSON. */
export const CONFIG_VARIABLE = 'NOMAD_DRAIN_HOOK';

/** The default audience of the identity token that AWS signs for the function. */
export const DEFAULT_AUDIENCE = 'nomad';
/** How long that identity token is valid, in seconds: it is exchanged for a Nomad token at once. */
export const IDENTITY_SECONDS = 300;

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

/** Clients that are known not to be EC2 instances: the node of an instance may be any other. */
const outsideEc2 = z.strictObject({
  datacenters: z._default(z.array(someText), []),
  nodePools: z._default(z.array(someText), []),
});

/** What is said of Nomad, however it is reached. */
const ofNomad = {
  region: z.optional(someText),
  nodeMetaKey: z.optional(someText),
  outsideEc2: z.prefault(outsideEc2, {}),
};

/** Who the function is to Nomad, and how it knows that it talks to Nomad. */
const credentials = {
  token: z.optional(parameter),
  /** Instead of a stored token: exchange the function's AWS identity for one. */
  login: z.optional(z.strictObject({ authMethod: someText, audience: z._default(someText, DEFAULT_AUDIENCE) })),
  ca: z.optional(parameter),
  clientCertificate: z.optional(parameter),
  clientKey: z.optional(parameter),
  /** The name in Nomad's certificate if it is not the address's host: `server.global.nomad`. */
  serverName: z.optional(someText),
};
type Credentials = Partial<Record<keyof typeof credentials, unknown>>;

type Refuse = (path: (string | number)[], id: ProblemId, message: string) => void;

/** Refuses credentials that do not fit each other, or the scheme. @param https what TLS needs, in the words of the way */
function refuseCredentials(given: Credentials, secure: boolean, https: string, refuse: Refuse): void {
  if (given.token && given.login)
    refuse(['login'], 'nomad-drain-hook:tokenAndLogin', 'there is a token too: one of the two');
  const halfACertificate = 'nomad-drain-hook:certificateWithoutKey';
  if (given.clientCertificate && !given.clientKey)
    refuse(['clientKey'], halfACertificate, 'missing: clientCertificate needs its key');
  if (given.clientKey && !given.clientCertificate)
    refuse(['clientCertificate'], halfACertificate, 'missing: clientKey needs its certificate');
  for (const field of ['clientCertificate', 'clientKey', 'serverName'] as const) {
    if (given[field] && !secure) refuse([field], 'nomad-drain-hook:httpsNeeded', `needs ${https}`);
  }
}

const refuseIn =
  (context: {
    addIssue(issue: { code: 'custom'; path: (string | number)[]; message: string; params: object }): void;
  }): Refuse =>
  (path, id, message) =>
    context.addIssue({ code: 'custom', path, message, params: { id } });

const http = z
  .strictObject({
    via: z.literal('http'),
    address,
    /** More servers of the same cluster, tried in turn when the one before does not answer. */
    fallbackAddresses: z.optional(
      z
        .array(address)
        .check(
          z.refine(
            ({ length }) => length <= 6,
            refusal('nomad-drain-hook:tooManyAddresses', 'more than six addresses'),
          ),
        ),
    ),
    ...ofNomad,
    ...credentials,
  })
  .check(
    z.superRefine((given, context) => {
      const refuse = refuseIn(context);
      const secure = given.address.startsWith('https:');
      refuseCredentials(given, secure, 'an https:// address', refuse);
      for (const [index, other] of (given.fallbackAddresses ?? []).entries()) {
        if (other.startsWith('https:') !== secure)
          refuse(['fallbackAddresses', index], 'nomad-drain-hook:mixedSchemes', 'not of the same scheme as address');
      }
    }),
  );

/** Nomad's default port for HTTP. */
export const DEFAULT_NOMAD_PORT = 4646;
/** Nomad's clients listen without TLS by default. */
export const DEFAULT_CLIENT_SCHEME = 'http';

const clients = z
  .strictObject({
    via: z.literal('clients'),
    scheme: z._default(z.enum(['http', 'https']), DEFAULT_CLIENT_SCHEME),
    /** Where the client agents listen for HTTP. */
    port: z._default(
      z
        .number()
        .check(
          z.refine(
            (given) => Number.isInteger(given) && given >= 1 && given <= 65_535,
            refusal('nomad-drain-hook:badPort', 'must be a port, 1 to 65535'),
          ),
        ),
      DEFAULT_NOMAD_PORT,
    ),
    ...ofNomad,
    ...credentials,
  })
  .check(
    z.superRefine((given, context) =>
      refuseCredentials(given, given.scheme === 'https', 'the scheme https', refuseIn(context)),
    ),
  );

const instances = z.strictObject({
  via: z.literal('ssm'),
  /** The Command document to run. */
  document: someText,
  /** The instances that run it, by tag; by default those in service in the groups. */
  gateway: z.optional(z.strictObject({ tag: someText, value: z.string() })),
  ...ofNomad,
});

const nomad = z.discriminatedUnion('via', [http, clients, instances]);

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

/** What holds for the instances of a group: what its group leaves out is as the document says for all groups. */
const ofGroup = {
  policy: z.optional(policy),
  notices: z.optional(notices),
  chooses: z.optional(chooses),
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
type Given<Part extends keyof typeof ofGroup> = Required<NonNullable<Document[Part]>>;

export type Notices = { [Field in keyof Given<'notices'>]: Exclude<Given<'notices'>[Field], undefined> };
type Chooses = { [Field in keyof Given<'chooses'>]: Exclude<Given<'chooses'>[Field], undefined> };

/** What holds for a group, or for every group that does not say otherwise. */
interface Terms {
  policy: Policy;
  notices: Notices;
  chooses: Chooses;
  purge: boolean;
}

export type GroupConfig = Omit<Document['groups'][number], keyof Terms> & Terms;

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
  const { hook: _, groups, policy: _p, notices: _n, chooses: _c, purge: _u, ...config } = data;
  const ofAll = terms(data, DEFAULT_TERMS);
  return { ...config, groups: groups.map((each) => ({ ...each, ...terms(each, ofAll) })) };
}

const DEFAULT_TERMS: Terms = {
  policy: DEFAULT_POLICY,
  notices: DEFAULT_NOTICES,
  chooses: DEFAULT_CHOOSES,
  purge: false,
};

const terms = (own: Pick<Document, keyof Terms>, others: Terms): Terms => ({
  policy: filled(own.policy, others.policy),
  notices: filled(own.notices, others.notices),
  chooses: filled(own.chooses, others.chooses),
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
