import { describe, expect, test } from 'vitest';
import { HOUR, MINUTE } from '../../emulators/world/world.ts';
import { Operator } from './operator.ts';

const oneLine = (text: string) => text.replaceAll(/\s+/g, ' ');

/** A build of three hours; the drain would kill it after one. */
async function withWaiting(options: Parameters<typeof Operator.start>[0] = {}) {
  const operator = await Operator.start({ policy: { deadlineSeconds: 3600, killMarginSeconds: 300 }, ...options });
  const { world } = operator;
  const builder = world.addBuilder({ name: 'client-1' });
  world.nomad.run({ id: 'build', type: 'batch', on: builder.nodeId, runSeconds: 3 * 3600 });
  await world.scaleIn(builder.instanceId);
  await world.deliver();
  await world.sweepFor(10 * MINUTE);
  operator.environment.NOMAD_ADDR = world.nomad.url;
  return { operator, world, ...builder };
}

describe('extend', () => {
  test('gives the builds of a waiting instance more time: they end by themselves, and the hook holds the instance', async () => {
    const { operator, world, instanceId, nodeId } = await withWaiting();
    const record = world.nomad.node(nodeId).LastDrain?.Meta;

    const { code, stdout } = await operator.run('extend', 'client-1', '4h', '--yes');

    expect(oneLine(stdout)).toContain('The deadline is 2026-03-01T10:00:02.000Z; it would be 2026-03-01T13:10:');
    expect(code).toBe(0);
    expect(world.nomad.node(nodeId).LastDrain?.Meta).toMatchObject({
      drained_by: 'nomad-drain-hook',
      aws_instance_id: record?.aws_instance_id,
    });
    expect(oneLine((await operator.run('status')).stdout)).toContain('client-1 waits 10 min');
    await world.sweepFor(2 * HOUR);
    expect(world.completion(instanceId)).toBeUndefined();
    await world.sweepFor(HOUR);
    expect(world.outcome(instanceId)).toBe('drained');
    expect(world.killedBuilds).toEqual([]);
  });

  test('asks, and as a dry run changes nothing', async () => {
    const { operator, world, nodeId } = await withWaiting();
    const before = world.nomad.node(nodeId).DrainStrategy;
    expect(await operator.run('extend', 'client-1', '2h', '--dry-run')).toMatchObject({ code: 0 });
    expect(await operator.run('extend', 'client-1', '2h')).toMatchObject({ code: 1 });
    expect(world.nomad.node(nodeId).DrainStrategy).toEqual(before);
  });

  test('refuses more than Auto Scaling would hold, an earlier deadline, and who does not wait', async () => {
    const { operator, world, nodeId } = await withWaiting({ heartbeatTimeoutSeconds: 60 });
    const before = world.nomad.node(nodeId).DrainStrategy;
    const refused = async (...args: string[]) => oneLine((await operator.run('extend', ...args, '--yes')).stderr);
    // A hundred heartbeat timeouts of a minute.
    expect(await refused('client-1', '4h')).toContain('until 2026-03-01T10:40:01.000Z at the latest The most is 79m');
    expect(await refused('client-1', '30m')).toContain('the deadline is later already: 2026-03-01T10:00:02');
    expect(await refused('client-9', '1h')).toContain('no waiting instance is client-9');
    expect(await refused('client-1', 'soon')).toContain('such as 90m or 4h');
    delete operator.environment.NOMAD_ADDR;
    expect(await refused('client-1', '70m')).toContain('NOMAD_ADDR is not set');
    expect(world.nomad.node(nodeId).DrainStrategy).toEqual(before);
  });
});
