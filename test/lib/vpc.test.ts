import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { describe, expect, test } from 'vitest';
import { NomadAccess } from '../../lib/access/nomad-access.ts';
import { drainHook, emptyStack, only, problemsOf, resources, templateOf, vpcIn } from './stacks.ts';

describe('inside a VPC', () => {
  test('it runs only if asked', () => {
    expect(only(templateOf(), 'AWS::Lambda::Function').Properties.VpcConfig).toBeUndefined();
  });

  test('it takes the private subnets and a security group of its own', () => {
    const stack = emptyStack();
    const vpc = vpcIn(stack);
    const config = only(templateOf({ vpc }, stack), 'AWS::Lambda::Function').Properties.VpcConfig;
    expect(config.SubnetIds).toEqual(vpc.privateSubnets.map((subnet) => stack.resolve(subnet.subnetId)));
    expect(config.SecurityGroupIds).toHaveLength(1);
  });

  test('it takes the subnets and the security groups given', () => {
    const stack = emptyStack();
    const vpc = vpcIn(stack);
    const group = ec2.SecurityGroup.fromSecurityGroupId(stack, 'Group', 'sg-11111111');
    const template = templateOf(
      { vpc, vpcSubnets: { subnets: [vpc.privateSubnets[0]!] }, securityGroups: [group] },
      stack,
    );
    expect(only(template, 'AWS::Lambda::Function').Properties.VpcConfig).toEqual({
      SubnetIds: [stack.resolve(vpc.privateSubnets[0]!.subnetId)],
      SecurityGroupIds: ['sg-11111111'],
    });
  });

  test('it has to run if it asks the clients of the groups, by their private addresses', () => {
    expect(problemsOf(() => drainHook({ nomad: NomadAccess.clients() }))).toEqual([
      'vpc: missing: the private addresses of Nomad clients are reachable from inside a VPC alone [nomad-drain-hook:clientsNeedVpc]',
    ]);
    const stack = emptyStack();
    expect(problemsOf(() => drainHook({ nomad: NomadAccess.clients(), vpc: vpcIn(stack) }, stack))).toEqual([]);
  });

  describe('without a NAT gateway', () => {
    const servicesWith = (nomad: NomadAccess) => {
      const stack = emptyStack();
      const template = templateOf({ vpc: vpcIn(stack), vpcEndpoints: true, nomad }, stack);
      const endpoints = Object.values(resources(template, 'AWS::EC2::VPCEndpoint'));
      const names = endpoints.map(({ Properties }) => JSON.stringify(Properties.ServiceName).match(/\.(\w+)"\]/)?.[1]);
      return { template, names: names.toSorted() };
    };
    const address = 'https://nomad.internal:4646';

    test('it is given an endpoint for each API that it asks, and for no other', () => {
      expect(servicesWith(NomadAccess.http({ address })).names).toEqual(['autoscaling', 'ec2', 'events']);
      expect(servicesWith(NomadAccess.http({ address, token: '/t' })).names).toEqual([
        'autoscaling',
        'ec2',
        'events',
        'ssm',
      ]);
      const login = { authMethod: 'aws' };
      expect(servicesWith(NomadAccess.http({ address, login })).names).toEqual(['autoscaling', 'ec2', 'events', 'sts']);
      expect(servicesWith(NomadAccess.clients()).names).toEqual(['autoscaling', 'ec2', 'events']);
      expect(servicesWith(NomadAccess.clients({ login, scheme: 'https', ca: '/ca' })).names).toEqual([
        'autoscaling',
        'ec2',
        'events',
        'ssm',
        'sts',
      ]);
    });

    test('it alone may use them', () => {
      const { template } = servicesWith(NomadAccess.http({ address }));
      const rules = Object.values(resources(template, 'AWS::EC2::SecurityGroupIngress'));
      expect(rules).toHaveLength(3);
      for (const { Properties } of rules) {
        expect(Properties).toMatchObject({ FromPort: 443, ToPort: 443, IpProtocol: 'tcp' });
        expect(Properties.SourceSecurityGroupId).toBeDefined();
      }
      const groups = Object.values(resources(template, 'AWS::EC2::SecurityGroup'));
      expect(groups.flatMap(({ Properties }) => Properties.SecurityGroupIngress ?? [])).toEqual([]);
    });

    test('it needs a VPC for that', () => {
      expect(problemsOf(() => drainHook({ vpcEndpoints: true }))).toEqual([
        'vpcSubnets, securityGroups, vpcEndpoints: no vpc given [nomad-drain-hook:vpcMissing]',
      ]);
    });
  });
});
