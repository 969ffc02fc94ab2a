import { AutoScalingClient } from '@aws-sdk/client-auto-scaling';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { ResourceGroupsTaggingAPIClient } from '@aws-sdk/client-resource-groups-tagging-api';
import { AutoScaling } from './auto-scaling.ts';
import { DrainFunction, type FunctionChoice } from './drain-function.ts';

/** Which account and region: what the operator has said, else what the shell and the files of AWS say. */
export interface AccountOptions {
  profile?: string | undefined;
  region?: string | undefined;
}

/** A run of the function takes 67 s at most; a connection seconds. In milliseconds. */
const TIMEOUTS = { requestTimeout: 75_000, connectionTimeout: 5_000, throwOnRequestTimeout: true };

/** The operator's AWS account, with the operator's own credentials. */
export class Account {
  readonly autoScaling: AutoScaling;
  readonly function: DrainFunction;

  constructor(options: AccountOptions, choice: FunctionChoice) {
    const common = {
      ...(options.profile !== undefined && { profile: options.profile }),
      ...(options.region !== undefined && { region: options.region }),
      requestHandler: TIMEOUTS,
    };
    this.autoScaling = new AutoScaling(new AutoScalingClient(common));
    this.function = new DrainFunction(new LambdaClient(common), new ResourceGroupsTaggingAPIClient(common), choice);
  }
}
