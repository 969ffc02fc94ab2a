import * as z from 'zod';
import { ConfigError } from './errors.ts';

/** The environment variable that holds the whole configuration, as JSON. */
export const CONFIG_VARIABLE = 'NOMAD_DRAIN_HOOK';

/** For whom AWS states who the function is, where the configuration says nothing. */
export const DEFAULT_AUDIENCE = 'nomad';
/** How long that statement holds, in seconds: it is traded for a Nomad token at once. */
export const IDENTITY_SECONDS = 300;

/** What holds where the configuration says nothing. Times in seconds. */
export const DEFAULT_POLICY = {
  /** 6 h: the longest build of the common CI services (CircleCI 5 h, GitHub Actions 6 h); Nomad's own 1 h would kill them. */
  deadlineSeconds: 21_600,
  /** 5 min: time for killed tasks to stop, for what is past its deadline. */
  killMarginSeconds: 300,
  /** 2 min: how long an instance may wait without a Nomad node before we say that it has none. */
  graceSeconds: 120,
  ignoreSystemJobs: false,
  onTimeout: 'CONTINUE',
} as const;

const seconds = (min: number, max: number) => z.int().min(min).max(max);

/**
 * What people give in place of the name of a parameter: the secret id of a Nomad token, a signed token, PEM and its base64
 * form. It would end in the template, and be read by whoever may read that.
 */
