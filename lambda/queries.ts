import type { EC2Client } from '@aws-sdk/client-ec2';
import type { AutoScaling } from './aws/auto-scaling.ts';
import { forRun } from './aws/client.ts';
import { describeInstances } from './aws/ec2.ts';
import { Hooks } from './aws/terminations/lifecycle-hooks.ts';
import type { Config } from './config/config.ts';
import { ANY_GROUP } from './config/names.ts';
import { iso, messageOf } from './core/basics.ts';
import type { EpochMs, RunClock } from './core/model/clock.ts';
import type { Logger } from './core/ports.ts';
import type { Command } from './core/queries/command.ts';
import type { AnswerPorts, Member } from './core/queries/ports.ts';
import { type Answer, answer } from './core/queries/query.ts';
import { examination } from './examination.ts';
import { narrowToken, type Permissions } from './nomad/acl.ts';
import { NomadApi } from './nomad/api.ts';
import { blockedGroups } from './nomad/placement-failures.ts';
import { NomadClients } from './nomad/queries/clients.ts';
import { lastBuilds } from './nomad/queries/finished-builds.ts';
import { NomadJobs } from './nomad/queries/jobs.ts';
import { NomadLogs } from './nomad/queries/logs.ts';
import type { WhoIsWho } from './nomad/queries/nodes-by-instance.ts';
import { needsOf } from './nomad/queries/requirements.ts';
import { type NomadReads, readOnly } from './nomad/read-only.ts';
import { type AwsAccess, addressesOf, tlsOf, usesTls } from './nomad/transport/create-transport.ts';
import type { Transport } from './nomad/transport/transport.ts';
import { VERSION } from './version.ts';

/** What answers are given from. */
export interface AnswerPortsOptions {
  config: Config;
  clock: RunClock;
  logger: Logger;
  autoScaling: AutoScaling;
  ec2: EC2Client;
  aws: AwsAccess;
  transport: Transport;
  whoIsWho: WhoIsWho;
  permissions: () => Promise<Permissions>;
  /** When the last sweep began in this environment of the function. */
  lastSweepAt: EpochMs | undefined;
}

/** The ports of answers, for one run: nothing of them can write. */
function answerPorts(options: AnswerPortsOptions): AnswerPorts {
  const { config, clock, logger, aws, ec2, whoIsWho, permissions, lastSweepAt } = options;
  const nomad: NomadReads = new NomadApi(readOnly(options.transport), clock);
  const autoScaling: Pick<AutoScaling, 'members' | 'hook' | 'firstPolicies' | 'deletionProtections'> =
    options.autoScaling;
  const groups = config.groups.filter(({ name }) => name !== ANY_GROUP);
  const { nodeMetaKey } = config.nomad;
  const readsJobs = config.nomad.via !== 'ssm';
  let described: Promise<Member[]> | undefined;
  // Several checks of doctor need them: they are read once. Answers show them as they are here.
  const members = () => {
    described ??= autoScaling
      .members(groups.map(({ name }) => name))
      .then((all) => all.map(({ instanceId, group, state }) => ({ instanceId, group, state })));
    return described;
  };
  return {
    groups,
    clock,
    permissions,
    members,
    clients: new NomadClients({ nomad, clock, whoIsWho, permissions, readsJobs }),
    jobs: new NomadJobs(nomad),
    logs: new NomadLogs(nomad, nodeMetaKey),
    endedBuilds: () => lastBuilds(nomad),
    blockedGroups: () => blockedGroups(nomad),
    needsOf: async (services) => (readsJobs ? needsOf(nomad, services) : new Map()),
    examination: examination({
      config,
      groups,
      clock,
      nomad,
      autoScaling,
      members,
      lastSweepAt,
      // Its own memory: what is asked is how the hooks are now.
      hooks: new Hooks({ autoScaling, clock, logger, memory: new Map(), asConfigured: false }),
      describe: (ids) => describeInstances(forRun(ec2, clock), ids, () => {}),
      tls: async () => (config.nomad.via !== 'ssm' && usesTls(config.nomad) ? tlsOf(config.nomad, aws, clock) : {}),
      addresses: () => addressesOf(config.nomad, aws, clock),
      through: () => (config.nomad.via === 'http' ? undefined : options.transport.through),
      gateways: async () => (config.nomad.via === 'ssm' ? aws.instances(config.nomad).list(clock) : []),
    }),
  };
}

/**
 * Answers an operator, with ports that cannot write.
 * @throws Error if what was asked for cannot be read, or not in time
 */
export async function answerTo(command: Command, options: AnswerPortsOptions): Promise<Answer> {
  const ports = answerPorts(options);
  const [given, warnings] = await Promise.all([
    answer(command, ports),
    ports.permissions().then(narrowToken, (error) => [`the Nomad token was not checked: ${messageOf(error)}`]),
  ]);
  return { ...given, at: iso(options.clock.now()), warnings, version: VERSION };
}
