import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { World } from '../e2e/world.ts';
import { HOUR, MINUTE } from '../e2e/world.ts';
import { Operator } from './operator.ts';

/** Four builders: an idle one, one with a build of a job that ran thirty times, one whose service is tied to it, and a new build. */
async function busyGroup(world: World) {
  const [idle, busy, serves, fresh] = ['client-1', 'client-2', 'client-3', 'client-4'].map((name) =>
    world.addBuilder({ name }),
  ) as [Builder, Builder, Builder, Builder];
  for (let index = 0; index < 30; index++) {
    const id = `ci/dispatch-17000000${String(index).padStart(2, '0')}-abcdef01`;
    world.nomad.run({ id, type: 'batch', on: busy.nodeId, runSeconds: 600 + index * 60 });
  }
  await world.advance(1.5 * HOUR);
  world.nomad.run({ id: 'ci/dispatch-1700009999-abcdef01', type: 'batch', on: busy.nodeId, runSeconds: 1200 });
  world.nomad.run({ id: 'web', type: 'service', on: serves.nodeId });
  world.nomad.run({ id: 'release-42', type: 'batch', on: fresh.nodeId, runSeconds: 7200 });
  await world.advance(15 * MINUTE);
  return { idle, busy, serves, fresh };
}
type Builder = ReturnType<World['addBuilder']>;

describe('plan', () => {
  test('shows what a scale-in would mean, for each instance', async () => {
    const operator = await Operator.start();
    await busyGroup(operator.world);
    const ended = await operator.run('plan');
    console.log(ended.stdout);
    const t = await operator.onTerminal('plan', '--deadline', '20m');
    console.log(t.screen, t.tooLong);
    const folder = await mkdtemp(join(tmpdir(), 'plan-'));
    console.log(await operator.run('plan', 'builders', '--svg', join(folder, 'x.svg')));
    console.log(folder, await operator.run('plan', 'builder'), await operator.run('plan', '--deadline', 'soon'));
    expect(await readFile(join(folder, 'x.svg'), 'utf8')).toContain('<svg');
  });
});
