import { CfnParameter, Fn, NestedStack, Stack, Stage } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import type { Construct } from 'constructs';
import { describe, expect, test } from 'vitest';
import { NomadAccess } from '../../lib/access/nomad-access.ts';
import { NomadDrainHook } from '../../lib/nomad-drain-hook.ts';
import type { DrainedGroup } from '../../lib/props.ts';
import { drainHook, groupIn, type Json, makeApp, resources } from './stacks.ts';

// CloudFormation makes a resource with a new logical id first and then deletes the old one. To Auto Scaling both hooks are the same
// one, and deleting it releases every waiting instance with its builds: docs/removal.md.

const app = () => makeApp();

/** All that the construct can make, for the groups of `groups`. */
function everythingFor(scope: Construct, groups: readonly DrainedGroup[]): NomadDrainHook {
  return new NomadDrainHook(scope, 'DrainHook', {
    groups,
    nomad: NomadAccess.http({ address: 'https://nomad.internal:4646', token: '/nomad/drain-token' }),
    notices: { rebalance: 'cordon', maintenance: true },
    chooseIdleFirst: true,
    testEvents: { createRegistry: true },
    vpc: ec2.Vpc.fromVpcAttributes(scope, 'Network', {
      vpcId: 'vpc-11111111',
      availabilityZones: ['a'],
      privateSubnetIds: ['subnet-11111111'],
      vpcCidrBlock: '10.0.0.0/16',
    }),
    vpcEndpoints: true,
  });
}

/** A stack with a group of its own, one by name, one by a parameter and one that another stack exports. */
function team(scope: Construct, id: string): Stack {
  const stack = new Stack(scope, id, { stackName: 'team' });
  const parameter = new CfnParameter(stack, 'GroupName');
  everythingFor(stack, [groupIn(stack), 'runners', parameter.valueAsString, Fn.importValue('agents')]);
  return stack;
}

/** The logical ids, and of what the construct makes all there is: the CDK itself writes paths into the tags of a group and what describes a security group. */
const everything = (stack: Stack): Json =>
  Object.fromEntries(
    Object.entries<Json>(Template.fromStack(stack).toJSON().Resources).map(([id, resource]) => [
      id,
      id.startsWith('DrainHook') && resource.Type !== 'AWS::EC2::SecurityGroup' ? resource : resource.Type,
    ]),
  );
const hookIds = (stack: Stack) => Object.keys(resources(Template.fromStack(stack), 'AWS::AutoScaling::LifecycleHook'));

describe('the logical ids of all resources are the same', () => {
  const alone = everything(team(app(), 'Team'));

  test.each<[string, () => Stack]>([
    ['when the stack moves into a stage, as for CDK Pipelines', () => team(new Stage(app(), 'Prod'), 'Team')],
    ['when the stack has another construct id and the same name', () => team(app(), 'Renamed')],
  ])('%s', (_, other) => {
    expect(everything(other())).toEqual(alone);
  });

  test.each<[string, (scope: Construct, id: string) => Stack]>([
    [
      'with the group in a nested stack',
      (scope, id) => {
        const stack = new Stack(scope, id, { stackName: 'team' });
        everythingFor(stack, [groupIn(new NestedStack(stack, 'Clients'))]);
        return stack;
      },
    ],
    [
      'with the hook in a nested stack',
      (scope, id) => {
        const stack = new Stack(scope, id, { stackName: 'team' });
        const nested = new NestedStack(stack, 'Drain');
        everythingFor(nested, [groupIn(stack)]);
        return nested;
      },
    ],
    [
      'with the group in another stack',
      (scope, id) => {
        const clients = new Stack(scope, `${id}Clients`, { stackName: 'clients' });
        const stack = new Stack(scope, id, { stackName: 'team' });
        everythingFor(stack, [groupIn(clients)]);
        return stack;
      },
    ],
  ])('%s', (_, made) => {
    const ids = (stack: Stack) => Object.keys(everything(stack));
    const here = ids(made(app(), 'Team'));
    expect(ids(made(new Stage(app(), 'Prod'), 'Team'))).toEqual(here);
    expect(ids(made(app(), 'Renamed'))).toEqual(here);
  });
});

test("a hook's id does not depend on the place of its group in the list", () => {
  const listed = (order: (groups: DrainedGroup[]) => DrainedGroup[]) => {
    const stack = new Stack(app(), 'Team');
    const parameter = new CfnParameter(stack, 'GroupName');
    everythingFor(stack, order([groupIn(stack), 'runners', parameter.valueAsString, Fn.importValue('agents')]));
    return hookIds(stack).sort();
  };
  expect(listed((groups) => groups.toReversed())).toEqual(listed((groups) => groups));
});

test('groups whose names or paths differ only in punctuation have a hook each', () => {
  const stack = new Stack(app(), 'Team');
  const groups = [groupIn(stack), 'Builders-ASG', 'a/b', 'a--b', 'a-b'];
  drainHook({ groups }, stack);
  expect(hookIds(stack)).toHaveLength(groups.length);
});

test('groups of the same path in two stacks, nested or not, have a hook each', () => {
  const all = app();
  const stack = new Stack(all, 'Team');
  const stacks = [stack, new NestedStack(stack, 'One'), new NestedStack(stack, 'Two'), new Stack(all, 'Clients')];
  everythingFor(
    stack,
    stacks.map((each) => groupIn(each)),
  );
  expect(hookIds(stack)).toHaveLength(stacks.length);
});
