import * as lambda from 'aws-cdk-lib/aws-lambda';
import type * as logs from 'aws-cdk-lib/aws-logs';
import type { NomadDrainHookProps } from '../props.ts';
import { functionCode } from './function-code.ts';

/** By its name: an older CDK has no constant for it. */
const NODEJS_24 = new lambda.Runtime('nodejs24.x', lambda.RuntimeFamily.NODEJS, { supportsInlineCode: true });

/** What all functions of the stack have in common: the bundle, how it runs, where, and where it logs to. */
export function functionProps(
  {
    architecture = lambda.Architecture.ARM_64,
    vpc,
    vpcSubnets,
    securityGroups,
  }: Pick<NomadDrainHookProps, 'architecture' | 'vpc' | 'vpcSubnets' | 'securityGroups'>,
  logGroup: logs.ILogGroup,
) {
  return {
    code: functionCode(),
    handler: 'index.handler',
    runtime: NODEJS_24,
    architecture,
    logGroup,
    loggingFormat: lambda.LoggingFormat.JSON,
    ...(vpc && { vpc }),
    ...(vpcSubnets && { vpcSubnets }),
    ...(securityGroups && { securityGroups: [...securityGroups] }),
  } satisfies lambda.FunctionProps;
}
