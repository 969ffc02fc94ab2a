/**
 * A group of Spot instances, beside one of On-Demand instances.
 *
 * Choose it for jobs that bear being moved. EC2 takes a Spot instance back two minutes after its notice, whatever a lifecycle
 * hook says: a drain that is given longer ends by the machine being gone, and no task is told to stop. So this group has a
 * hook of its own, whose deadline and kill margin together stay below two minutes. Nomad then sends the kill signal
 * while the machine is still there, and `kill_timeout` of the jobs fits into what is left.
 *
 * Capacity rebalancing has Auto Scaling replace an instance once EC2 says that it is at risk, which may be well before the
 * notice or together with it: that termination passes the hook. Without it, Auto Scaling learns of an interruption when it is
 * over, and nothing is left to drain. The short deadline holds for ordinary scale-in of this group, too: what must be
 * allowed to run for hours belongs to the other group.
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
new NomadDrainHook(stack, 'SpotDrainHook', {
  groups: [spot],
  nomad,
  // Some seconds pass until the drain begins: 75 s and 15 s leave half a minute of the two.
  policy: { deadline: Duration.seconds(75), killMargin: Duration.seconds(15) },
});
new NomadDrainHook(stack, 'DrainHook', { groups: [onDemand], nomad });
