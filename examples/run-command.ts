/**
 * Nomad asked on an instance, through SSM Run Command.
 *
 * Choose it where the function has no network path to Nomad: servers in another VPC or on premises, a listener on localhost,
 * a network that nobody wants to open. The function needs no VPC and holds no token; the `nomad` command of an
 * instance does the asking. Good for dozens of waiting instances at once, not for hundreds.
 */
import { App, Stack } from 'aws-cdk-lib';
import * as autoscaling from 'aws-cdk-lib/aws-autoscaling';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import { NomadAccess, NomadDrainHook } from 'nomad-drain-hook';

const stack = new Stack(new App(), 'Builders');

const userData = ec2.UserData.forLinux();
// How the nomad command of an instance reaches its agent; add NOMAD_TOKEN where ACLs are on, and keep the file root's.
userData.addCommands("echo 'NOMAD_ADDR=http://127.0.0.1:4646' > /etc/nomad-drain-hook.env");

const builders = new autoscaling.AutoScalingGroup(stack, 'Builders', {
  vpc: new ec2.Vpc(stack, 'Vpc', { natGateways: 1 }),
  instanceType: new ec2.InstanceType('m7i.large'),
  machineImage: ec2.MachineImage.latestAmazonLinux2023(),
  userData,
});
// The SSM agent of the instances must be allowed to take commands.
builders.role.addManagedPolicy(iam.ManagedPolicy.fromAwsManagedPolicyName('AmazonSSMManagedInstanceCore'));

new NomadDrainHook(stack, 'DrainHook', {
  groups: [builders],
  // Asks on instances of the group itself; `gateway: { tag: 'Role', value: 'nomad-server' }` asks on others.
  nomad: NomadAccess.runCommand(),
});
