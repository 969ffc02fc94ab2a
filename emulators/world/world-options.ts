import { type ConfigDocument, LAUNCH_HOOK } from '../../lambda/config/config.ts';
import { ANY_GROUP } from '../../lambda/config/names.ts';
import type { GroupOptions } from '../aws/model.ts';
import type { Certificate } from '../certificates.ts';
import type { NomadOptions } from '../nomad/emulator.ts';

/** The Command document, as CloudFormation would name it. */
export const DOCUMENT = 'NomadDrainHook-AskNomad';

export const HOOK = 'nomad-drain';
export const GROUP = 'builders';
/** Of the hook, in seconds. */
export const HEARTBEAT_TIMEOUT = 1800;

export interface WorldOptions {
  policy?: ConfigDocument['policy'];
  group?: Partial<GroupOptions>;
  heartbeatTimeoutSeconds?: number;
  acl?: boolean;
  /** The Nomad that is emulated. */
  version?: NomadOptions['version'];
  nomad?: Partial<Extract<ConfigDocument['nomad'], { via: 'http' }>>;
  /** Nomad is asked through the client agents of the instances; with a certificate over TLS. */
  clients?: Partial<Extract<ConfigDocument['nomad'], { via: 'clients' }>> & { certificate?: Certificate };
  /** The event bus that the function is given; null for none. */
  bus?: string | null;
  /** What AWS says before an instance goes, and which of it is acted on. */
  notices?: ConfigDocument['notices'];
  /** Instances are put into service when their nodes are ready: each group then has a launching hook. */
  admission?: ConfigDocument['admission'];
  /** Who goes, where a group asks the function. */
  chooses?: ConfigDocument['chooses'];
  /** The function only answers who goes, and knows no group by its name. */
  anyGroup?: boolean;
  /** Nodes of terminated instances are purged. */
  purge?: boolean;
  /** Groups beside `builders`, with the same hook; more of them than fit the environment are configured the short way. */
  moreGroups?: readonly GroupOptions[];
  /** What holds for some of the groups alone, by name. */
  terms?: Record<string, Omit<ConfigDocument['groups'][number], 'name' | 'hook'>>;
  /** Groups that are configured, and that Auto Scaling does not know. */
  unknownGroups?: readonly string[];
  /** The configuration says the heartbeat timeout of the hook, as the construct writes it; or another one, in seconds. */
  tellsHeartbeatTimeout?: boolean | number;
  /** How many addresses Nomad is given by: all lead to the same server. */
  addresses?: number;
  /** Through SSM Run Command instead of HTTP. */
  ssm?: { gateway?: { tag: string; value: string } };
  /** Puts something before the emulated Nomad, such as TLS, and says at which address. */
  before?: (plainUrl: string) => Promise<string>;
}

/** What lets an instance into service where nothing else does: as the construct makes it. */
export const LAUNCHING_HOOK = {
  name: LAUNCH_HOOK.name as string,
  transition: 'autoscaling:EC2_INSTANCE_LAUNCHING' as const,
  heartbeatTimeoutSeconds: LAUNCH_HOOK.heartbeatTimeoutSeconds as number,
  defaultResult: 'CONTINUE' as const,
};

/** The types of the events that the rules of a stack with these options let in. */
export function deliveredTypes({ notices = {}, admission }: WorldOptions): string[] {
  const { spot = true, rebalance = 'off', maintenance = false } = notices;
  return [
    'EC2 Instance-terminate Lifecycle Action',
    ...(admission ? ['EC2 Instance-launch Lifecycle Action'] : []),
    ...(spot
      ? ['EC2 Spot Instance Interruption Warning', 'EC2 Capacity Reservation Instance Interruption Warning']
      : []),
    ...(rebalance !== 'off' ? ['EC2 Instance Rebalance Recommendation'] : []),
    ...(maintenance ? ['AWS Health Event'] : []),
  ];
}

/** The configuration of the function, by which Nomad answers at `address`. */
export function documentOf(options: WorldOptions, address: string): ConfigDocument {
  const { policy, nomad, bus = 'default', ssm, moreGroups = [], unknownGroups = [], addresses = 1 } = options;
  const { tellsHeartbeatTimeout = false, heartbeatTimeoutSeconds = HEARTBEAT_TIMEOUT } = options;
  const told = tellsHeartbeatTimeout === true ? heartbeatTimeoutSeconds : tellsHeartbeatTimeout;
  const { certificate, ...clients } = options.clients ?? {};
  const fallbackAddresses = Array.from({ length: addresses - 1 }, () => address);
  const names = options.anyGroup ? [ANY_GROUP] : [GROUP, ...moreGroups.map(({ name }) => name), ...unknownGroups];
  return {
    groups: names.map((name) => ({ name, ...options.terms?.[name] })) as ConfigDocument['groups'],
    hook: { name: HOOK, ...(told && { heartbeatTimeoutSeconds: told }) },
    nomad: ssm
      ? { via: 'ssm', document: DOCUMENT, ...ssm }
      : options.clients
        ? { via: 'clients', ...(certificate && { scheme: 'https' }), ...clients }
        : { via: 'http', address, ...(addresses > 1 && { fallbackAddresses }), ...nomad },
    policy,
    ...(options.notices && { notices: options.notices }),
    ...(options.chooses && { chooses: options.chooses }),
    ...(options.admission && { admission: { on: true, ...options.admission } }),
    ...(options.purge !== undefined && { purge: options.purge }),
    ...(bus !== null && { events: { bus } }),
  };
}
