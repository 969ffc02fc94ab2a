/** An app that uses all there is of the package. Its template must not depend on the CDK that the app has. */
import { App, Duration, Stack } from 'aws-cdk-lib';
import * as autoscaling from 'aws-cdk-lib/aws-autoscaling';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as events from 'aws-cdk-lib/aws-events';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as ssm from 'aws-cdk-lib/aws-ssm';
import { NomadAccess, NomadDrainHook } from 'nomad-drain-hook';

const app = new App();
const stack = new Stack(app, 'Everything');
const vpc = ec2.Vpc.fromVpcAttributes(stack, 'Vpc', {
  vpcId: 'vpc-11111111',
  availabilityZones: ['a'],
  privateSubnetIds: ['subnet-11111111'],
  privateSubnetRouteTableIds: ['rtb-11111111'],
  vpcCidrBlock: '10.0.0.0/16',
});
const builders = new autoscaling.AutoScalingGroup(stack, 'Builders', {
  vpc,
  instanceType: new ec2.InstanceType('t4g.small'),
  machineImage: ec2.MachineImage.latestAmazonLinux2023({ cpuType: ec2.AmazonLinuxCpuType.ARM_64 }),
});
const encryptionKey = new kms.Key(stack, 'Key');
const address = 'https://nomad.example.com:4646';

new NomadDrainHook(stack, 'OverHttps', {
  groups: [builders, { group: 'runners', deadline: Duration.minutes(30), chooseIdleFirst: true }],
  nomad: NomadAccess.http({
    address,
    fallbackAddresses: ['https://other.example.com:4646'],
    token: ssm.StringParameter.fromSecureStringParameterAttributes(stack, 'Token', { parameterName: '/token' }),
    ca: '/ca',
    clientCertificate: '/certificate',
    clientKey: '/key',
    encryptionKey,
  }),
  policy: { deadline: Duration.hours(2), onTimeout: autoscaling.DefaultResult.ABANDON },
  hook: { heartbeatTimeout: Duration.minutes(20), defaultResult: autoscaling.DefaultResult.ABANDON },
  notices: { rebalance: 'drain', maintenance: true },
  purgeNodes: true,
  memorySize: 512,
  chooseIdleFirst: { onlyIdleFor: Duration.minutes(20) },
  monitoring: { alarmTopic: new sns.Topic(stack, 'OnCall') },
  eventBus: new events.EventBus(stack, 'Bus'),
  testEvents: { createRegistry: true },
  vpc,
  vpcEndpoints: true,
});
new NomadDrainHook(stack, 'ByLogin', {
  groups: ['services'],
  nomad: NomadAccess.http({ address, login: { authMethod: 'aws' } }),
  monitoring: { alarms: false, dashboard: false },
});
new NomadDrainHook(stack, 'ThroughInstances', {
  groups: ['gateways'],
  nomad: NomadAccess.runCommand({ gateway: { tag: 'Role', value: 'nomad-server' } }),
});
app.synth();
