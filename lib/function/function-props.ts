import * as lambda from 'aws-cdk-lib/aws-lambda';
import type * as logs from 'aws-cdk-lib/aws-logs';
import type { NomadDrainHookProps } from '../props.ts';
import { functionCode } from './function-code.ts';

/** What all functions of the stack have in common: the bundle, how it runs, where, and where it logs to. */
export function functionProps(
  { vpc, vpcSubnets, securityGroups }: Pick<NomadDrainHookProps, 'vpc' | 'vpcSubnets' | 'securityGroups'>,
  logGroup: logs.ILogGroup,
) {
  return {
    code: functionCode(),
    handler: 'index.handler',
    runtime: lambda.Runtime.NODEJS_24_X,
    architecture: lambda.Architecture.ARM_64,
    logGroup,
    loggingFormat: lambda.LoggingFormat.JSON,
    ...(vpc && { vpc }),
    ...(vpcSubnets && { vpcSubnets }),
    ...(securityGroups && { securityGroups: [...securityGroups] }),
  } satisfies lambda.FunctionProps;
}
