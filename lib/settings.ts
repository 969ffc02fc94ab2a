import { Duration } from 'aws-cdk-lib';
import { DefaultResult } from 'aws-cdk-lib/aws-autoscaling';
import { isSecret, SECRET_REFUSED } from '../lambda/config.ts';
import { ConfigError, messageOf } from '../lambda/errors.ts';
import { documentOf, type FieldNames, problemsOf } from './document.ts';
import { type HttpAccessProps, httpDocument, type RunCommandAccessProps } from './nomad-access.ts';
import type { DrainPolicy, LifecycleHookOptions } from './props.ts';
import { closest } from './spelling.ts';

/** The context key of the settings that hold where none is given at all: an example to look at. */
export const EXAMPLE_KEY = 'nomad-drain-hook:example';

/** The part of a VPC that the function runs in. */
export interface Network {
  readonly vpcId: string;
  readonly subnetIds: readonly string[];
  readonly securityGroupIds: readonly string[];
}

/** What the settings say, in the terms of the construct. */
export interface Settings {
  readonly groups: readonly string[];
  readonly nomad: HttpAccessProps;
  /** Given where Nomad is reached through SSM: `nomad` then says nothing. */
  readonly runCommand?: RunCommandAccessProps;
  readonly policy: DrainPolicy;
  readonly hook: LifecycleHookOptions;
  /** The ARN of a topic. */
  readonly alarmTopic?: string;
  /** The name or the ARN of a bus. */
  readonly eventBus?: string;
  readonly network?: Network;
  readonly stackName?: string;
  /** Whether these are the example's: none was given. */
  readonly example: boolean;
}

/** Each setting and how it is read. A reader throws what is wrong with the value. */
const READERS = {
  groups: list(/^[^:]{1,255}$/, 'names of Auto Scaling groups, separated by commas'),
  nomadAddress: text(/./, 'the URL of Nomad'),
  nomadToken: parameterName,
  nomadVia: choice('http', 'ssm'),
  nomadGateway: text(/^[^=]+=[^=]*$/, 'a tag of instances, like Role=nomad-server'),
  nomadFallbackAddresses: list(/./, 'the URLs of further Nomad servers, separated by commas'),
  nomadLogin: text(/./, 'the name of an auth method of Nomad'),
  nomadAudience: text(/./, 'an audience of that auth method'),
  nomadCa: parameterName,
  nomadClientCertificate: parameterName,
  nomadClientKey: parameterName,
  nomadServerName: text(/./, "the name in Nomad's certificate"),
  nomadRegion: text(/./, 'the name of a region of Nomad'),
  nomadNodeMetaKey: text(/./, 'a key of the meta of Nomad clients'),
  hookName: text(/^[\w/-]{1,255}$/, 'the name of a lifecycle hook: letters, digits, - _ /'),
  heartbeatTimeout: duration,
  hookDefaultResult: choice('CONTINUE', 'ABANDON'),
  deadline: duration,
  killMargin: duration,
  grace: duration,
  ignoreSystemJobs: choice('true', 'false'),
  onTimeout: choice('CONTINUE', 'ABANDON'),
  alarmTopic: text(
    /^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[\w-]{1,256}$/,
    'the ARN of an SNS topic, like arn:aws:sns:eu-west-1:111122223333:on-call',
  ),
  eventBus: text(
    /^(arn:aws[a-z-]*:events:[a-z0-9-]+:\d{12}:event-bus\/)?[\w./-]{1,256}$/,
    'the name or the ARN of an event bus',
  ),
  vpcId: text(awsId('vpc'), 'like vpc-0123abcd'),
  subnetIds: list(awsId('subnet'), 'like subnet-0123abcd,subnet-4567cdef'),
  securityGroupIds: list(awsId('sg'), 'like sg-0123abcd'),
  stackName: text(/^[A-Za-z][A-Za-z0-9-]{0,127}$/, 'the name of a stack: a letter, then letters, digits and -'),
};

/** What is set on the instances themselves where the function asks through them. */
const ONLY_HTTP = [
  'nomadAddress',
  'nomadFallbackAddresses',
  'nomadToken',
  'nomadLogin',
  'nomadCa',
  'nomadClientCertificate',
  'nomadClientKey',
  'nomadServerName',
] as const;

