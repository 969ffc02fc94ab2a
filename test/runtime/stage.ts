import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, openSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished, vi } from 'vitest';
import { AwsEmulator } from '../../emulators/aws/aws.ts';
import { environmentOf } from '../../emulators/aws/environment.ts';
import { RunningClock } from '../../emulators/clock.ts';
import { NomadEmulator } from '../../emulators/nomad/emulator.ts';
import { type EmulatorRequest, type EmulatorResponse, Loopback } from '../../emulators/server.ts';
import { BUNDLE } from '../../emulators/world/bundle.ts';
import { FUNCTION, FUNCTION_ARN } from '../../emulators/world/world.ts';
import { documentOf, GROUP, HEARTBEAT_TIMEOUT, HOOK } from '../../emulators/world/world-options.ts';

const RUNTIME_CLIENT = fileURLToPath(new URL('node_modules/aws-lambda-ric/index.mjs', import.meta.url));

/** Why there is no client here, for the names of suites; empty where there is. */
export const missing = existsSync(RUNTIME_CLIENT)
  ? ''
  : ' (skipped: `npm install --prefix test/runtime` compiles Lambda’s client)';

/** How a run ended for Lambda. */
export interface Ended {
  answer?: unknown;
  error?: { errorType: string; errorMessage: string };
  /** Until the function answered. */
  tookMs: number;
}

/**
 * One environment of the function as Lambda keeps it: the process asks Lambda's runtime API for its next event, and is frozen from then
 * until there is one. https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
 */
export class FunctionEnvironment {
  readonly #output = join(mkdtempSync(join(tmpdir(), 'function-')), 'output');
  #process: ChildProcess | undefined;
  #asksNext = Promise.withResolvers<(event: EmulatorResponse) => void>();
  #began = 0;
  #ended: Ended | undefined;

  /** @param taskRoot the folder of the bundle */
  static async start(variables: Record<string, string>, taskRoot: string): Promise<FunctionEnvironment> {
    const environment = new FunctionEnvironment();
    const api = await Loopback.listen((request) => environment.#answer(request));
    const output = openSync(environment.#output, 'w');
    const started = spawn(process.execPath, [RUNTIME_CLIENT], {
      stdio: ['ignore', output, output],
      env: {
        ...variables,
        TZ: ':UTC',
        _HANDLER: 'index.handler',
        LAMBDA_TASK_ROOT: taskRoot,
        AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
        AWS_LAMBDA_FUNCTION_NAME: FUNCTION,
        AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '320',
        AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${FUNCTION}`,
        AWS_LAMBDA_LOG_STREAM_NAME: '2026/12/01/[$LATEST]0123456789abcdef0123456789abcdef',
        AWS_LAMBDA_LOG_FORMAT: 'JSON',
        AWS_LAMBDA_RUNTIME_API: new URL(api.url).host,
      },
    });
    environment.#process = started;
    onTestFinished(async () => {
      if (started.kill('SIGKILL')) await once(started, 'exit');
      await api.close();
    });
    started.once('exit', (code) => {
      environment.#asksNext.reject(new Error(`the process has ended (${code}): ${environment.log.at(-1)}`));
    });
    await environment.#asksNext.promise;
    return environment;
  }

  /** The lines that it has written, to standard output and standard error alike. */
  get log(): string[] {
    return readFileSync(this.#output, 'utf8').split('\n').filter(Boolean);
  }

  /** Thaws the process with an event. Once it has answered and asked for the next, it is frozen again. */
  async invoke(event: unknown, { timeoutMs = 67_000 } = {}): Promise<Ended> {
    const deliver = await this.#asksNext.promise;
    this.#asksNext = Promise.withResolvers();
    this.#ended = undefined;
    this.#began = Date.now();
    this.#process?.kill('SIGCONT');
    deliver({
      status: 200,
      headers: {
        'Content-Type': 'application/json',
        'Lambda-Runtime-Aws-Request-Id': randomUUID(),
        'Lambda-Runtime-Deadline-Ms': String(this.#began + timeoutMs),
        'Lambda-Runtime-Invoked-Function-Arn': FUNCTION_ARN,
      },
      body: JSON.stringify(event),
    });
    await this.#asksNext.promise;
    if (!this.#ended) throw new Error('it asks for the next event, and has not answered this one');
    return this.#ended;
  }

  #answer({ url, body }: EmulatorRequest): EmulatorResponse | Promise<EmulatorResponse> {
    const [, , , ...path] = url.pathname.split('/');
    if (path.join('/') === 'invocation/next') {
      this.#process?.kill('SIGSTOP');
      return new Promise((deliver) => this.#asksNext.resolve(deliver));
    }
    const tookMs = Date.now() - this.#began;
    if (path.at(-1) === 'response') this.#ended = { answer: JSON.parse(body), tookMs };
    else if (path[0] === 'invocation') this.#ended = { error: JSON.parse(body), tookMs };
    else this.#asksNext.reject(new Error(`the function did not start: ${body}`));
    return { status: 202, body: '{"status":"OK"}' };
  }
}

/** Six groups, five of them with a warm pool, a Nomad, and one environment of the function that drains them: all on real time. */
export async function start({ hookSeconds = HEARTBEAT_TIMEOUT, taskRoot = dirname(BUNDLE) } = {}) {
  const clock = new RunningClock();
  const aws = await AwsEmulator.start({ clock, timing: { beforeWaitMs: 100 } });
  const nomad = await NomadEmulator.start({ clock });
  onTestFinished(async () => {
    await Promise.all([aws.close(), nomad.close()]);
  });
  const hook = { name: HOOK, heartbeatTimeoutSeconds: hookSeconds, defaultResult: 'CONTINUE' as const };
  const moreGroups = Array.from({ length: 5 }, (_, index) => ({ name: `runners-${index}` }));
  aws.addGroup({ name: GROUP, hook });
  for (const each of moreGroups) aws.addGroup({ ...each, hook, warmPool: { state: 'Running' } });
  const variables = {
    ...environmentOf(aws),
    NOMAD_DRAIN_HOOK: JSON.stringify(documentOf({ moreGroups, policy: { deadlineSeconds: 1800 } }, nomad.url)),
  };
  const lambda = await FunctionEnvironment.start(variables, taskRoot);

  /** An instance that waits for our hook, with a build on its node where it is busy. @returns its id */
  const waiting = async ({ busy = false } = {}): Promise<string> => {
    const instanceId = aws.addInstance(GROUP);
    const { id: on } = nomad.addNode({ instanceId, address: aws.instance(instanceId).privateIp });
    if (busy) nomad.run({ id: 'build', type: 'batch', on, runSeconds: 3600 });
    aws.scaleIn(GROUP, [instanceId]);
    await vi.waitUntil(() => aws.waiting.some((each) => each.instanceId === instanceId));
    return instanceId;
  };
  const completion = (id: string) => aws.completions.find(({ instanceId }) => instanceId === id);
  /** Every connection to AWS dies, and neither end hears it. */
  const loseConnections = () => {
    for (const server of Object.values(aws.servers)) server.loseConnections();
  };
  return { aws, nomad, lambda, waiting, completion, loseConnections };
}
