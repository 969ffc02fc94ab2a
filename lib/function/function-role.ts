import { Aws } from 'aws-cdk-lib';
import type * as autoscaling from 'aws-cdk-lib/aws-autoscaling';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as logs from 'aws-cdk-lib/aws-logs';
import { Construct, Dependable } from 'constructs';
import { acknowledge, acknowledgeWildcard } from '../acknowledge.ts';

/** The resources that the function needs permissions for. */
export interface FunctionRoleProps {
  /** The role to add the permissions to. @default - a new one */
  readonly role: iam.IRole | undefined;
  /** The groups of the instances that it releases. */
  readonly groups: readonly autoscaling.IAutoScalingGroup[];
  /** The log group it writes to. */
  readonly logGroup: logs.ILogGroup;
  /** Whether it drains before scheduled maintenance, and before Spot interruptions. */
  readonly readsMaintenance: boolean;
  readonly readsSpotRequests: boolean;
  /** Whether it runs inside a VPC. */
  readonly inVpc: boolean;
}

const WRITE_LOG = ['logs:CreateLogStream', 'logs:PutLogEvents'];

/**
 * By these the Lambda service attaches a function to subnets, with the function's role and on `*`:
 * https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions
 */
const ATTACH_TO_VPC = [
  'ec2:AssignPrivateIpAddresses',
  'ec2:CreateNetworkInterface',
  'ec2:DeleteNetworkInterface',
  'ec2:DescribeNetworkInterfaces',
  'ec2:DescribeSubnets',
  'ec2:UnassignPrivateIpAddresses',
];

/**
 * Denies that to the code of the function itself: the condition key is there if the code asks, and not if the service does.
 * https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-best-practice
 */
const denyAttachToCode = () =>
  new iam.PolicyStatement({
    sid: 'DenyAttachToCode',
    effect: iam.Effect.DENY,
    actions: ['ec2:*NetworkInterface*', 'ec2:*PrivateIpAddresses'],
    resources: ['*'],
    conditions: { Null: { 'lambda:SourceFunctionArn': 'false' } },
  });

/** A role for a function. The CDK makes a function depend on its role and all its policies: it refers to the role, so the policies are enough. */
export function lambdaRole(scope: Construct, id: string, description: string): iam.Role {
  const role = new iam.Role(scope, id, {
    description,
    assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com'),
  });
  Dependable.implement(role, {
    get dependencyRoots() {
      return role.node.children.filter((child) => child instanceof iam.Policy || child instanceof iam.ManagedPolicy);
    },
  });
  return role;
}

/** What every function needs: its log group, which exists before it, and inside a VPC its network. */
export function grantRunning({ grantPrincipal }: iam.IGrantable, logGroup: logs.ILogGroup, inVpc: boolean): void {
  const allow = (sid: string, actions: string[], resource: string) =>
    grantPrincipal.addToPrincipalPolicy(new iam.PolicyStatement({ sid, actions, resources: [resource] }));
  allow('WriteLog', WRITE_LOG, logGroup.logGroupArn);
  if (!inVpc) return;
  allow('AttachToVpc', ATTACH_TO_VPC, '*');
  grantPrincipal.addToPrincipalPolicy(denyAttachToCode());
}

/** A policy that is attached to a role; statements for the role go there. */
class PolicyOf implements iam.IPrincipal {
  readonly grantPrincipal: iam.IPrincipal = this;
  readonly assumeRoleAction: string;
  readonly policyFragment: iam.PrincipalPolicyFragment;
  readonly #policy: iam.Policy;

  constructor(scope: Construct, role: iam.IRole) {
    this.assumeRoleAction = role.assumeRoleAction;
    this.policyFragment = role.policyFragment;
    this.#policy = new iam.Policy(scope, 'Policy');
    role.attachInlinePolicy(this.#policy);
  }

  addToPrincipalPolicy(statement: iam.PolicyStatement): iam.AddToPrincipalPolicyResult {
    this.#policy.addStatements(statement);
    return { statementAdded: true, policyDependable: this.#policy };
  }
}

/** The role of the function: one statement per concern. No managed policies: they grant more than is needed. */
export class FunctionRole extends Construct {
  readonly role: iam.IRole;
  /** What permissions are granted to: the role; or where it is the app's, a policy of its own, whose statements no other has. */
  readonly grantee: iam.IGrantable;

  constructor(scope: Construct, id: string, props: FunctionRoleProps) {
    super(scope, id);
    this.role = props.role ?? lambdaRole(this, 'Resource', 'What the Nomad drain hook may do');
    this.grantee = props.role ? new PolicyOf(this, props.role) : this.role;

    // The only writes: complete a lifecycle action or record a heartbeat, in these groups only.
    const groupArns = props.groups.map((group) => groupArn(group.autoScalingGroupName));
    this.#allow(
      'AnswerLifecycleHook',
      ['autoscaling:CompleteLifecycleAction', 'autoscaling:RecordLifecycleActionHeartbeat'],
      groupArns,
      { StringEquals: { 'aws:RequestedRegion': Aws.REGION } },
    );
    for (const arn of groupArns) {
      acknowledgeWildcard(
        this.role,
        arn,
        'The ARN of a group has an id in it that its name does not tell; the name is given in full, the region by a condition.',
      );
    }
    // Which instances wait, since when, for which hook. Auto Scaling has no resource-level permissions for Describe actions.
    this.#allow('ReadAutoScaling', [
      'autoscaling:DescribeAutoScalingGroups',
      'autoscaling:DescribeAutoScalingInstances',
      'autoscaling:DescribeLifecycleHooks',
      'autoscaling:DescribeScalingActivities',
      'autoscaling:DescribeWarmPool',
    ]);
    // Whether an instance still runs, and its addresses, which identify its Nomad node. No resource-level permission.
    this.#allow('ReadInstances', ['ec2:DescribeInstances']);
    // Which maintenance is scheduled for them. No resource-level permission.
    if (props.readsMaintenance) this.#allow('ReadMaintenance', ['ec2:DescribeInstanceStatus']);
    // Which of them EC2 interrupts, should its warning be lost. No resource-level permission.
    if (props.readsSpotRequests) this.#allow('ReadSpotRequests', ['ec2:DescribeSpotInstanceRequests']);
    grantRunning(this.grantee, props.logGroup, props.inVpc);
    acknowledge(this.role, {
      'AwsSolutions-IAM5[Resource::*]':
        'AWS knows no narrower permission for these actions; docs/security.md lists each.',
    });
  }

  #allow(sid: string, actions: string[], resources: string[] = ['*'], conditions: Record<string, object> = {}): void {
    // The CDK merges statements without a sid; one with a sid stays as it is.
    this.grantee.grantPrincipal.addToPrincipalPolicy(new iam.PolicyStatement({ sid, actions, resources, conditions }));
  }
}

/**
 * The ARN of a group in a policy. Partition, region and account are wildcards, because a plain template makes the list by
 * joining names with a fixed text; it is shorter, too. A role has no access to other accounts, and a condition limits the
 * region.
 * @param name may be a token
 */
export const groupArn = (name: string) => `arn:*:autoscaling:*:*:autoScalingGroup:*:autoScalingGroupName/${name}`;
