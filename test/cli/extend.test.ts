import { describe, expect, test } from 'vitest';
import { HOUR, MINUTE } from '../../emulators/world/world.ts';
import { Operator } from './operator.ts';

const oneLine = (text: string) => text.replaceAll(/\s+/g, ' ');

/** A build of three hours, of at most five; the drain would kill it after one. */
async function withWaiting(options: Parameters<typeof Operator.start>[0] = {}) {
  const operator = await Operator.start({ policy: { deadlineSeconds: 3600, killMarginSeconds: 300 }, ...options });
  const { world } = operator;
  const builder = world.addBuilder({ name: 'client-1' });
  world.nomad.run({ id: 'build', type: 'batch', on: builder.nodeId, runSeconds: 3 * 3600, maxRunSeconds: 5 * 3600 });
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
    expect(oneLine(stdout)).toContain('build batch running for 10 min, ends by 14:00Z');
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
    expect(await refused('client-9', '1h')).toContain('no waiting instance matches client-9');
    expect(await refused('client-1', 'soon')).toContain('such as 90m or 4h');
    delete operator.environment.NOMAD_ADDR;
    expect(await refused('client-1', '70m')).toContain('NOMAD_ADDR is not set');
    expect(world.nomad.node(nodeId).DrainStrategy).toEqual(before);
  });

  test('leaves what the kill margin needs before the cap: at a later deadline the hook would force the drain first', async () => {
    const policy = { deadlineSeconds: 3600, killMarginSeconds: 3600 };
    const { operator, world, nodeId } = await withWaiting({ policy, heartbeatTimeoutSeconds: 300 });
    const before = world.nomad.node(nodeId).DrainStrategy;
    // The hook holds for 8 h 20 min, of which the last two are for the margins; ten minutes are over.
    const { code, stderr } = await operator.run('extend', 'client-1', '8h', '--yes');
    expect(code).toBe(1);
    expect(oneLine(stderr)).toContain('The most is 369m from now');
    expect(world.nomad.node(nodeId).DrainStrategy).toEqual(before);
    expect(await operator.run('extend', 'client-1', '369m', '--yes')).toMatchObject({ code: 0 });
    const described = JSON.parse((await operator.run('describe', 'client-1', '--json')).stdout);
    expect(Date.parse(described.forceAt)).toBeGreaterThanOrEqual(Date.parse(described.deadlineAt));
  });

  test('leaves a drain without a deadline alone: its builds have more time already', async () => {
    const { operator, world, nodeId } = await withWaiting();
    await fetch(`${world.nomad.url}/v1/node/${nodeId}/drain`, {
      method: 'POST',
      body: JSON.stringify({ DrainSpec: { Deadline: 0 }, MarkEligible: false }),
    });
    const before = world.nomad.node(nodeId).DrainStrategy;
    const { code, stderr } = await operator.run('extend', 'client-1', '30m', '--yes');
    expect(code).toBe(1);
    expect(oneLine(stderr)).toContain('the drain of client-1 has no deadline');
    expect(world.nomad.node(nodeId).DrainStrategy).toEqual(before);
  });

  test('while Nomad does not answer says that the node is not known, not that there is none; and so does drain --cordon', async () => {
    const { operator, world, instanceId } = await withWaiting();
    world.nomad.server.fault = () => ({ status: 500, body: 'No cluster leader' });
    for (const args of [
      ['extend', instanceId, '2h', '--yes'],
      ['drain', instanceId, '--cordon', '--yes'],
    ]) {
      const { code, stderr } = await operator.run(...args);
      expect(code).toBe(1);
      expect(oneLine(stderr)).toContain(`it is not known which node is ${instanceId}`);
    }
    expect(oneLine((await operator.run('extend', 'client-1', '2h')).stderr)).toContain(
      'it is not known whether a waiting instance is client-1',
    );
  });
});
