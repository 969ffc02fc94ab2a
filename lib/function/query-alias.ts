import * as lambda from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { QUERY_ALIAS } from '../../lambda/core/queries/command.ts';

/** An alias of the function, always of its newest code, through which it answers queries and does dry runs, and nothing else. */
export const queryAlias = (scope: Construct, handler: lambda.Function): lambda.CfnAlias =>
  new lambda.CfnAlias(scope, 'Query', {
    name: QUERY_ALIAS,
    description: 'Answers queries only: for those who may query and not drain',
    functionName: handler.functionName,
    functionVersion: '$LATEST',
  });
