import { onTestFinished } from 'vitest';
import type { AwsEmulator } from '../../emulators/aws/aws.ts';
import { CloudWatch } from '../../emulators/aws/cloudwatch/cloud-watch.ts';
import { environmentOf } from '../../emulators/aws/environment.ts';
import { logGroupOf } from '../../emulators/aws/events/function-settings.ts';
import { Functions } from '../../emulators/aws/events/functions.ts';
import type { Note } from '../../emulators/aws/services.ts';
import { FUNCTION, type World, type WorldOptions } from '../../emulators/world/world.ts';
import { FUNCTION_TAG } from '../../lib/function/function-tag.ts';
import { start } from '../e2e/start.ts';
import { Shell } from './shell.ts';

export const STACK = 'NomadDrainHook';

/** A person with a shell, and the function deployed in the account that the shell leads to. */
export class Operator extends Shell {
  readonly world: World;
  readonly functions: Functions;

  private constructor(world: World, functions: Functions) {
    super({ ...environmentOf(world.aws), ...functions.environment });
    this.world = world;
    this.functions = functions;
  }

  /** Starts a world for the test that runs, with the function deployed in it. Both are closed when the test ends. */
  static async start(options?: WorldOptions): Promise<Operator> {
    const world = await start(options);
    const metrics = new CloudWatch();
    let read = 0;
    const functions = await deployIn(
      world.aws,
      (event, arn) => {
        for (const line of world.printed.slice(read)) metrics.read(line);
        read = world.printed.length;
        return world.ask(event as object, arn);
      },
      metrics,
    );
    functions.logGroups.set(logGroupOf(FUNCTION), () => world.logLines);
    return new Operator(world, functions);
  }

  /** The operator may not read the function's log. */
  denyLog(): void {
    const message = 'not authorized to perform: logs:FilterLogEvents';
    const body = JSON.stringify({ __type: 'AccessDeniedException', message });
    this.functions.logs.fault = () => ({ status: 400, body });
  }
}

/** Deploys the function of a stack in an account, until the test ends. */
export async function deployIn(
  aws: AwsEmulator,
  invoke: (event: unknown, arn: string) => Promise<unknown>,
  metrics?: CloudWatch,
): Promise<Functions> {
  const note: Note = (service, action, params) => {
    aws.requests.push({ service, action, params, at: aws.now });
  };
  const functions = await Functions.start(note, metrics);
  onTestFinished(() => functions.close());
  const tags = { [FUNCTION_TAG]: 'function', 'aws:cloudformation:stack-name': STACK };
  functions.deployed.set(FUNCTION, { tags, invoke, aliases: ['query'] });
  return functions;
}
