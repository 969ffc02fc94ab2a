import { randomUUID } from 'node:crypto';
import { type EmulatorRequest, type EmulatorResponse, Loopback } from '../../server.ts';
import { alarmActions, type MetricAlarm } from '../cloudwatch/alarms.ts';
import { CloudWatch } from '../cloudwatch/cloud-watch.ts';
import { type LogLine, logActions } from '../cloudwatch/log-events.ts';
import { metricDataActions } from '../cloudwatch/metric-data.ts';
import { ACCOUNT, REGION } from '../model.ts';
import { type Note, serveJson } from '../services.ts';
import { jsonResponse } from '../ssm/ssm.ts';
import { type LambdaLimits, settingsAnswer } from './function-settings.ts';
import { tagged, taggingActions } from './tagging.ts';

/** A deployed function: what it does with an event, and its tags. */
interface DeployedFunction {
  invoke: (event: unknown, invokedFunctionArn: string) => Promise<unknown>;
  /** The names of its aliases, beside `$LATEST`. */
  aliases?: readonly string[];
  tags: Record<string, string>;
  /** @default Active */
  state?: string;
}

/** The most bytes of an event, and of an answer, of a function that is waited for. */
const PAYLOAD_BYTES = 6_291_456;
const NAME =
  /^(?:arn:aws:lambda:([\w-]+):(\d{12}):function:|(?:(\d{12}):)?(?:function:)?)([\w-]{1,64})(?::([\w$-]+))?$/;
const INVOCATIONS = /^\/2015-03-31\/functions\/([^/]+)\/invocations$/;

/**
 * Lambda's Invoke, which waits for the answer, and the tags by which functions are found: what an operator asks, each on a
 * server of its own. Requests have to be signed for the service and the region; whose signature it is, is not checked.
 */
export class Functions {
  readonly deployed = new Map<string, DeployedFunction>();
  /** The alarms of the account. */
  readonly alarms: MetricAlarm[] = [];
  limits: LambdaLimits = { concurrent: 1000, unreserved: 1000 };
  readonly lambda: Loopback;
  readonly tagging: Loopback;
  readonly cloudWatch: Loopback;
  readonly logs: Loopback;
  /** The lines of each log group. */
  readonly logGroups: Map<string, () => readonly LogLine[]>;

  private constructor(
    lambda: Loopback,
    tagging: Loopback,
    cloudWatch: Loopback,
    logs: Loopback,
    logGroups: Functions['logGroups'],
  ) {
    this.logs = logs;
    this.logGroups = logGroups;
    this.lambda = lambda;
    this.tagging = tagging;
    this.cloudWatch = cloudWatch;
  }

