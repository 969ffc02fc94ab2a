import type { EmulatorRequest, EmulatorResponse } from '../../server.ts';
import { ACCOUNT, REGION } from '../model.ts';

/** What the account lets functions use. */
export interface LambdaLimits {
  /** How many may run at the same time. */
  concurrent: number;
  /** How many of these no function has for itself. */
  unreserved: number;
}

const CONFIGURATION = /^\/2015-03-31\/functions\/([\w-]+)\/configuration$/;
const ACCOUNT_SETTINGS = /^\/2016-08-19\/account-settings\/?$/;

/**
 * Lambda's GetFunctionConfiguration and GetAccountSettings, as far as they are asked about; undefined for another request.
 * https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionConfiguration.html
 */
export function settingsAnswer(
  { method, url: { pathname } }: EmulatorRequest,
  deployed: ReadonlyMap<string, { state?: string }>,
  { concurrent, unreserved }: LambdaLimits,
): EmulatorResponse | undefined {
  if (method !== 'GET') return undefined;
  if (ACCOUNT_SETTINGS.test(pathname)) {
    return json({
      AccountLimit: { ConcurrentExecutions: concurrent, UnreservedConcurrentExecutions: unreserved },
      AccountUsage: { FunctionCount: deployed.size },
    });
  }
  const name = CONFIGURATION.exec(pathname)?.[1] ?? '';
  const found = deployed.get(name);
  if (!found) return undefined;
  const FunctionArn = `arn:aws:lambda:${REGION}:${ACCOUNT}:function:${name}`;
  const { state = 'Active' } = found;
  return json({
    FunctionName: name,
    FunctionArn,
    Runtime: 'nodejs24.x',
    State: state,
    LastUpdateStatus: 'Successful',
    LoggingConfig: { LogFormat: 'Text', LogGroup: logGroupOf(name) },
  });
}

/** Where a function logs that is not told another place. */
export const logGroupOf = (name: string): string => `/aws/lambda/${name}`;

const json = (body: object): EmulatorResponse => ({
  status: 200,
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify(body),
});