const SECRET =
  /^\s*([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|eyJ[\w-]+\.[\w-]+\.[\w-]+|LS0tLS[\w+/=]+)\s*$|-----BEGIN|[\r\n]/i;

/** Whether a text is a secret, or a certificate, rather than the name of the parameter that holds it. */
export const isSecret = (text: string): boolean => SECRET.test(text);

/** Says nothing of the value itself: it may go into a log. */
export const SECRET_REFUSED =
  'is the secret or the certificate itself, not the name of the parameter that holds it. Store it in Parameter Store and ' +
  'give that name, like /nomad/drain-token';

const parameter = z.strictObject({
  parameter: z
    .string()
    .min(1)
    .refine((name) => !isSecret(name), SECRET_REFUSED),
});

const group = z.strictObject({
  name: z.string().min(1).max(255),
  hook: z.string().min(1).max(255),
  heartbeatTimeoutSeconds: seconds(30, 7200).optional(),
});

/** One hook for all groups that name none: a template without CDK cannot write it into each of a list of groups. */
const sharedHook = z.strictObject({
  name: z.string().min(1).max(255),
  heartbeatTimeoutSeconds: seconds(30, 7200).optional(),
});

const address = z.url({ protocol: /^https?$/, error: 'not an http:// or https:// URL' });

const http = z
  .strictObject({
    via: z.literal('http'),
    address,
    /** Further servers of the same cluster, asked in turn where the one before does not answer. */
    fallbackAddresses: z.array(address).max(6).optional(),
    region: z.string().min(1).optional(),
    nodeMetaKey: z.string().min(1).optional(),
    token: parameter.optional(),
    /** Instead of a stored token: trade the function's own identity for one. */
    login: z
      .strictObject({ authMethod: z.string().min(1), audience: z.string().min(1).default(DEFAULT_AUDIENCE) })
      .optional(),
    ca: parameter.optional(),
    clientCertificate: parameter.optional(),
    clientKey: parameter.optional(),
    /** The name in Nomad's certificate, where it is not the address's host: `server.global.nomad`. */
    serverName: z.string().min(1).optional(),
  })
  .superRefine((given, context) => {
    const refuse = (field: string, message: string) => context.addIssue({ code: 'custom', path: [field], message });
    if (given.token && given.login) refuse('login', 'there is a token too: one of the two');
    if (given.clientCertificate && !given.clientKey) refuse('clientKey', 'missing: clientCertificate needs its key');
    if (given.clientKey && !given.clientCertificate)
      refuse('clientCertificate', 'missing: clientKey needs its certificate');
    const secure = given.address.startsWith('https:');
    for (const field of ['clientCertificate', 'clientKey', 'serverName'] as const) {
      if (given[field] && !secure) refuse(field, 'needs an https:// address');
    }
    for (const [index, other] of (given.fallbackAddresses ?? []).entries()) {
      if (other.startsWith('https:') !== secure)
        refuse(`fallbackAddresses[${index}]`, 'not of the same scheme as address');
    }
  });

const instances = z.strictObject({
  via: z.literal('ssm'),
  /** The Command document that asks. */
  document: z.string().min(1),
  /** Instances to ask that bear this tag; without it, those in service in the groups. */
  gateway: z.strictObject({ tag: z.string().min(1), value: z.string() }).optional(),
  region: z.string().min(1).optional(),
  nodeMetaKey: z.string().min(1).optional(),
});

/** The `source` of the events that the function puts on the bus, and what each tells. */
export const EVENT_SOURCE = 'nomad-drain-hook';
export const EVENT_TYPES = {
  started: 'Nomad Drain Started',
  stuck: 'Nomad Drain Stuck',
  ended: 'Nomad Drain Ended',
} as const;

const nomad = z.discriminatedUnion('via', [http, instances]);

const policy = z.strictObject({
  deadlineSeconds: seconds(1, 172_800).default(DEFAULT_POLICY.deadlineSeconds),
  killMarginSeconds: seconds(0, 7200).default(DEFAULT_POLICY.killMarginSeconds),
  graceSeconds: seconds(0, 3600).default(DEFAULT_POLICY.graceSeconds),
  ignoreSystemJobs: z.boolean().default(DEFAULT_POLICY.ignoreSystemJobs),
  onTimeout: z.enum(['CONTINUE', 'ABANDON']).default(DEFAULT_POLICY.onTimeout),
});

const document = z.strictObject({
  groups: z
    .array(group)
    .min(1)
    .superRefine((groups, context) => {
      const names = groups.map(({ name }) => name);
      for (const name of new Set(names.filter((each, index) => names.indexOf(each) !== index))) {
        context.addIssue({ code: 'custom', message: `group ${name} is named more than once` });
      }
    }),
  hook: sharedHook.optional(),
  nomad,
  policy: policy.prefault({}),
  /** Where to put events about drains; without it none are sent. */
  events: z.strictObject({ bus: z.string().min(1).max(1600) }).optional(),
});

/** The function's configuration, every default filled in, and each group with its hook. */
export type Config = Omit<z.output<typeof document>, 'hook'>;
/** The configuration as it may be written: whatever has a default may be left out. */
export type ConfigDocument = z.input<typeof document>;
export type GroupConfig = Config['groups'][number];
export type NomadConfig = Config['nomad'];
export type HttpConfig = Extract<NomadConfig, { via: 'http' }>;
export type Policy = Config['policy'];

/**
 * Reads the configuration document, as found in the environment variable {@link CONFIG_VARIABLE}.
 * @throws ConfigError naming every field that is missing or wrong
 */
export function parseConfig(text: string | undefined): Config {
  if (!text) throw new ConfigError([`${CONFIG_VARIABLE} is not set`]);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new ConfigError([`${CONFIG_VARIABLE} is not JSON: ${(error as Error).message}`]);
  }
  return checkConfig(json);
}

/**
 * Checks a configuration document and fills in the defaults.
 * @throws ConfigError naming every field that is missing or wrong
 */
export function checkConfig(json: unknown): Config {
  const result = document.safeParse(withHooks(json));
  if (result.success) {
    const { hook: _, ...config } = result.data;
    return config;
  }
  throw new ConfigError(
    result.error.issues.map((issue) => {
      const field = issue.path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`)).join('');
      return `${field.replace(/^\./, '') || CONFIG_VARIABLE}: ${issue.message}`;
    }),
  );
}

/** The document with the shared hook written into each group that names none. What is wrong with it is left as it is. */
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
