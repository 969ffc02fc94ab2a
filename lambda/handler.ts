import { Logger } from '@aws-lambda-powertools/logger';
import { App } from './app.ts';
import { CONFIG_VARIABLE, parseConfig } from './config.ts';
import type { Clock } from './core/clock.ts';
import { SERVICE } from './core/metrics.ts';
import type { Journal } from './core/ports.ts';
import type { Report } from './core/report.ts';
import { systemClock } from './system-clock.ts';

/** What Lambda passes beside the event, as far as we use it. */
export interface Context {
  getRemainingTimeInMillis?: () => number;
}

export type Handler = (event: unknown, context?: Context) => Promise<Report>;

/** What a handler lives in. Whatever is left out is the real thing. */
export interface HandlerOptions {
  clock?: Clock;
  environment?: Record<string, string | undefined>;
  journal?: Journal;
  /** Takes the lines of metrics. */
  print?: (line: string) => void;
}

/** Lambda itself would wrap what `console.log` says into a record of its own. */
const printLine = (line: string) => void process.stdout.write(`${line}\n`);

/**
 * Makes a handler. It reads its configuration at its first call and keeps connections and what does not change for all
 * later ones, as a warm Lambda does.
 */
export function makeHandler(options: HandlerOptions = {}): Handler {
  const { clock = systemClock, environment = process.env, print = printLine } = options;
  const journal: Journal = options.journal ?? new Logger({ serviceName: SERVICE });
  let app: App | undefined;
  return async (event, context) => {
    app ??= new App(parseConfig(environment[CONFIG_VARIABLE]), {
      clock,
      journal,
      print,
      functionName: environment.AWS_LAMBDA_FUNCTION_NAME ?? 'local',
    });
    return app.run(event, context?.getRemainingTimeInMillis?.());
  };
}

/** The function's entry point. */
export const handler: Handler = makeHandler();
