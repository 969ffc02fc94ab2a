/**
 * The Nomad clients of CircleCI Server.
 *
 * Choose it for an installation whose Nomad servers run in Kubernetes, the default: from AWS no address leads to them, so the
 * function asks the clients of the group, which forward to the servers. The group exists already: CircleCI's Terraform module
 * made it. docs/circleci-server.md has the other ways in, and what else to set.
 */
import { Annotations, App, Duration, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { NomadAccess, NomadDrainHook } from 'nomad-drain-hook';

const stack = new Stack(new App(), 'NomadDrainHook');

// The VPC of the clients, and subnets of it with a NAT gateway: those of the Kubernetes nodes have one.
const vpc = ec2.Vpc.fromVpcAttributes(stack, 'Vpc', {
  vpcId: 'vpc-0123abcd',
  availabilityZones: ['us-east-1a', 'us-east-1b'],
  privateSubnetIds: ['subnet-0123abcd', 'subnet-4567cdef'],
  privateSubnetRouteTableIds: ['rtb-0123abcd', 'rtb-4567cdef'],
});

const drainHook = new NomadDrainHook(stack, 'DrainHook', {
  groups: ['circleci-circleci-nomad-clients-asg'],
  // With external servers the clients have TLS on HTTP: { scheme: 'https', ca: '/circleci/nomad-ca' }.
  nomad: NomadAccess.clients(),
  // The longest build, 5 h by default, and two hours of a rerun with SSH.
  policy: { deadline: Duration.hours(7) },
  vpc,
});
// These clients have no TLS on HTTP, and no ACLs: whoever reaches their port needs no token, with or without this function.
Annotations.of(drainHook).acknowledgeWarning('nomad-drain-hook:plainHttp');
