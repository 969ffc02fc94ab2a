import { Aws, CfnOutput, Duration, Stack } from 'aws-cdk-lib';
import * as autoscaling from 'aws-cdk-lib/aws-autoscaling';
import * as events from 'aws-cdk-lib/aws-events';
import type * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { CONFIG_VARIABLE, type ConfigDocument } from '../../lambda/config/config.ts';
import type { ConfigProblem } from '../../lambda/errors.ts';
import { acknowledge } from '../acknowledge.ts';
import type { WrittenDocument } from '../document.ts';
import type { IdleFirstOptions } from '../props.ts';
import { type AskingGroup, choosingGroups } from './asking-groups.ts';
import type { functionProps } from './function-props.ts';
import { grantRunning, lambdaRole } from './function-role.ts';
import { FunctionTarget } from './function-target.ts';
import { CHOOSING_MEMORY } from './memory.ts';

/** The first termination policy of a group that asks no function, and has none. */
const DEFAULT = 'Default';

/** The caller, and how to answer it. */
export interface WhoGoesProps {
  readonly asking: readonly AskingGroup[];
  /** The options of groups without their own, if these ask. */
  readonly shared: IdleFirstOptions | undefined;
  /** The configuration of the function that drains. */
  readonly document: WrittenDocument;
  /** What it has in common with that function. */
  readonly common: ReturnType<typeof functionProps>;
  /** Grants a role the way to Nomad and to the event bus. */
  readonly grant: (scope: Construct, role: iam.IRole) => void;
}

/**
 * The function that Auto Scaling asks which instances go: the same bundle, kept warm, because it has two seconds and sweeps keep the
 * other one busy. Nothing of it refers to a group of its own stack, so that such a group can be made after it, with the permission
 * there already (docs/decisions/0007-who-goes.md).
 */
export class WhoGoes extends Construct {
  readonly function: lambda.Function;

  constructor(scope: Construct, id: string, { asking, shared, document, common, grant }: WhoGoesProps) {
    super(scope, id);
    const { nomad, hook } = document;
    const configuration: ConfigDocument = {
      groups: choosingGroups(asking, shared).map((group) => ({ ...group, hook: hook.name })),
      nomad,
      ...(document.events && { events: document.events }),
    };
    const role = this.#role(common);
    grant(this, role);
    this.function = new lambda.Function(this, 'Function', {
      ...common,
      memorySize: CHOOSING_MEMORY,
      description: 'Chooses which instances Auto Scaling terminates: idle Nomad clients first',
      // Auto Scaling waits two seconds. The rest is for a cold start that the rule below brings about.
      timeout: Duration.seconds(5),
      role,
      environment: { [CONFIG_VARIABLE]: Stack.of(this).toJsonString(configuration) },
    });
    acknowledge(this.function, {
      'Serverless-LambdaDLQ': 'Auto Scaling waits for its answer, and the rule that keeps it warm comes again.',
      'Serverless-LambdaTracing': 'Its log says what was asked and how long it took.',
    });
    this.#keepWarm();
    this.#letAsk(asking);
  }

  /** It completes no lifecycle action, and changes nothing in AWS. */
  #role({ logGroup, vpc }: WhoGoesProps['common']): iam.Role {
    const role = lambdaRole(this, 'Role', 'What the function that says which instances go may do');
    grantRunning(role, logGroup, vpc !== undefined);
    if (vpc) {
      acknowledge(role, { 'AwsSolutions-IAM5[Resource::*]': 'Lambda requires it; docs/security.md says why.' });
    }
    return role;
  }

  #keepWarm(): void {
    const rule = new events.Rule(this, 'Warm', {
      description: 'Every 4 minutes: keeps the function that chooses instances warm',
      schedule: events.Schedule.rate(Duration.minutes(4)),
    });
    rule.addTarget(
      new FunctionTarget(this.function, {
        event: events.RuleTargetInput.fromObject({ command: 'warm' }),
        retryAttempts: 0,
        maxEventAge: Duration.minutes(1),
      }),
    );
    acknowledge(rule, {
      'Serverless-EventBusDLQ': 'What is lost says nothing, and four minutes later it comes again.',
    });
  }

  /** Auto Scaling asks by the service-linked role of a group. */
  #permissions(asking: readonly AskingGroup[]): Map<string | undefined, lambda.CfnPermission> {
    const suffixes = new Set(asking.map(({ idleFirst }) => idleFirst.serviceLinkedRoleSuffix));
    return new Map(
      [...suffixes].map((suffix, index) => {
        const name = `AWSServiceRoleForAutoScaling${suffix ? `_${suffix}` : ''}`;
        const permission = new lambda.CfnPermission(this, `AutoScaling${index > 0 ? `-${suffix}` : ''}`, {
          action: 'lambda:InvokeFunction',
          functionName: this.function.functionArn,
          principal: `arn:${Aws.PARTITION}:iam::${Aws.ACCOUNT_ID}:role/aws-service-role/autoscaling.amazonaws.com/${name}`,
        });
        return [suffix, permission];
      }),
    );
  }

  #letAsk(asking: readonly AskingGroup[]): void {
    const permissions = this.#permissions(asking);
    for (const { group, idleFirst } of asking) {
      const made = madeHere(group, Stack.of(this));
      const permission = permissions.get(idleFirst.serviceLinkedRoleSuffix);
      if (!made || !permission) continue;
      made.terminationPolicies = [this.function.functionArn, ...(made.terminationPolicies ?? [DEFAULT])];
      made.node.addDependency(permission);
    }
    const others = asking.filter(({ group }) => !madeHere(group, Stack.of(this)));
    if (others.length === 0) return;
    const names = others.map(({ group }) => quoted(group.autoScalingGroupName));
    new CfnOutput(this, 'Ask', {
      description: 'Makes the function a termination policy of the groups',
      value: policyCommand(names, `${this.function.functionArn} ${DEFAULT}`),
    });
    new CfnOutput(this, 'AskNoMore', {
      description: 'Reverts that: before the stack is deleted, or chooseIdleFirst is removed',
      value: policyCommand(names, DEFAULT),
    });
  }
}

/** The groups of this stack that have a termination policy of their own already which is a function: a group can have one. */
export function groupsThatAskOthers(asking: readonly AskingGroup[], stack: Stack): ConfigProblem[] {
  return asking.flatMap(({ group, index }): ConfigProblem[] => {
    const policies = madeHere(group, stack)?.terminationPolicies ?? [];
    if (!policies.some((policy) => policy.includes(':') || policy.includes('${Token['))) return [];
    const message =
      'has a function as its termination policy already, and a group can have only one: remove one of the two';
    return [{ path: ['groups', index], id: 'nomad-drain-hook:asksAnother', message }];
  });
}

/** The resource of a group that this stack makes; undefined for one that exists, or is another stack's. */
function madeHere({ node }: autoscaling.IAutoScalingGroup, stack: Stack): autoscaling.CfnAutoScalingGroup | undefined {
  const child = node.defaultChild;
  return child instanceof autoscaling.CfnAutoScalingGroup && Stack.of(child) === stack ? child : undefined;
}

const policyCommand = (names: string[], policies: string) =>
  `for group in ${names.join(' ')}; do aws autoscaling update-auto-scaling-group --auto-scaling-group-name "$group" ` +
  `--termination-policies ${policies}; done`;

const quoted = (name: string) => `'${name.replaceAll("'", "'\\''")}'`;
