import type { EC2Client } from '@aws-sdk/client-ec2';
import { SSMClient } from '@aws-sdk/client-ssm';
import type { RunClock } from '../core/model/clock.ts';
import type { Instances } from '../nomad/transport/ssm.ts';
import { type AutoScaling, waits } from './auto-scaling.ts';
import { CLIENT, forRun } from './client.ts';
import { running, runningWithTag } from './ec2.ts';
import { COMMAND_LIVES_MS, CommandFailed, runCommand } from './run-command.ts';

/** Where to find the instances that ask Nomad for us. */
interface GatewaysOptions {
  ec2: EC2Client;
  autoScaling: (clock: RunClock) => Pick<AutoScaling, 'members'>;
  groups: () => readonly string[];
  /** The Command document that asks. */
  document: string;
  /** The tag of the gateways; without it the instances of the groups are asked, those in service first. */
  gateway?: { tag: string; value: string } | undefined;
}

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
      const members = await autoScaling(clock).members(groups());
      const inService = members.filter(({ state }) => state === 'InService').map(({ instanceId }) => instanceId);
      const others = members.filter(waits).map(({ instanceId }) => instanceId);
      const waiting = await running(ec2ForRun, others).catch((error) => {
        if (inService.length === 0) throw error;
        return new Map<string, string[]>();
      });
      return [...inService, ...waiting.keys()];
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
          `a request for this node was sent before, and may still be executed for ${seconds} s more`,
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
