/**
 * The group of Nomad clients stands in the same app as the hook.
 *
 * Choose it for a new fleet, or wherever your CDK app makes the group: the hook follows the group, whatever name
 * CloudFormation gives it. Nomad's servers answer inside the VPC only, so the function runs there too, and the servers'
 * security group lets it in.
 */
import { App, Duration, Stack } from 'aws-cdk-lib';
import * as autoscaling from 'aws-cdk-lib/aws-autoscaling';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { NomadAccess, NomadDrainHook } from 'nomad-drain-hook';

const stack = new Stack(new App(), 'Builders');
const vpc = new ec2.Vpc(stack, 'Vpc', { natGateways: 1 });
const servers = new ec2.SecurityGroup(stack, 'NomadServers', { vpc });

const builders = new autoscaling.AutoScalingGroup(stack, 'Builders', {
  vpc,
  instanceType: ec2.InstanceType.of(ec2.InstanceClass.C7G, ec2.InstanceSize.XLARGE),
  machineImage: ec2.MachineImage.latestAmazonLinux2023({ cpuType: ec2.AmazonLinuxCpuType.ARM_64 }),
  maxCapacity: 20,
});

const drainHook = new NomadDrainHook(stack, 'DrainHook', {
  groups: [builders],
  nomad: NomadAccess.http({
    address: 'https://nomad.internal:4646',
    token: '/nomad/drain-token',
    ca: '/nomad/ca',
  }),
  policy: { deadline: Duration.hours(2) },
  vpc,
});
servers.connections.allowFrom(drainHook.lambdaFunction, ec2.Port.tcp(4646), 'The drain hook asks Nomad');
