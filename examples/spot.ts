/**
 * A group of Spot instances, beside one of On-Demand instances; one hook serves both.
 *
 * Choose it where some instances are Spot, for jobs that bear being moved. EC2 takes a Spot instance two minutes after its
 * warning, whatever a lifecycle hook says. By default that warning starts a drain at once, which ends half a minute before the
 * instance: tasks are killed in order while it is still there, so `kill_timeout` of the jobs has to fit into that half minute. A
 * drain that is already on, and would take longer, is shortened. So the deadline may be one of hours: it is for scale-in.
 *
 * EC2 may say earlier that an instance is at risk: minutes or hours before the warning, together with it, or without a warning
 * ever to follow. Capacity rebalancing has Auto Scaling start another instance then and terminate this one, through the hook, once
 * the other is in service. `cordon` makes the node ineligible until then: what runs goes on, and no new build lands on it. If its
 * instance is still in service after half an hour, the node is made eligible again.
 */
import { App, Duration, Stack } from 'aws-cdk-lib';
import * as autoscaling from 'aws-cdk-lib/aws-autoscaling';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { NomadAccess, NomadDrainHook } from 'nomad-drain-hook';

const stack = new Stack(new App(), 'SpotBuilders');
const vpc = new ec2.Vpc(stack, 'Vpc', { natGateways: 1 });
const machineImage = ec2.MachineImage.latestAmazonLinux2023();

const spot = new autoscaling.AutoScalingGroup(stack, 'Spot', {
  vpc,
  maxCapacity: 40,
  capacityRebalance: true,
  mixedInstancesPolicy: {
    launchTemplate: new ec2.LaunchTemplate(stack, 'SpotClient', {
      machineImage,
      instanceType: new ec2.InstanceType('m7i.large'),
    }),
    // Several kinds: the more pools there are to choose from, the fewer interruptions.
    launchTemplateOverrides: ['m7i.large', 'm7a.large', 'm6i.large'].map((type) => ({
      instanceType: new ec2.InstanceType(type),
    })),
    instancesDistribution: {
      onDemandPercentageAboveBaseCapacity: 0,
      spotAllocationStrategy: autoscaling.SpotAllocationStrategy.PRICE_CAPACITY_OPTIMIZED,
    },
  },
});
const onDemand = new autoscaling.AutoScalingGroup(stack, 'OnDemand', {
  vpc,
  machineImage,
  instanceType: new ec2.InstanceType('m7i.large'),
  maxCapacity: 10,
});

const nomad = NomadAccess.http({ address: 'https://nomad.example.com:4646', token: '/nomad/drain-token' });
new NomadDrainHook(stack, 'DrainHook', {
  groups: [spot, onDemand],
  nomad,
  policy: { deadline: Duration.hours(2) },
  // `spot: true` is the default.
  notices: { rebalance: 'cordon', restoreAfter: Duration.minutes(30) },
});
