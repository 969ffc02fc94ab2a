import { cpSync, globSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { BUNDLE } from '../../emulators/world/bundle.ts';
import { SECOND, STATUS, SWEEP } from '../../emulators/world/world.ts';
import { missing, start } from './stage.ts';

/** A sweep that waits for somebody ends eleven seconds before Lambda's timeout: not after a minute. */
const SHORT = { timeoutMs: 20 * SECOND };

/** The deployed bundle, but idle connections are kept whatever happens. @returns its folder */
function keepingConnections(): string {
  const taskRoot = mkdtempSync(join(tmpdir(), 'keeps-connections-'));
  cpSync(dirname(BUNDLE), taskRoot, { recursive: true });
  for (const path of globSync(join(taskRoot, '**/*.mjs'))) {
    writeFileSync(path, readFileSync(path, 'utf8').replace('function dropIdleConnections(){', '$&return;'));
  }
  return taskRoot;
}

describe.skipIf(missing)(`a process that Lambda froze between two runs${missing}`, () => {
  it('serves at once when its connections to AWS have died unheard', async () => {
    const { aws, lambda, waiting, completion, loseConnections } = await start();
    await lambda.invoke(SWEEP);
    expect(aws.servers.autoScaling.connections).toBeGreaterThan(4);
    loseConnections();
    const first = await waiting();

    const { tookMs } = await lambda.invoke(SWEEP);

    expect(completion(first)).toMatchObject({ by: 'call' });
    expect(tookMs).toBeLessThan(10 * SECOND);
    const next = await waiting();
    expect((await lambda.invoke(SWEEP)).tookMs).toBeLessThan(6 * SECOND);
    expect(completion(next)).toMatchObject({ by: 'call' });
  });

  it('would serve nobody if it kept the connections after a try without an answer', async () => {
    const { lambda, waiting, completion, loseConnections } = await start({ taskRoot: keepingConnections() });
    await lambda.invoke(SWEEP);
    loseConnections();
    const instanceId = await waiting();

    const { error } = await lambda.invoke(SWEEP, SHORT);

    expect(error?.errorMessage).toContain('no answer within the time limit');
    expect(completion(instanceId)).toBeUndefined();
  });

  it('holds no connection to Nomad open, and serves when it is woken', async () => {
    const { nomad, lambda, waiting, completion } = await start();
    const first = await waiting();
    await lambda.invoke(SWEEP);
    expect(completion(first)).toMatchObject({ by: 'call' });

    await sleep(5 * SECOND);
    expect(nomad.server.connections).toBe(0);
    const next = await waiting();
    const { tookMs } = await lambda.invoke(SWEEP);

    expect(completion(next)).toMatchObject({ by: 'call' });
    expect(tookMs).toBeLessThan(6 * SECOND);
  });

  it('sends no heartbeat that was due meanwhile, and answers at once', async () => {
    const { aws, lambda, waiting } = await start({ hookSeconds: 30 });
    await waiting({ busy: true });
    expect(await lambda.invoke(SWEEP, SHORT)).toMatchObject({ answer: { run: 'sweep' } });
    expect(aws.heartbeats).toHaveLength(1);

    await sleep(2 * SECOND);
    const { answer, tookMs } = await lambda.invoke(STATUS);

    expect(answer).toMatchObject({ run: 'status', instances: [{ remaining: [{}] }] });
    expect(tookMs).toBeLessThan(2 * SECOND);
    expect(aws.heartbeats).toHaveLength(1);
    await lambda.invoke(SWEEP, SHORT);
    expect(aws.heartbeats.length).toBeGreaterThan(1);
  });

  it('answers at once, though Auto Scaling answered no heartbeat of the run before', async () => {
    const { aws, lambda, waiting } = await start({ hookSeconds: 30 });
    await waiting({ busy: true });
    aws.servers.autoScaling.fault = ({ body }) =>
      body.includes('RecordLifecycleActionHeartbeat') ? 'silence' : undefined;

    const swept = await lambda.invoke(SWEEP, SHORT);
    expect(swept.tookMs).toBeLessThan(SHORT.timeoutMs);

    expect((await lambda.invoke(STATUS)).tookMs).toBeLessThan(2 * SECOND);
  });
});

describe.skipIf(missing)(`a run that fails${missing}`, () => {
  it('tells Lambda why, and writes nothing but JSON to its log', async () => {
    const { nomad, lambda, waiting } = await start();
    const instanceId = await waiting();
    await nomad.close();

    const { error } = await lambda.invoke(SWEEP, SHORT);

    expect(error).toMatchObject({ errorType: 'RunFailed' });
    expect(error?.errorMessage).toMatch(/1 of 1 instances not served: .*ECONNREFUSED/);
    expect(error?.errorMessage).toContain(instanceId);
    const records = lambda.log.map((line) => JSON.parse(line));
    expect(records.at(-1)).toMatchObject({ level: 'ERROR', message: { errorType: 'RunFailed' } });
  });
});
