import type { EC2Client } from '@aws-sdk/client-ec2';
import type { AutoScaling } from './aws/auto-scaling.ts';
import { forRun } from './aws/for-run.ts';
import { Hooks } from './aws/hooks.ts';
import { describeInstances } from './aws/instances.ts';
import { ANY_GROUP, type Config } from './config.ts';
import type { AnswerPorts } from './core/answers/ports.ts';
import type { RunClock } from './core/clock.ts';
import type { Journal } from './core/ports.ts';
import { examination } from './examination.ts';
import { type AwsAccess, tlsOf } from './nomad/access.ts';
import type { Permissions } from './nomad/acl.ts';
import { NomadApi } from './nomad/api.ts';
import { blockedGroups } from './nomad/blocked.ts';
import { NomadClients } from './nomad/clients.ts';
import { lastBuilds } from './nomad/ended-builds.ts';
import { NomadJobs } from './nomad/jobs.ts';
import { NomadLogs } from './nomad/logs.ts';
import { needsOf } from './nomad/needs.ts';
import { type NomadReads, readOnly } from './nomad/read-only.ts';
import type { Transport } from './nomad/transport.ts';
import type { WhoIsWho } from './nomad/who-is-who.ts';

/** What answers are given from. */
export interface AnswerPortsOptions {
  config: Config;
  clock: RunClock;
  journal: Journal;
  autoScaling: AutoScaling;
  ec2: EC2Client;
  aws: AwsAccess;
  transport: Transport;
  whoIsWho: WhoIsWho;
  permissions: () => Promise<Permissions>;
  /** When the last sweep began in this environment of the function, milliseconds since the epoch. */
  lastSweepAt: number | undefined;
}

/** The ports of answers, for one run: nothing of them can write. */
export function answerPorts(options: AnswerPortsOptions): AnswerPorts {
  const { config, clock, journal, aws, ec2, whoIsWho, permissions, lastSweepAt } = options;
  const nomad: NomadReads = new NomadApi(readOnly(options.transport), clock);
  const autoScaling: Pick<AutoScaling, 'members' | 'hook' | 'firstPolicies'> = options.autoScaling;
  const groups = config.groups.filter(({ name }) => name !== ANY_GROUP);
  const { nodeMetaKey } = config.nomad;
  return {
    groups,
    policy: config.policy,
    clock,
    permissions,
    members: () => autoScaling.members(groups.map(({ name }) => name)),
    clients: new NomadClients({ nomad, clock, whoIsWho, permissions }),
    jobs: new NomadJobs(nomad),
    logs: new NomadLogs(nomad, nodeMetaKey),
    endedBuilds: () => lastBuilds(nomad),
    blockedGroups: () => blockedGroups(nomad),
    // Through SSM no job is read: SSM keeps a history of answers, and a job has the environment of its tasks in it.
    needsOf: async (services) => (config.nomad.via === 'ssm' ? new Map() : needsOf(nomad, services)),
    examination: examination({
      config,
      groups,
      clock,
      nomad,
      autoScaling,
      lastSweepAt,
      // Its own memory: what is asked is how the hooks are now.
      hooks: new Hooks({ autoScaling, clock, journal, memory: new Map(), asConfigured: false }),
      describe: (ids) => describeInstances(forRun(ec2, clock), ids, () => {}),
      tls: async () => (config.nomad.via === 'http' ? tlsOf(config.nomad, aws, clock) : {}),
      gateways: async () => (config.nomad.via === 'ssm' ? aws.instances(config.nomad).list(clock) : []),
    }),
  };
}
