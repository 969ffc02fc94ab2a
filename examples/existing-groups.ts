/**
 * Three groups that exist already, by their names.
 *
 * Choose it where Terraform, another stack or the console made the groups: nothing about them changes but the lifecycle hook
 * that each is given. One function serves them all, as long as they belong to one Nomad cluster; a group may have options of its own.
 */
import { App, Duration, Stack } from 'aws-cdk-lib';
import * as logs from 'aws-cdk-lib/aws-logs';
import { NomadAccess, NomadDrainHook } from 'nomad-drain-hook';

const stack = new Stack(new App(), 'NomadDrainHook');

new NomadDrainHook(stack, 'DrainHook', {
  // Services move to another client in minutes; builds may take hours.
  groups: ['builders-amd64', 'builders-arm64', { group: 'services', deadline: Duration.minutes(30) }],
  nomad: NomadAccess.http({
    address: 'https://nomad.example.com:4646',
    // No stored secret: Nomad trusts the function's own AWS identity. See docs/security.md.
    login: { authMethod: 'aws' },
  }),
  policy: {
    deadline: Duration.hours(4),
    // Log shippers and the like run until the end, and nobody waits for them.
    ignoreSystemJobs: true,
  },
  logRetention: logs.RetentionDays.ONE_YEAR,
});
