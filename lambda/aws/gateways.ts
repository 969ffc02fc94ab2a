import type { EC2Client } from '@aws-sdk/client-ec2';
import type { SSMClient } from '@aws-sdk/client-ssm';
import type { RunClock } from '../clock.ts';
import type { Instances } from '../nomad/via-instances.ts';
import type { AutoScaling } from './auto-scaling.ts';
import { forRun } from './for-run.ts';
import { runningWithTag } from './instances.ts';
import { runCommand } from './run-command.ts';

/** Who asks Nomad in our stead. */
export interface GatewaysOptions {
  ec2: EC2Client;
  ssm: SSMClient;
  autoScaling: (clock: RunClock) => Pick<AutoScaling, 'members'>;
  groups: readonly string[];
  /** The Command document that asks. */
  document: string;
  /** The tag that gateways bear; without it, the instances in service in the groups are asked. */
  gateway?: { tag: string; value: string } | undefined;
}

/** The instances that can ask Nomad for us, by SSM Run Command. */
export function gateways({ ec2, ssm, autoScaling, groups, document, gateway }: GatewaysOptions): Instances {
  return {
    list: async (clock) => {
      if (gateway) return runningWithTag(forRun(ec2, clock), gateway);
      const members = await autoScaling(clock).members(groups);
      return members.filter(({ state }) => state === 'InService').map(({ instanceId }) => instanceId);
    },
    run: (instanceId, parameters, limitMs, clock) =>
      // A command that may have been sent is not sent again.
      runCommand(forRun(ssm, clock, { silences: 1 }), clock, { document, instanceId, parameters, limitMs }),
  };
}
