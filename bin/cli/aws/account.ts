import { AutoScalingClient } from '@aws-sdk/client-auto-scaling';
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { ResourceGroupsTaggingAPIClient } from '@aws-sdk/client-resource-groups-tagging-api';
import { SSMClient } from '@aws-sdk/client-ssm';
import { AutoScaling } from './auto-scaling.ts';
import { DrainFunction, type FunctionChoice } from './drain-function.ts';
import { FunctionLog } from './function-log.ts';
import { InstanceRefreshes } from './instance-refreshes.ts';
import { LambdaSettings } from './lambda-settings.ts';
import { Surroundings } from './surroundings.ts';
import { Sweeps } from './sweeps.ts';

/** Which account and region: what the operator has said, else what the shell and the files of AWS say. */
interface AccountOptions {
  profile?: string | undefined;
  region?: string | undefined;
}

/** A run of the function takes 67 s at most; a connection seconds. In milliseconds. */
const TIMEOUTS = { requestTimeout: 75_000, connectionTimeout: 5_000, throwOnRequestTimeout: true };

/** What goes wrong is thrown, and printed once; the SDK would also warn on stderr, such as of a profile beside keys. */
const SILENT = { trace() {}, debug() {}, info() {}, warn() {}, error() {} };

/** The operator's AWS account, with the operator's own credentials. */
export class Account {
  readonly autoScaling: AutoScaling;
  readonly function: DrainFunction;
  readonly lambda: LambdaSettings;
  readonly log: FunctionLog;
  readonly refreshes: InstanceRefreshes;
  readonly surroundings: Surroundings;
  readonly sweeps: Sweeps;

  constructor(options: AccountOptions, choice: FunctionChoice) {
    const common = {
      ...(options.profile !== undefined && { profile: options.profile }),
      ...(options.region !== undefined && { region: options.region }),
      requestHandler: TIMEOUTS,
      logger: SILENT,
    };
    const autoScaling = new AutoScalingClient(common);
    this.autoScaling = new AutoScaling(autoScaling);
    this.refreshes = new InstanceRefreshes(autoScaling);
    const lambda = new LambdaClient(common);
    this.function = new DrainFunction(lambda, new ResourceGroupsTaggingAPIClient(common), choice);
    this.lambda = new LambdaSettings(lambda);
    this.log = new FunctionLog(
      new CloudWatchLogsClient(common),
      async () => (await this.lambda.function(await this.function.name)).logGroup,
    );
    const cloudWatch = new CloudWatchClient(common);
    this.sweeps = new Sweeps(cloudWatch);
    this.surroundings = new Surroundings({
      cloudWatch,
      eventBridge: new EventBridgeClient(common),
      ssm: new SSMClient(common),
    });
  }
}
