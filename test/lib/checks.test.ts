import { App, type Stack, Validations } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as kms from 'aws-cdk-lib/aws-kms';
import { AwsSolutionsChecks, type NagPack, ServerlessChecks } from 'cdk-nag';
import { beforeAll, describe, expect, test } from 'vitest';
import { NomadAccess } from '../../lib/access/nomad-access.ts';
import type { NomadDrainHookProps } from '../../lib/props.ts';
import { cdkContext, drainHook, emptyStack, groupIn } from './stacks.ts';

const address = 'https://nomad.internal:4646';

/** What people deploy, each in a stack of its own. Whatever adds a resource to the construct adds a line here. */
const VARIANTS: Record<string, (stack: Stack) => Partial<NomadDrainHookProps>> = {
  plain: () => ({}),
  testEvents: () => ({ testEvents: { createRegistry: true } }),
  severalGroups: () => ({
    groups: ['builders', 'runners'],
    nomad: NomadAccess.http({ address, token: '/t', ca: '/ca' }),
  }),
  groupOfTheSameStack: (stack) => ({ groups: [groupIn(stack)] }),
  idleFirst: (stack) => ({ groups: [groupIn(stack), 'runners'], chooseIdleFirst: true }),
  idleFirstInsideVpc: (stack) => ({ chooseIdleFirst: true, vpc: importedVpc(stack) }),
  admission: (stack) => ({ groups: [groupIn(stack), 'runners'], admitWhenReady: true }),
  groupOfAnotherStack: (stack) => ({ groups: [groupIn(emptyStack('Fleet', stack.node.root as App))] }),
  insideVpc: (stack) => ({ vpc: importedVpc(stack), vpcEndpoints: true }),
  notices: () => ({ notices: { rebalance: 'cordon', maintenance: true }, purgeNodes: true }),
  runCommand: () => ({ nomad: NomadAccess.runCommand() }),
  clients: (stack) => ({ nomad: NomadAccess.clients({ token: '/t' }), vpc: importedVpc(stack), chooseIdleFirst: true }),
  login: () => ({ nomad: NomadAccess.http({ address, login: { authMethod: 'aws' } }) }),
  ownKey: (stack) => {
    const encryptionKey = new kms.Key(stack, 'Key', { enableKeyRotation: true });
    return { nomad: NomadAccess.http({ address, token: '/t', encryptionKey }) };
  },
};

const PACKS = { AwsSolutionsChecks, ServerlessChecks };

/** A VPC that is not ours to check. */
function importedVpc(stack: Stack): ec2.IVpc {
  return ec2.Vpc.fromVpcAttributes(stack, 'Vpc', {
    vpcId: 'vpc-11111111',
    availabilityZones: ['a'],
    privateSubnetIds: ['subnet-11111111'],
    privateSubnetRouteTableIds: ['rtb-11111111'],
    vpcCidrBlock: '10.0.0.0/16',
  });
}

/** What a pack finds in the construct, not in what stands around it. */
function findings(pack: NagPack, app: App): string[] {
  const { violations } = pack.validateScope(app);
  return violations.flatMap(({ ruleName, violatingResources }) =>
    violatingResources
      .map(({ constructPath }) => `${ruleName} at ${constructPath}`)
      .filter((finding) => finding.includes('/DrainHook/')),
  );
}

describe.each(Object.entries(PACKS))('of what cdk-nag checks, %s', (_, Pack) => {
  const app = new App({ context: cdkContext });
  beforeAll(() => {
    for (const [name, props] of Object.entries(VARIANTS)) {
      const stack = emptyStack(name, app);
      drainHook(props(stack), stack);
    }
    app.synth();
  });

  test('finds nothing, or it is said in the construct why it is right', () => {
    expect(findings(new Pack(app), app)).toEqual([]);
  });

  test('finds all that is acknowledged: no excuse stands for something that is no longer there', () => {
    const everything = new Pack(app);
    Object.defineProperty(everything, 'isAcknowledged', { value: () => false });
    const found = findings(everything, app).map((finding) => finding.replace(/ at .*/, ''));
    expect(new Set(found)).toEqual(new Set(acknowledged(app).filter((id) => id.startsWith(everything.readPackName))));
  });
});

test('an app that checks itself on every synthesis is let through', () => {
  const app = new App({ context: cdkContext });
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new ServerlessChecks(app));
  drainHook({}, emptyStack('Checked', app));
  expect(() => app.synth()).not.toThrow();
  expect(process.exitCode).toBeUndefined();
});

/** The rules that the construct says it need not follow. */
function acknowledged(app: App): string[] {
  return app.node
    .findAll()
    .flatMap(({ node }) => node.metadata.filter(({ type }) => type === Validations.ACKNOWLEDGED_RULES_METADATA_KEY))
    .flatMap(({ data }) => Object.keys(data as object))
    .map((id) => id.replace(/^annotation::/i, ''));
}
