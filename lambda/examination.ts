import pMap from 'p-map';
import type { AutoScaling } from './aws/auto-scaling.ts';
import type { InstanceFacts } from './aws/ec2.ts';
import { silentGroups } from './aws/terminations/find-terminations.ts';
import type { Hooks } from './aws/terminations/lifecycle-hooks.ts';
import { type Config, type GroupConfig, hooksOf } from './config/config.ts';
import type { RunClock } from './core/model/clock.ts';
import type { Examination } from './core/queries/ports.ts';
import { nodeOfInstance } from './nomad/queries/missing-clients.ts';
import { drainDeadlines, drainsOfOthers } from './nomad/queries/other-drains.ts';
import type { NomadReads } from './nomad/read-only.ts';
import { shownCertificate } from './nomad/transport/certificates.ts';
import type { Tls } from './nomad/transport/tls.ts';
import { VERSION } from './version.ts';

/** Questions at once. */
const CONCURRENCY = 4;

interface ExaminationOptions {
  config: Config;
  groups: readonly GroupConfig[];
  clock: RunClock;
  nomad: NomadReads;
  autoScaling: Pick<AutoScaling, 'firstPolicies' | 'deletionProtections'>;
  /** Reads the groups, and with them what {@link autoScaling} knows of each. */
  members: () => Promise<unknown>;
  hooks: Hooks;
  /** What EC2 says of these instances. */
  describe: (instanceIds: readonly string[]) => Promise<Map<string, InstanceFacts>>;
  tls: () => Promise<Tls>;
  /** Where Nomad is asked over HTTP. */
  addresses: () => Promise<string[]>;
  /** Who has answered for Nomad. */
  through: () => string | undefined;
  /** The instances that may be asked for Nomad. */
  gateways: () => Promise<string[]>;
  lastSweepAt: number | undefined;
}

/** What the function's surroundings say of themselves, for the length of one run. */
export function examination(options: ExaminationOptions): Examination {
  const { config, groups, clock, nomad, autoScaling, hooks } = options;
  const access = config.nomad;
  return {
    software: { version: VERSION, runtime: `Node.js ${process.versions.node.split('.', 1)[0]}` },
    lastSweepAt: options.lastSweepAt,
    leader: () => nomad.leader(),
    through: options.through,
    servers: () => nomad.servers(access.region),

    certificates: async () => {
      const [addresses, tls] = await Promise.all([options.addresses(), options.tls()]);
      return pMap(addresses, (address) => shownCertificate(address, tls, clock), { concurrency: CONCURRENCY });
    },

    hooks: async () => {
      await hooks.readAll(groups.flatMap(hooksOf));
      return groups.map((group) => {
        const { failures, unknown } = hooks.problems(hooksOf(group));
        return {
          group: group.name,
          hook: group.hook,
          ...(failures[0] !== undefined && { problem: failures[0] }),
          ...(unknown[0] !== undefined && { unknown: unknown[0] }),
        };
      });
    },

    nodesByAddress: async (instanceIds) => {
      const facts = await options.describe(instanceIds);
      return pMap(
        instanceIds,
        (instanceId) => nodeOfInstance(nomad, instanceId, facts.get(instanceId), access.nodeMetaKey),
        {
          concurrency: CONCURRENCY,
        },
      );
    },

    groupsThatDoNotAsk: async () => {
      if (!groups.some(({ chooses }) => chooses.on)) return undefined;
      await options.members();
      return silentGroups(groups, autoScaling.firstPolicies);
    },

    deletionProtections: async () => {
      await options.members();
      return autoScaling.deletionProtections;
    },

    drainsOfOthers: () => drainsOfOthers(nomad),
    drainDeadlines: (nodeIds) => drainDeadlines(nomad, nodeIds),

    runCommandOn: async () => (access.via === 'ssm' ? options.gateways() : undefined),
  };
}
