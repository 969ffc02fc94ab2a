import { Aws } from 'aws-cdk-lib';
import type * as autoscaling from 'aws-cdk-lib/aws-autoscaling';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as logs from 'aws-cdk-lib/aws-logs';
import { Construct, Dependable } from 'constructs';
import { acknowledge, acknowledgeWildcard } from '../acknowledge.ts';

/** What the function works with. */
export interface FunctionRoleProps {
  /** The groups whose instances it releases. */
  readonly groups: readonly autoscaling.IAutoScalingGroup[];
  /** The log group it writes to. */
  readonly logGroup: logs.ILogGroup;
  /** Whether it runs inside a VPC. */
  readonly inVpc: boolean;
}

/** The role of the function: one statement per concern. No managed policy: those grant more than is needed. */
export class FunctionRole extends Construct {
  readonly role: iam.Role;

  constructor(scope: Construct, id: string, props: FunctionRoleProps) {
    super(scope, id);
    this.role = new iam.Role(this, 'Resource', {
      description: 'What the Nomad drain hook may do',
      assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com'),
    });

    // The only writes: release an instance, or ask for more time, and that only in the groups it serves.
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
    // Who waits, since when, and for which hook. Auto Scaling knows no resource-level permission for what describes.
    this.#allow('ReadAutoScaling', [
      'autoscaling:DescribeAutoScalingGroups',
      'autoscaling:DescribeAutoScalingInstances',
      'autoscaling:DescribeLifecycleHooks',
      'autoscaling:DescribeScalingActivities',
      'autoscaling:DescribeWarmPool',
    ]);
    // Whether an instance still runs, and its addresses, by which its Nomad node is found. No resource-level permission.
    this.#allow('ReadInstances', ['ec2:DescribeInstances']);
    // Its own log group, which exists before the function does, so nothing is ever created.
    this.#allow('WriteLog', ['logs:CreateLogStream', 'logs:PutLogEvents'], [props.logGroup.logGroupArn]);
    if (props.inVpc) {
      // Lambda's service attaches the function to the subnets under this role. It demands "*"; the list is that of
      // https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions
      this.#allow('AttachToVpc', [
        'ec2:AssignPrivateIpAddresses',
        'ec2:CreateNetworkInterface',
        'ec2:DeleteNetworkInterface',
        'ec2:DescribeNetworkInterfaces',
        'ec2:DescribeSubnets',
        'ec2:UnassignPrivateIpAddresses',
      ]);
    }
    // The CDK has the function wait for its role and all of its policies. It refers to the role: the policies are enough.
    const { role } = this;
    Dependable.implement(role, {
      get dependencyRoots() {
        return role.node.children.filter((child) => child instanceof iam.Policy || child instanceof iam.ManagedPolicy);
      },
    });
    acknowledge(this.role, {
      'AwsSolutions-IAM5[Resource::*]':
        'AWS knows no narrower permission for these actions; docs/security.md lists each.',
    });
  }

  #allow(sid: string, actions: string[], resources: string[] = ['*'], conditions: Record<string, object> = {}): void {
    // A statement with a name stays as it is written; the CDK merges the others.
    this.role.addToPolicy(new iam.PolicyStatement({ sid, actions, resources, conditions }));
  }
}

/**
 * A group as a policy names it. Partition, region and account are left open, since a template without the CDK makes the list
 * by joining names with a fixed text; it is shorter too. A role reaches no other account, and a condition holds the region.
 * @param name may be a token
 */
export const groupArn = (name: string) => `arn:*:autoscaling:*:*:autoScalingGroup:*:autoScalingGroupName/${name}`;
