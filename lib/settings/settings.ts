import { closestMatch } from 'leven';
import { ConfigError, type ConfigProblem } from '../../lambda/errors.ts';
import {
  type ClientsAccessProps,
  clientsDocument,
  type HttpAccessProps,
  httpDocument,
  type RunCommandAccessProps,
} from '../access/nomad-access.ts';
import { defined } from '../defined.ts';
import { documentOf, type FieldNames, problemsOf } from '../document.ts';
import { memoryProblems } from '../function/memory.ts';
import type {
  AdmissionOptions,
  DrainPolicy,
  GroupOptions,
  IdleFirstOptions,
  LifecycleHookOptions,
  NoticeOptions,
} from '../props.ts';
import { fittingSettings } from './fitting.ts';
import { asGiven } from './group-list.ts';
import { asWritten, RENAMED, type Renamed, underNewNames } from './renamed.ts';
import {
  GROUP_SETTING_NAMES,
  type GroupValues,
  SETTING_NAMES,
  type SettingName,
  settings,
  type Values,
} from './schema.ts';

/** The part of a VPC that the function runs in. */
export interface Network {
  readonly vpcId: string;
  readonly subnetIds: readonly string[];
  readonly securityGroupIds: readonly string[];
}

/** The settings in the terms of the construct. */
export interface Settings {
  readonly groups: readonly (string | (GroupOptions & { readonly group: string }))[];
  readonly nomad: HttpAccessProps;
  /** Given with nomadVia=clients; `nomad` is not used then. */
  readonly clients?: ClientsAccessProps;
  /** Given with nomadVia=ssm; `nomad` is not used then. */
  readonly runCommand?: RunCommandAccessProps;
  readonly policy: DrainPolicy;
  readonly hook: LifecycleHookOptions;
  readonly notices: NoticeOptions;
  readonly purgeNodes?: boolean;
  readonly chooseIdleFirst?: false | IdleFirstOptions;
  readonly admitWhenReady?: false | AdmissionOptions;
  readonly launchHookName?: string;
  /** In megabytes. */
  readonly memorySize?: number;
  /** The ARN of a topic. */
  readonly alarmTopic?: string;
  readonly runbookUrl?: string;
  /** The name or the ARN of a bus. */
  readonly eventBus?: string;
  readonly network?: Network;
  readonly stackName?: string;
  /** Those that were given under their old names. */
  readonly renamed: readonly Renamed[];
}

/**
 * Reads the settings from the CDK's context.
 * @param context all of the app's context
 * @throws ConfigError naming every setting that is missing, wrong or unknown
 */
export function readSettings(context: Record<string, unknown>): Settings {
  // All keys of the CDK, of its feature flags and of its lookups contain one of these characters.
  const given = Object.fromEntries(Object.entries(context).filter(([key]) => !/[:@/]/.test(key)));
  const { settings: source, renamed, twice } = underNewNames(given);

  const wrong = wrongSettings(source);
  const wrongNames = new Set(wrong.map(({ path: [name] }) => String(name)));
  const sound = settings.parse(Object.fromEntries(Object.entries(source).filter(([key]) => !wrongNames.has(key))));
  const read = settingsOf(sound, renamed);
  const nomad = read.clients ? clientsDocument(read.clients) : httpDocument(read.nomad);
  const groupNames = read.groups.map((each) => (typeof each === 'string' ? each : each.group));
  const document = documentOf({ ...read, groupNames, nomad });
  // A wrong setting is reported once: the checks below see a default in its place.
  const unfit = problemsOf(document, FIELD_NAMES).filter(({ path: [name] }) => !wrongNames.has(String(name)));
  const problems = [
    ...twice,
    ...[...wrong, ...unfit, ...memoryProblems(read.memorySize)]
      .map((problem) => asGiven(problem, source.groups))
      .map((problem) => asWritten(problem, renamed)),
  ];
  if (problems.length > 0) throw new ConfigError(problems);
  return read;
}