type Name = keyof typeof READERS;
type Values = { [Key in Name]?: ReturnType<(typeof READERS)[Key]> };

/** The names of all settings. */
export const SETTING_NAMES = Object.keys(READERS) as Name[];

/** Required as soon as one setting is given, with what stands in for a missing one while the others are checked. */
const REQUIRED = { groups: ['missing'], nomadAddress: 'https://missing' } as const;

/**
 * Reads the settings from the CDK's context. Where none is given, the example's hold.
 * @param context all of the app's context
 * @throws ConfigError naming every setting that is missing, wrong or unknown
 */
export function readSettings(context: Record<string, unknown>): Settings {
  // The keys of the CDK, of its feature flags and of its lookups all hold one of these characters.
  const given = Object.keys(context).filter((key) => !/[:@/]/.test(key));
  const example = given.length === 0;
  const source = example ? (context[EXAMPLE_KEY] as Record<string, unknown> | undefined) : context;

  const wrong = new Map<string, string>();
  for (const key of given) if (!isName(key)) wrong.set(key, unknownSetting(key));

  const values: Values = {};
  for (const name of SETTING_NAMES) {
    const value = source?.[name];
    try {
      if (value !== undefined) Object.assign(values, { [name]: READERS[name](value) });
      else if (name in REQUIRED && !(name === 'nomadAddress' && source?.nomadVia === 'ssm'))
        wrong.set(name, `missing: -c ${name}=…`);
    } catch (error) {
      // What was given as a parameter may be the secret that belongs into it.
      const given = READERS[name] === parameterName ? '' : `, not ${JSON.stringify(value)}`;
      wrong.set(name, `${messageOf(error)}${given}`);
    }
  }
  const { vpcId, subnetIds, securityGroupIds } = values;
  const network = { vpcId, subnetIds, securityGroupIds };
  if (Object.values(network).some(Boolean)) {
    for (const [name, value] of Object.entries(network)) {
      if (!value && !wrong.has(name)) wrong.set(name, 'missing: vpcId, subnetIds and securityGroupIds belong together');
    }
  }

  const ssm = values.nomadVia === 'ssm';
  if (values.nomadGateway && !ssm) wrong.set('nomadGateway', 'needs nomadVia=ssm');
  for (const name of ssm ? ONLY_HTTP : []) {
    if (values[name] && !wrong.has(name)) wrong.set(name, 'has no meaning with nomadVia=ssm');
  }
  if (values.nomadAudience && !values.nomadLogin) wrong.set('nomadAudience', 'belongs to nomadLogin, which is missing');
  const settings = settingsOf({ ...REQUIRED, groups: [...REQUIRED.groups], ...values }, example);
  const { groups, nomad, hook, policy } = settings;
  const document = documentOf({ groupNames: groups, nomad: httpDocument(nomad), hook, policy });
  const problems = [...wrong].map(([name, problem]) => `${name}: ${problem}`);
  for (const problem of problemsOf(document, NAMES)) {
    if (!wrong.has(/^\w*/.exec(problem)?.[0] ?? '')) problems.push(problem);
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return settings;
}

const NAMES: FieldNames = [
  [/^groups.*\.hook$/, 'hookName'],
  [/^groups.*\.heartbeatTimeoutSeconds$/, 'heartbeatTimeout (in seconds)'],
  [/^policy\.(\w+)Seconds$/, '$1 (in seconds)'],
  [/^nomad\.address$/, 'nomadAddress'],
  [/^nomad\.fallbackAddresses/, 'nomadFallbackAddresses'],
  [/^nomad\.login/, 'nomadLogin'],
  [/^nomad\.clientCertificate/, 'nomadClientCertificate'],
  [/^nomad\.clientKey/, 'nomadClientKey'],
  [/^nomad\.serverName/, 'nomadServerName'],
];

function settingsOf(values: Values & Required<Pick<Values, keyof typeof REQUIRED>>, example: boolean): Settings {
  const { deadline, killMargin, grace, ignoreSystemJobs, onTimeout, hookName, heartbeatTimeout } = values;
  const { hookDefaultResult } = values;
  const { nomadToken, nomadLogin, nomadAudience, nomadRegion, nomadNodeMetaKey, nomadFallbackAddresses } = values;
  const { nomadCa, nomadClientCertificate, nomadClientKey, nomadServerName } = values;
  const { vpcId, subnetIds, securityGroupIds, stackName, nomadVia, nomadGateway, alarmTopic, eventBus } = values;
  const [tag = '', value = ''] = nomadGateway?.split('=') ?? [];
  const place = {
    ...(nomadRegion && { region: nomadRegion }),
    ...(nomadNodeMetaKey && { nodeMetaKey: nomadNodeMetaKey }),
  };
  return {
    groups: values.groups,
    nomad: {
      address: values.nomadAddress,
      ...(nomadFallbackAddresses && { fallbackAddresses: nomadFallbackAddresses }),
      ...(nomadToken && { token: nomadToken }),
      ...(nomadLogin && { login: { authMethod: nomadLogin, ...(nomadAudience && { audience: nomadAudience }) } }),
      ...(nomadCa && { ca: nomadCa }),
      ...(nomadClientCertificate && { clientCertificate: nomadClientCertificate }),
      ...(nomadClientKey && { clientKey: nomadClientKey }),
      ...(nomadServerName && { serverName: nomadServerName }),
      ...place,
    },
    ...(nomadVia === 'ssm' && { runCommand: { ...place, ...(nomadGateway && { gateway: { tag, value } }) } }),
    policy: {
      ...(deadline && { deadline }),
      ...(killMargin && { killMargin }),
      ...(grace && { grace }),
      ...(ignoreSystemJobs && { ignoreSystemJobs: ignoreSystemJobs === 'true' }),
      ...(onTimeout && { onTimeout }),
    },
    hook: {
      ...(hookName && { name: hookName }),
      ...(heartbeatTimeout && { heartbeatTimeout }),
      ...(hookDefaultResult && { defaultResult: DefaultResult[hookDefaultResult] }),
    },
    ...(alarmTopic && { alarmTopic }),
    ...(eventBus && { eventBus }),
    ...(vpcId && subnetIds && securityGroupIds && { network: { vpcId, subnetIds, securityGroupIds } }),
    ...(stackName && { stackName }),
    example,
  };
}

const isName = (key: string): key is Name => Object.hasOwn(READERS, key);

function unknownSetting(key: string): string {
  const similar = closest(key, SETTING_NAMES);
  return similar
    ? `unknown setting. Did you mean ${similar}?`
    : `unknown setting. There are: ${SETTING_NAMES.join(', ')}`;
}

function awsId(kind: string): RegExp {
  return new RegExp(`^${kind}-([0-9a-f]{8}|[0-9a-f]{17})$`);
}

function text(pattern: RegExp, wanted: string) {
  return (value: unknown): string => {
    if (typeof value === 'string' && pattern.test(value)) return value;
    throw new Error(`must be ${wanted}`);
  };
}

function parameterName(value: unknown): string {
  if (isSecret(String(value))) throw new Error(SECRET_REFUSED);
  return text(/^[\w./-]+$/, 'the name of a parameter')(value);
}

function list(pattern: RegExp, wanted: string) {
  return (value: unknown): string[] => {
    const items = (Array.isArray(value) ? value : String(value).split(',')).map((item) => String(item).trim());
    if (items.every((item) => pattern.test(item))) return items;
    throw new Error(`must be ${wanted}`);
  };
}

function choice<const Option extends string>(...options: Option[]) {
  return (value: unknown): Option => {
    // cdk.json may say true where the command line says "true".
    const found = options.find((option) => option === String(value));
    if (found) return found;
    throw new Error(`must be ${options.join(' or ')}`);
  };
}

function duration(value: unknown): Duration {
  const [, h, m, s] = /^(?=\d)(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?$/.exec(String(value)) ?? [];
  if (h ?? m ?? s) return Duration.seconds(Number(h ?? 0) * 3600 + Number(m ?? 0) * 60 + Number(s ?? 0));
  throw new Error('must be a duration like 6h, 30m, 90s or 1h30m');
}
