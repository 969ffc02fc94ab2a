import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { since } from '../../../emulators/nomad/version.ts';
import { addressOf } from '../../../emulators/real-nomad/agent.ts';
import { LAUNCHING_HOOK } from '../../../emulators/world/world-options.ts';
import type { InstanceReport } from '../../../lambda/core/drain/report.ts';
import { type Handler, Stage } from './stage.ts';

/** What becomes of the agent of each instance, by the instance's name here. */
const LATE = ['in time', 'later', 'never', 'without its driver', 'ineligible', 'pooled'] as const;
type Name = (typeof LATE)[number];

const idOf = (i: number) => `i-${'123456789'[i]?.repeat(17)}`;
/** The first instance is in service from the beginning. */
const at = (name: Name) => LATE.indexOf(name) + 1;
const instance = (name: Name) => idOf(at(name));

const READY_TIMEOUT = 60;
let stage: Stage;
let handler: Handler;
let sweeping = true;
let swept: Promise<void>;
const joining: InstanceReport[] = [];

const state = (name: Name) => stage.aws.instance(instance(name)).state;
const reportsOf = (name: Name) => joining.filter(({ instanceId }) => instanceId === instance(name));
const node = async (name: Name) => {
  const filter = encodeURIComponent(`Attributes["unique.platform.aws.instance-id"] == "${instance(name)}"`);
  const [found] = await stage.ask<{ ID: string; Status: string; SchedulingEligibility: string }[]>(
    'GET',
    `/v1/nodes?filter=${filter}`,
  );
  return found;
};
const ready = async (name: Name) => {
  await expect.poll(async () => (await node(name))?.Status, { timeout: 90_000 }).toBe('ready');
  return (await node(name))?.ID ?? '';
};
const defaultIneligible = () => since(stage.nomad.version, '2.0.3');

/** One sweep after the other, as the schedule wakes the function; it fails while it cannot serve some instance. */
async function sweepOn(): Promise<void> {
  while (sweeping) {
    const report = await stage.sweep(handler).catch(() => undefined);
    joining.push(...(report?.joining ?? []));
    await sleep(1_000);
  }
}

beforeAll(async () => {
  stage = await Stage.start(LATE.length + 1, {
    late: LATE.map(at),
    client: {
      [at('ineligible')]: process.env.NOMAD_HAS_DEFAULT_INELIGIBLE === '0' ? {} : { default_ineligible: true },
    },
    group: { moreHooks: [LAUNCHING_HOOK], warmPool: { state: 'Stopped' } },
  });
  stage.aws.addGroup({
    name: 'docker',
    hook: { name: 'nomad-drain', heartbeatTimeoutSeconds: 1800 },
    moreHooks: [LAUNCHING_HOOK],
  });
  const admission = { on: true, readyTimeoutSeconds: READY_TIMEOUT };
  const hook = 'nomad-drain';
  handler = await stage.deploy({ deadlineSeconds: 3600, killMarginSeconds: 30 }, undefined, {
    groups: [
      { name: 'builders', hook, admission: { ...admission, drivers: ['raw_exec'], awaitSystemJobs: true } },
      { name: 'docker', hook, admission: { ...admission, drivers: ['docker'] } },
    ],
  });
}, 240_000);

afterAll(async () => {
  sweeping = false;
  await swept;
  await stage?.close();
});

it('puts those into service whose nodes are ready, with their system jobs, and abandons those whose are not in time', async () => {
  await stage.run('logs', undefined, 'exec sleep 600', { type: 'system' });
  for (const name of LATE.filter((each) => each !== 'pooled')) {
    const group = name === 'without its driver' ? 'docker' : 'builders';
    stage.aws.launch(group, { id: instance(name), privateIp: addressOf(at(name)) });
  }
  const launchedAt = Date.now();
  swept = sweepOn();
  await stage.nomad.startClient(at('in time'));
  await stage.nomad.startClient(at('without its driver'));
  if (defaultIneligible()) await stage.nomad.startClient(at('ineligible'));
  await stage.run('build', await ready('without its driver'), 'sleep 75');
  await expect.poll(() => state('in time'), { timeout: 60_000 }).toBe('InService');
  if (defaultIneligible()) {
    await expect.poll(() => state('ineligible'), { timeout: 60_000 }).toBe('InService');
    expect((await node('ineligible'))?.SchedulingEligibility).toBe('eligible');
  }
  await sleep(Math.max(0, launchedAt + 35_000 - Date.now()));
  expect(state('later')).toBe('Pending:Wait');
  await stage.nomad.startClient(at('later'));
  await expect.poll(() => state('later'), { timeout: 60_000 }).toBe('InService');

  await expect.poll(() => stage.completionOf(instance('never'))?.result, { timeout: 90_000 }).toBe('ABANDON');
  expect(stage.releasedAt(instance('never'))).toBeGreaterThanOrEqual(launchedAt + READY_TIMEOUT * 1000 - 1_000);
  await expect
    .poll(() => stage.completionOf(instance('without its driver'))?.result, { timeout: 120_000 })
    .toBe('ABANDON');
  expect(await stage.allocationsOf('build')).toMatchObject([{ ClientStatus: 'complete', DesiredStatus: 'run' }]);
  expect(stage.releasedAt(instance('without its driver'))).toBeGreaterThanOrEqual(await stage.stoppedAt('build'));
  expect(
    reportsOf('without its driver')
      .map(({ because }) => because)
      .join('\n'),
  ).toContain('driver docker');
}, 300_000);

it('lets an instance into the warm pool when its builds have finished, and out of it when its node is back', async () => {
  stage.aws.launch('builders', { into: 'WarmPool', id: instance('pooled'), privateIp: addressOf(at('pooled')) });
  await stage.nomad.startClient(at('pooled'));
  const nodeId = await ready('pooled');
  await stage.run('pooled-build', nodeId, 'sleep 20');
  await expect.poll(() => state('pooled'), { timeout: 120_000 }).toBe('Warmed:Stopped');
  expect(await stage.allocationsOf('pooled-build')).toMatchObject([{ ClientStatus: 'complete', DesiredStatus: 'run' }]);
  expect(stage.releasedAt(instance('pooled'))).toBeGreaterThanOrEqual(await stage.stoppedAt('pooled-build'));
  await stage.nomad.stopClient(at('pooled'));
  await expect.poll(async () => (await node('pooled'))?.Status, { timeout: 60_000 }).toBe('down');

  stage.aws.startFromWarmPool(instance('pooled'));
  await stage.nomad.startClient(at('pooled'));
  await expect.poll(() => state('pooled'), { timeout: 90_000 }).toBe('InService');
  expect((await node('pooled'))?.SchedulingEligibility).toBe('eligible');
}, 300_000);