/** What is wrong with each setting, the unknown ones first; in the list of groups, with each of a group. */
function wrongSettings(source: Record<string, unknown>): ConfigProblem[] {
  const issues = fittingSettings.safeParse(source).error?.issues ?? [];
  const found = issues.flatMap((issue): ConfigProblem[] =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => ({
          path: [...issue.path, key],
          id: undefined,
          message: issue.path.length > 0 ? unknownGroupSetting(key) : unknownSetting(key),
        }))
      : [{ path: issue.path, id: issue.code === 'custom' ? issue.params?.id : undefined, message: issue.message }],
  );
  const place = ({ path: [name] }: ConfigProblem) => SETTING_NAMES.indexOf(name as SettingName);
  const wrong = new Map<string, ConfigProblem>();
  for (const problem of found.toSorted((one, other) => place(one) - place(other))) {
    const [name, ...within] = problem.path;
    const key = [name, ...(name === 'groups' ? within : [])].join();
    if (!wrong.has(key)) wrong.set(key, problem);
  }
  return [...wrong.values()];
}

const unknownSetting = (key: string) => unknown(key, SETTING_NAMES, RENAMED);

const unknownGroupSetting = (key: string) =>
  (SETTING_NAMES as readonly string[]).includes(key)
    ? 'is the same for all groups: give it beside them'
    : unknown(key, GROUP_SETTING_NAMES);

function unknown(key: string, known: readonly string[], oldNames: Readonly<Record<string, string>> = {}): string {
  const lowerCase = (name: string) => name.toLowerCase();
  const names = [...known, ...Object.keys(oldNames)];
  const candidates = names.map(lowerCase);
  // A word with more than a third of its letters different is another word.
  const similar = closestMatch(lowerCase(key), candidates, { maxDistance: Math.floor(key.length / 3) });
  if (similar === undefined) return `unknown setting. There are: ${known.join(', ')}`;
  const meant = names[candidates.indexOf(similar)] ?? similar;
  return `unknown setting. Did you mean ${oldNames[meant] ?? meant}?`;
}

/** What the app calls the fields of the configuration document. */
const FIELD_NAMES: FieldNames = {
  'groups.*.name': 'groups.*',
  'groups.*.hook': 'hookName',
  'groups.*.heartbeatTimeoutSeconds': 'heartbeatTimeout',
  'groups.*.policy.deadlineSeconds': 'groups.*.deadline',
  'hook.name': 'hookName',
  'hook.heartbeatTimeoutSeconds': 'heartbeatTimeout',
  'policy.deadlineSeconds': 'deadline',
  'policy.killMarginSeconds': 'killMargin',
  'policy.graceSeconds': 'grace',
  'notices.restoreSeconds': 'restoreAfter',
  'chooses.onlyIdleForSeconds': 'onlyIdleFor',
  'admission.hook': 'launchHookName',
  'admission.readyTimeoutSeconds': 'readyTimeout',
  'groups.*.admission.readyTimeoutSeconds': 'groups.*.readyTimeout',
  'groups.*.admission.drivers': 'groups.*.drivers',
  'admission.drivers': 'drivers',
  'nomad.address': 'nomadAddress',
  'nomad.fallbackAddresses': 'nomadFallbackAddresses',
  'nomad.scheme': 'nomadClientScheme',
  'nomad.port': 'nomadClientPort',
  'nomad.login': 'nomadLogin',
  'nomad.clientCertificate': 'nomadClientCertificateParameter',
  'nomad.clientKey': 'nomadClientKeyParameter',
  'nomad.serverName': 'nomadServerName',
};

