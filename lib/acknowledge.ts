import { Stack, Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/**
 * Says why a rule of those who check the app (cdk-nag's packs) does not hold here. Where nobody checks, nothing happens:
 * it is the CDK's own note, and cdk-nag need not be installed.
 * @param construct what the finding is about, or what holds it
 * @param reasons why, by the rule's name
 */
export function acknowledge(construct: IConstruct, reasons: Record<string, string>): void {
  Validations.of(construct).acknowledge(...Object.entries(reasons).map(([id, reason]) => ({ id, reason })));
}

/**
 * The same for the wildcard in a resource that a policy names: cdk-nag has a rule for each of them.
 * @param resource the resource's ARN; may hold tokens
 */
export function acknowledgeWildcard(construct: IConstruct, resource: string, reason: string): void {
  // Only at synthesis is it known how a name reads that comes from another stack.
  construct.node.addValidation({
    validate: () => {
      const written = flat(Stack.of(construct).resolve(resource));
      acknowledge(construct, { [`AwsSolutions-IAM5[Resource::${written}]`]: reason });
      return [];
    },
  });
}

/** A resolved text as cdk-nag writes it: what CloudFormation fills in stands in angle brackets. */
function flat(value: unknown): string {
  if (typeof value === 'string') return value;
  const given = value as { Ref?: string; 'Fn::Join'?: [string, unknown[]]; 'Fn::ImportValue'?: unknown };
  if (given['Fn::Join']) return given['Fn::Join'][1].map(flat).join(given['Fn::Join'][0]);
  if (given['Fn::ImportValue']) return flat(given['Fn::ImportValue']);
  return given.Ref ? `<${given.Ref}>` : JSON.stringify(value);
}
