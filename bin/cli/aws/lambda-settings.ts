import { GetAccountSettingsCommand, GetFunctionConfigurationCommand, type LambdaClient } from '@aws-sdk/client-lambda';

interface FunctionSettings {
  name: string;
  arn: string;
  state: string;
  lastUpdate: string;
  /** Where it logs. */
  logGroup: string;
}

/** What Lambda says of the function and of the account. */
export class LambdaSettings {
  readonly #client: LambdaClient;

  constructor(client: LambdaClient) {
    this.#client = client;
  }

  /** @param name of the function, or its ARN */
  async function(name: string): Promise<FunctionSettings> {
    const {
      FunctionName = name,
      FunctionArn = '',
      State = 'Active',
      LastUpdateStatus = 'Successful',
      LoggingConfig,
    } = await this.#client.send(new GetFunctionConfigurationCommand({ FunctionName: name }));
    const logGroup = LoggingConfig?.LogGroup ?? `/aws/lambda/${FunctionName}`;
    return { name: FunctionName, arn: FunctionArn, state: State, lastUpdate: LastUpdateStatus, logGroup };
  }

  /** How many runs of functions that reserve none may go on at the same time in this account and region. */
  async unreservedConcurrency(): Promise<number> {
    const { AccountLimit } = await this.#client.send(new GetAccountSettingsCommand({}));
    return AccountLimit?.UnreservedConcurrentExecutions ?? AccountLimit?.ConcurrentExecutions ?? 0;
  }
}