/** The settings grouped for the construct. Required settings that are missing have a placeholder. */
function settingsOf(values: Values, renamed: readonly Renamed[]): Settings {
  const { nomadLogin: authMethod, vpcId, subnetIds, securityGroupIds } = values;
  const place = {
    region: values.nomadRegion,
    nodeMetaKey: values.nomadNodeMetaKey,
    outsideEc2: defined({ datacenters: values.outsideEc2Datacenters, nodePools: values.outsideEc2NodePools }),
  };
  const credentials = {
    token: values.nomadTokenParameter,
    login: authMethod === undefined ? undefined : defined({ authMethod, audience: values.nomadAudience }),
    ca: values.nomadCaParameter,
    clientCertificate: values.nomadClientCertificateParameter,
    clientKey: values.nomadClientKeyParameter,
    serverName: values.nomadServerName,
  };
  return defined({
    groups: values.groups?.map((group) => groupOf(group, values)) ?? ['missing'],
    nomad: defined({
      address: values.nomadAddress ?? 'https://missing',
      fallbackAddresses: values.nomadFallbackAddresses,
      ...credentials,
      ...place,
    }),
    clients:
      values.nomadVia === 'clients'
        ? defined({ scheme: values.nomadClientScheme, port: values.nomadClientPort, ...credentials, ...place })
        : undefined,
    runCommand: values.nomadVia === 'ssm' ? defined({ ...place, gateway: values.nomadGateway }) : undefined,
    policy: policyOf(values),
    hook: defined({
      name: values.hookName,
      heartbeatTimeout: values.heartbeatTimeout,
      defaultResult: values.hookDefaultResult,
    }),
    notices: noticesOf(values),
    purgeNodes: values.purgeNodes,
    chooseIdleFirst: values.chooseIdleFirst && defined({ onlyIdleFor: values.onlyIdleFor }),
    admitWhenReady: values.admitWhenReady && admissionOf(values),
    launchHookName: values.launchHookName,
    memorySize: values.memorySize,
    alarmTopic: values.alarmTopic,
    runbookUrl: values.runbookUrl,
    eventBus: values.eventBus,
    network: vpcId && subnetIds && securityGroupIds ? { vpcId, subnetIds, securityGroupIds } : undefined,
    stackName: values.stackName,
    renamed,
  });
}

type OfGroup = Pick<Values, (typeof GROUP_SETTING_NAMES)[number]>;

const policyOf = (values: OfGroup): DrainPolicy =>
  defined({
    deadline: values.deadline,
    killMargin: values.killMargin,
    grace: values.grace,
    ignoreSystemJobs: values.ignoreSystemJobs,
    onTimeout: values.onTimeout,
    jobMeta: values.jobMeta,
  });

const noticesOf = (values: OfGroup): NoticeOptions =>
  defined({
    spot: values.spotInterruptions,
    rebalance: values.rebalanceRecommendations,
    maintenance: values.scheduledMaintenance,
    restoreAfter: values.restoreAfter,
  });

const admissionOf = (values: OfGroup): AdmissionOptions =>
  defined({
    readyTimeout: values.readyTimeout,
    drivers: values.drivers,
    awaitSystemJobs: values.awaitSystemJobs,
  });

/** A group for the construct: its name, if it has no settings of its own. */
function groupOf({ group, ...own }: GroupValues, shared: Values): Settings['groups'][number] {
  if (Object.keys(own).length === 0) return group;
  const { chooseIdleFirst = shared.chooseIdleFirst, onlyIdleFor = shared.onlyIdleFor } = own;
  const { purgeNodes } = own;
  const { admitWhenReady = shared.admitWhenReady } = own;
  return {
    group,
    ...policyOf(own),
    notices: noticesOf(own),
    ...(chooseIdleFirst !== undefined && { chooseIdleFirst: chooseIdleFirst && defined({ onlyIdleFor }) }),
    ...(admitWhenReady !== undefined && {
      admitWhenReady: admitWhenReady && { ...admissionOf(shared), ...admissionOf(own) },
    }),
    ...(purgeNodes !== undefined && { purgeNodes }),
  };
}
