import { DescribeInstancesCommand, type EC2Client } from '@aws-sdk/client-ec2';
import { SSMClient } from '@aws-sdk/client-ssm';
import type { RunClock } from '../core/model/clock.ts';
import type { Instances } from '../nomad/transport/ssm.ts';
import type { AutoScaling, InstanceState } from './auto-scaling.ts';
import { CLIENT, forRun } from './client.ts';
import { runningWithTag } from './ec2.ts';
import { COMMAND_LIVES_MS, CommandFailed, runCommand } from './run-command.ts';

/** Where to find the instances that ask Nomad for us. */
interface GatewaysOptions {
  ec2: EC2Client;
  autoScaling: (clock: RunClock) => Pick<AutoScaling, 'members'>;
  groups: readonly string[];
  /** The Command document that asks. */
  document: string;
  /** The tag of the gateways; without it the instances of the groups are asked, those in service first. */
  gateway?: { tag: string; value: string } | undefined;
}

/** Values that one filter of DescribeInstances may have. */
const FILTER_VALUES = 200;

/** The instances that can ask Nomad for us, by SSM Run Command. */
export function gateways(options: GatewaysOptions): Instances {
  const { ec2, autoScaling, groups, document, gateway } = options;
  const ssm = new SSMClient(CLIENT);
  /** Until when an order whose outcome is unknown may still be carried out, by its node. */
  const unsettled = new Map<string, number>();

  return {
    list: async (clock) => {
      const ec2ForRun = forRun(ec2, clock);
      if (gateway) return runningWithTag(ec2ForRun, gateway);
      const members = await autoScaling(clock).members(groups);
      const inService = members.filter(({ state }) => state === 'InService').map(({ instanceId }) => instanceId);
      const waiting = await running(ec2ForRun, members.filter(waits)).catch((error) => {
        if (inService.length === 0) throw error;
        return [];
      });
      return [...inService, ...waiting];
    },

    run: async (instanceId, parameters, limitMs, clock) => {
      // A command that may have been sent is not sent again.
      const patient = forRun(ssm, clock, { silences: 1 });
      const order = () => runCommand(patient, clock, { document, instanceId, parameters, limitMs });
      const { Method, Path = '' } = parameters;
      if (Method === 'GET') return order();

      // In the path, or in the query: `/v1/client/metadata?node_id=…`.
      const node = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/.exec(Path)?.[0] ?? Path;
      const sentAt = clock.now();
      const seconds = Math.ceil(((unsettled.get(node) ?? sentAt) - sentAt) / 1_000);
      if (seconds > 0) {
        throw new CommandFailed(
          `an order for this node was sent before, and may be carried out for ${seconds} s more`,
          false,
        );
      }
      try {
        unsettled.delete(node);
        return await order();
      } catch (error) {
        if (!(error as CommandFailed).undone) unsettled.set(node, sentAt + COMMAND_LIVES_MS);
        throw error;
      }
    },
  };
}

/** An instance that waits for a lifecycle hook runs, and so does its Nomad client; in a warm pool it may be stopped. */
function waits({ state }: InstanceState): boolean {
  return state === 'Terminating' || state.endsWith(':Wait');
}

/** Those of these instances that EC2 says are running. */
async function running(ec2: EC2Client, instances: readonly InstanceState[]): Promise<string[]> {
  if (instances.length === 0) return [];
  const ids = instances.slice(0, FILTER_VALUES).map(({ instanceId }) => instanceId);
  // As a filter: an id that EC2 has forgotten would fail the call for all.
  const Filters = [
    { Name: 'instance-id', Values: ids },
    { Name: 'instance-state-name', Values: ['running'] },
  ];
  const { Reservations } = await ec2.send(new DescribeInstancesCommand({ Filters }));
  const found = new Set(
    (Reservations ?? []).flatMap(({ Instances }) => Instances ?? []).map((each) => each.InstanceId),
  );
  return ids.filter((id) => found.has(id));
}
