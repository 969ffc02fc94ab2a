import { describe, expect, test } from 'vitest';
import { MINUTE } from '../../emulators/world/world.ts';
import { Operator } from './operator.ts';

const oneLine = (text: string) => text.replaceAll(/\s+/g, ' ');

/** An instance whose build keeps it waiting, of a policy of one hour. */
async function withWaiting(task: { stopSeconds?: number; killTimeoutSeconds?: number } = {}) {
  const operator = await Operator.start({ policy: { deadlineSeconds: 3600, killMarginSeconds: 300 } });
  const { world } = operator;
  world.nomad.namespace('ci');
  const builder = world.addBuilder({ name: 'ip-10-0-1-12.eu-west-1.compute.internal' });
  const [id = ''] = world.nomad.run({
    id: 'build',
    type: 'batch',
    on: builder.nodeId,
    runSeconds: 7200,
    namespace: 'ci',
    ...task,
  });
  await world.scaleIn(builder.instanceId);
  await world.deliver();
  await world.sweepFor(10 * MINUTE);
  return { operator, world, id, ...builder };
}

describe('describe', () => {
  test('shows the timeline of a wait, what holds it, its node, and commands that help', async () => {
    const { operator, instanceId, nodeId, id } = await withWaiting();

    const { code, stdout } = await operator.run('describe', 'ip-10-0-1-12');

    const text = oneLine(stdout);
    expect(text).toContain(
      `${instanceId} ip-10-0-1-12.eu-west-1.compute.internal waits in group builders for hook nomad-drain`,
    );
    expect(text).toContain(`node ${nodeId}`);
    const timeline = [
      '2026-03-01 09:00:01Z 10 min ago wait began',
      '2026-03-01 09:00:02Z 10 min ago drain started',
      '2026-03-01 10:00:02Z in 49 min deadline: Nomad kills what still runs',
      '2026-03-01 10:05:02Z in 54 min drain is forced, if something still runs',
      '2026-03-01 10:10:02Z in 59 min released, whatever still runs',
      'Auto Scaling holds no instance longer',
    ];
    for (const line of timeline) expect(text).toContain(line);
    expect(text.indexOf('drain started')).toBeLessThan(text.indexOf('deadline:'));
    expect(text).toContain(`build (batch, task group g, namespace ci) running for 10 min ${id}`);
    expect(text).toContain(`nomad alloc stop -namespace ci ${id}`);
    expect(text).toContain(`nomad-drain-hook extend ${instanceId} 4h`);
    expect(code).toBe(0);
    expect((await operator.onTerminal('describe', instanceId)).tooLong).toEqual([]);
  });

  test('of an instance in service says what the hook would do', async () => {
    const operator = await Operator.start();
    const { instanceId } = operator.world.addBuilder({ name: 'client-1' });
    const { code, stdout } = await operator.run('describe', 'client-1');
    expect(oneLine(stdout)).toContain(`${instanceId} client-1 in group builders`);
    expect(oneLine(stdout)).toContain('the hook would start the drain with a deadline of 6 h');
    expect(stdout).toContain('Nothing holds it.');
    expect(stdout).toContain(`nomad-drain-hook drain ${instanceId} --wait`);
    expect(code).toBe(0);
  });

  test('says what of the past it may not read, and shows the rest; is JSON with --json', async () => {
    const { operator, instanceId } = await withWaiting();
    operator.denyLog();
    expect(oneLine((await operator.run('describe', instanceId)).stdout)).toContain(
      'what has happened is not known: not authorized to perform: logs:FilterLogEvents',
    );
    expect(JSON.parse((await operator.run('describe', instanceId, '--json')).stdout)).toMatchObject({
      run: 'describe',
      instance: instanceId,
      forceAt: '2026-03-01T10:05:02.000Z',
      past: [],
      pastUnknown: expect.any(String),
    });
  });

  test('while Nomad cannot be asked, names no time but that until which the instance is held', async () => {
    const { operator, world, instanceId } = await withWaiting();
    world.nomad.server.fault = () => ({ status: 500, body: 'No cluster leader' });
    const text = oneLine((await operator.run('describe', instanceId)).stdout);
    expect(text).toContain('What holds it is not known.');
    expect(text).toContain('Auto Scaling holds no instance longer; until shortly before, it is held');
    expect(text).not.toContain('released, whatever still runs');
  });

  test('of a drain that was forced, shows when that was, and not again when it would be', async () => {
    const { operator, world, instanceId } = await withWaiting({ stopSeconds: 1e5, killTimeoutSeconds: 1e5 });
    await world.sweepFor(57 * MINUTE);
    const text = oneLine((await operator.run('describe', instanceId)).stdout);
    expect(text).toContain('ago drain forced');
    expect(text).not.toContain('drain is forced, if something still runs');
    expect(text.indexOf('drain forced')).toBeLessThan(text.indexOf('released, whatever still runs'));
  });

  test('of an instance that Auto Scaling retains, says so', async () => {
    const options = {
      policy: { deadlineSeconds: 60, killMarginSeconds: 0, onTimeout: 'ABANDON' },
      group: { retainOnAbandon: true },
    } as const;
    const operator = await Operator.start(options);
    const { world } = operator;
    const { instanceId, nodeId } = world.addBuilder({ name: 'client-1' });
    world.nomad.run({
      id: 'build',
      type: 'batch',
      on: nodeId,
      runSeconds: 1e5,
      stopSeconds: 1e5,
      killTimeoutSeconds: 1e5,
    });
    await world.scaleIn(instanceId);
    await world.deliver();
    await world.sweepFor(10 * MINUTE);
    const text = oneLine((await operator.run('describe', instanceId)).stdout);
    expect(text).toContain(`${instanceId} Terminating:Retained: runs until you terminate it`);
    expect(text).not.toContain('Nothing holds it');
  });
});
