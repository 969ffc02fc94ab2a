import { Logger as PowertoolsLogger } from '@aws-lambda-powertools/logger';
import { EmbeddedMetrics } from './aws/metrics.ts';
import { CONFIG_VARIABLE, parseConfig } from './config/config.ts';
import { messageOf } from './core/basics.ts';
import type { Report } from './core/drain/report.ts';
import type { Clock, EpochMs } from './core/model/clock.ts';
import { SERVICE } from './core/model/metrics.ts';
import type { Logger } from './core/ports.ts';
import type { Answer } from './core/queries/query.ts';
import { asSuggested } from './core/scale-in/choose.ts';
import { EventError } from './errors.ts';
import { readQuestion, type TerminationAnswer } from './events/termination-policy.ts';
import { Runner } from './run.ts';
import { systemClock } from './system-clock.ts';

/** The part of Lambda's context object that we use. */
export interface Context {
  getRemainingTimeInMillis?: () => number;
  invokedFunctionArn?: string;
  awsRequestId?: string;
}

export interface Handler {
  (event: unknown, context?: Context): Promise<Report | Answer | TerminationAnswer>;
  /** Does what the first call would do before it looks at its event. Never fails: what is wrong, that call says. */
  prepare(): Promise<void>;
}

/** What a handler runs with. By default: the system's clock, environment, log and standard output. */
export interface HandlerOptions {
  clock?: Clock;
  environment?: Record<string, string | undefined>;
  logger?: Logger;
  /** Writes a line of metrics. */
  print?: (line: string) => void;
  /** When Lambda began to start this environment. */
  bornAt?: EpochMs;
}

/** Not `console.log`: Lambda would wrap each line in a log record of its own. */
const printLine = (line: string) => void process.stdout.write(`${line}\n`);

/**
 * Makes a handler. It reads its configuration when it is prepared, or at the first call, and keeps it, with what a warm function can reuse,
 * for later calls.
 */
export function makeHandler(options: HandlerOptions = {}): Handler {
  const { clock = systemClock, environment = process.env, print = printLine } = options;
  const { bornAt = clock === systemClock ? performance.timeOrigin : clock.now() } = options;
  const logger: Logger = options.logger ?? new PowertoolsLogger({ serviceName: SERVICE });
  const functionName = environment.AWS_LAMBDA_FUNCTION_NAME ?? 'local';
  let runner: Runner | undefined;
  let loaded: Promise<void> | undefined;
  const theRunner = async (context?: Context) => {
    runner ??= new Runner(parseConfig(environment[CONFIG_VARIABLE]), {
      clock,
      logger,
      print,
      functionName,
      bornAt,
    });
    // What cannot be loaded fails where it is needed.
    loaded ??= runner.load().catch(() => {});
    await loaded;
    runner.called(context);
    return runner;
  };
  const handle = async (event: unknown, context?: Context) => {
    const question = readQuestion(event);
    if (!question) {
      return (await theRunner(context)).run(event, context?.getRemainingTimeInMillis?.());
    }
    try {
      return { InstanceIDs: await (await theRunner(context)).choose(question) };
    } catch (error) {
      if (error instanceof EventError) throw error;
      // Whatever is wrong with us, the group scales in.
      const metrics = new EmbeddedMetrics(functionName, clock, print);
      const suggested = asSuggested(question, messageOf(error), { logger, metrics });
      metrics.flush();
      return { InstanceIDs: suggested };
    }
  };
  const prepare = () =>
    theRunner().then(
      () => {},
      () => {},
    );
  return Object.assign(handle, { prepare });
}

/** The function's entry point. */
export const handler: Handler = makeHandler();

// While Lambda starts the function, before there is an event.
if (process.env[CONFIG_VARIABLE] !== undefined) await handler.prepare();