  /**
   * @param note takes down each request that was understood
   * @param metrics what GetMetricData answers
   */
  static async start(note: Note, metrics = new CloudWatch()): Promise<Functions> {
    // The servers are there before their functions are.
    const functions = (): Functions => started;
    const logGroups: Functions['logGroups'] = new Map();
    const resources = () =>
      [...functions().deployed].map(([name, { tags }]) => tagged(arnOf(name), 'lambda:function', tags));
    const started = new Functions(
      await Loopback.listen(signedFor('lambda', (request) => functions().#invoke(request, note))),
      await Loopback.listen(signedFor('tagging', serveJson('tagging', taggingActions(resources), note))),
      await Loopback.listen(
        signedFor(
          'monitoring',
          serveJson('monitoring', { ...alarmActions(() => functions().alarms), ...metricDataActions(metrics) }, note),
        ),
      ),
      await Loopback.listen(signedFor('logs', serveJson('logs', logActions(logGroups), note))),
      logGroups,
    );
    return started;
  }

  /** What leads unmodified SDK clients here: variables of a process. */
  get environment(): Record<string, string> {
    return {
      AWS_ENDPOINT_URL_CLOUDWATCH: this.cloudWatch.url,
      AWS_ENDPOINT_URL_CLOUDWATCH_LOGS: this.logs.url,
      AWS_ENDPOINT_URL_LAMBDA: this.lambda.url,
      AWS_ENDPOINT_URL_RESOURCE_GROUPS_TAGGING_API: this.tagging.url,
    };
  }

  async close(): Promise<void> {
    await this.lambda.close();
    await this.tagging.close();
    await this.cloudWatch.close();
    await this.logs.close();
  }

  /** https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html */
  async #invoke(request: EmulatorRequest, note: Note): Promise<EmulatorResponse> {
    const settings = settingsAnswer(request, this.deployed, this.limits);
    if (settings) return settings;
    const { method, url, headers, body } = request;
    const given = INVOCATIONS.exec(url.pathname)?.[1];
    if (method !== 'POST' || given === undefined) return lambdaError(404, 'UnknownOperationException', '');
    const named = decodeURIComponent(given);
    const [match, region = REGION, account, partialAccount = ACCOUNT, name = '', qualifier] = NAME.exec(named) ?? [];
    if (match === undefined) {
      const problem = `Value '${named}' at 'functionName' failed to satisfy constraint`;
      return lambdaError(400, 'ValidationException', `1 validation error detected: ${problem}`);
    }
    const type = headers['x-amz-invocation-type'] ?? 'RequestResponse';
    if (type !== 'RequestResponse') throw new Error(`the emulator waits for every answer, and has no ${type}`);
    const asked = url.searchParams.get('Qualifier') ?? qualifier;
    const found = this.deployed.get(name);
    const known =
      region === REGION &&
      (account ?? partialAccount) === ACCOUNT &&
      [undefined, '$LATEST', ...(found?.aliases ?? [])].includes(asked);
    if (!found || !known) {
      const arn = `arn:aws:lambda:${region}:${account ?? partialAccount}:function:${name}${asked ? `:${asked}` : ''}`;
      return lambdaError(404, 'ResourceNotFoundException', `Function not found: ${arn}`, 'User');
    }
    if (Buffer.byteLength(body) > PAYLOAD_BYTES) {
      const problem = `Request must be smaller than ${PAYLOAD_BYTES} bytes for the InvokeFunction operation`;
      return lambdaError(413, 'RequestTooLargeException', problem, 'User');
    }
    const event = parsed(body);
    if (event === undefined) {
      const problem = 'Could not parse request body into json: Could not parse payload into json';
      return lambdaError(400, 'InvalidRequestContentException', problem, 'User');
    }
    note('lambda', 'Invoke', { FunctionName: name, event });
    return answerOf(found, event, asked ? `${arnOf(name)}:${asked}` : arnOf(name));
  }
}

const arnOf = (name: string) => `arn:aws:lambda:${REGION}:${ACCOUNT}:function:${name}`;

/** An empty body is an empty event. */
function parsed(body: string): unknown {
  try {
    return JSON.parse(body || '{}');
  } catch {
    return undefined;
  }
}

async function answerOf({ invoke }: DeployedFunction, event: unknown, arn: string): Promise<EmulatorResponse> {
  const requestId = randomUUID();
  const answer = (payload: unknown, more: Record<string, string> = {}): EmulatorResponse => ({
    status: 200,
    headers: {
      'Content-Type': 'application/json',
      'X-Amzn-RequestId': requestId,
      'X-Amz-Executed-Version': '$LATEST',
      ...more,
    },
    body: JSON.stringify(payload ?? null),
  });
  const failed = (payload: object) => answer(payload, { 'X-Amz-Function-Error': 'Unhandled' });
  try {
    const answered = answer(await invoke(event, arn));
    if (Buffer.byteLength(String(answered.body)) <= PAYLOAD_BYTES) return answered;
    return failed({
      errorType: 'Function.ResponseSizeTooLarge',
      errorMessage: `Response payload size exceeded maximum allowed payload size (${PAYLOAD_BYTES + 100} bytes).`,
    });
  } catch (error) {
    const { name: errorType, message: errorMessage, stack = '' } = error as Error;
    // What the runtime for Node says of an error: no field of it but these.
    if (!/^Task timed out/.test(errorMessage)) return failed({ errorType, errorMessage, trace: stack.split('\n') });
    return failed({ errorType: 'Sandbox.Timedout', errorMessage: `RequestId: ${requestId} Error: ${errorMessage}` });
  }
}

/** An error as Lambda sends it: for `Loopback.fault`, say `AccessDeniedException` 403 or `TooManyRequestsException` 429. */
export function lambdaError(status: number, type: string, message: string, who?: 'User' | 'Service'): EmulatorResponse {
  return {
    status,
    headers: { 'Content-Type': 'application/json', 'X-Amzn-RequestId': randomUUID(), 'X-Amzn-ErrorType': type },
    body: JSON.stringify({ ...(who && { Type: who }), Message: message }),
  };
}

type Answer = (request: EmulatorRequest) => EmulatorResponse | Promise<EmulatorResponse>;

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html */
function signedFor(service: string, answer: Answer): Answer {
  return (request) => {
    const scope = /^AWS4-HMAC-SHA256 Credential=[^/]+\/\d{8}\/([^/]+)\/([^/]+)\/aws4_request/.exec(
      request.headers.authorization ?? '',
    );
    const refused = (type: string, message: string) => jsonResponse(403, { __type: type, message });
    if (!scope) return refused('MissingAuthenticationTokenException', 'Missing Authentication Token');
    if (scope[1] !== REGION) {
      return refused('InvalidSignatureException', `Credential should be scoped to a valid region, not '${scope[1]}'.`);
    }
    if (scope[2] !== service) {
      return refused('InvalidSignatureException', `Credential should be scoped to correct service: '${service}'.`);
    }
    return answer(request);
  };
}
