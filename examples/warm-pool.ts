/**
 * A group with a warm pool, to which instances return on scale-in.
 *
 * Choose it where clients take minutes to become ready. An instance that returns to the pool is drained like one that dies,
 * since it is stopped or hibernated there; once it is back in service, its node is made eligible again. Nothing has to be
 * said for that: the hook asks for the warm pool by itself.
 */
import { App, Duration, Stack } from 'aws-cdk-lib';
import * as autoscaling from 'aws-cdk-lib/aws-autoscaling';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { NomadAccess, NomadDrainHook } from 'nomad-drain-hook';

const stack = new Stack(new App(), 'WarmBuilders');

const builders = new autoscaling.AutoScalingGroup(stack, 'Builders', {
  vpc: new ec2.Vpc(stack, 'Vpc', { natGateways: 1 }),
  instanceType: ec2.InstanceType.of(ec2.InstanceClass.M7I, ec2.InstanceSize.LARGE),
  machineImage: ec2.MachineImage.latestAmazonLinux2023(),
  maxCapacity: 10,
});
builders.addWarmPool({ minSize: 2, poolState: autoscaling.PoolState.STOPPED, reuseOnScaleIn: true });

new NomadDrainHook(stack, 'DrainHook', {
  groups: [builders],
  nomad: NomadAccess.http({ address: 'https://nomad.example.com:4646', token: '/nomad/drain-token' }),
  policy: { deadline: Duration.hours(1) },
});
