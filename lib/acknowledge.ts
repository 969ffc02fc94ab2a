import { Stack, Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/**
 * Records why a rule of cdk-nag does not apply here. It is metadata of the CDK itself: cdk-nag need not be installed. A CDK
 * without validations (before 2.252) cannot record it, and cdk-nag cannot read it there.
 * @param construct the construct of the finding, or one above it
 * @param reasons why, by the rule's name
 */
export function acknowledge(construct: IConstruct, reasons: Record<string, string>): void {
  // Undefined in an older CDK, whatever the types say.
  Validations?.of(construct).acknowledge?.(...Object.entries(reasons).map(([id, reason]) => ({ id, reason })));
}

/**
 * The same for a wildcard in a policy's resource. cdk-nag has a rule for each of them.
 * @param resource the resource's ARN; may hold tokens
 */
export function acknowledgeWildcard(construct: IConstruct, resource: string, reason: string): void {
  // A name from another stack is known at synthesis only.
  construct.node.addValidation({
    validate: () => {
      const written = flat(Stack.of(construct).resolve(resource));
      acknowledge(construct, { [`AwsSolutions-IAM5[Resource::${written}]`]: reason });
      return [];
    },
  });
}

/** A resolved text as cdk-nag writes it: references of CloudFormation are in angle brackets. */
function flat(value: unknown): string {
  if (typeof value === 'string') return value;
  const intrinsic = value as { Ref?: string; 'Fn::Join'?: [string, unknown[]]; 'Fn::ImportValue'?: unknown };
  if (intrinsic['Fn::Join']) return intrinsic['Fn::Join'][1].map(flat).join(intrinsic['Fn::Join'][0]);
  if (intrinsic['Fn::ImportValue']) return flat(intrinsic['Fn::ImportValue']);
  return intrinsic.Ref ? `<${intrinsic.Ref}>` : JSON.stringify(value);
}
