import { CompleteLifecycleActionCommand } from '@aws-sdk/client-auto-scaling';
import { describe, expect, test } from 'vitest';
import { connect } from '../../emulators/aws/clients.ts';
import { MINUTE } from '../../emulators/world/world.ts';
import { Operator } from './operator.ts';

/** An instance whose build keeps it waiting. */
async function withWaiting() {
  const operator = await Operator.start();
  const { world } = operator;
  const { instanceId, nodeId } = world.addBuilder({ name: 'client-1' });
  world.nomad.run({ id: 'build-42', type: 'batch', on: nodeId, runSeconds: 3600 });
  await world.scaleIn(instanceId);
  await world.deliver();
  await world.sweepFor(3 * MINUTE);
  return { operator, world, instanceId };
}

describe('release', () => {
  test('shows what dies with the instance, wants its id typed, and ends its wait', async () => {
    const { operator, world, instanceId } = await withWaiting();
    const terminal = operator.atTerminal(['release', 'client-1']);
    await terminal.until(`Type ${instanceId} to release it`);
    expect(terminal.screen).toMatch(/This will kill:\n +build-42 +batch +running for 3 min/);
    expect(world.completion(instanceId)).toBeUndefined();
    terminal.type(`${instanceId}\r`);
    const { code, screen } = await terminal.ended();
    expect(screen).toContain(`${instanceId} is released: EC2 terminates it now.`);
    expect(code).toBe(0);
    expect(world.completion(instanceId)).toMatchObject({ result: 'CONTINUE', by: 'call' });
  });

  test('changes nothing where another id is typed', async () => {
    const { operator, world, instanceId } = await withWaiting();
    const terminal = operator.atTerminal(['release', 'client-1']);
    await terminal.until('to release it');
    terminal.type('client-1\r');
    const { code, screen } = await terminal.ended();
    expect(screen).toContain('cancelled; nothing changed');
    expect(code).toBe(1);
    expect(world.completion(instanceId)).toBeUndefined();
  });

  test('in a script needs --yes, and the whole id', async () => {
    const { operator, world, instanceId } = await withWaiting();
    expect(await operator.run('release', 'client-1')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('there is no terminal to ask on, so nothing was changed'),
    });
    expect(await operator.run('release', 'client-1', '--yes')).toMatchObject({
      code: 1,
      stderr: `error: with --yes it needs the whole id, not client-1\nIt would be: release ${instanceId} --yes\n`,
    });
    expect(world.completion(instanceId)).toBeUndefined();
    const { code, stdout } = await operator.run('release', instanceId, '--yes', '--json');
    expect(JSON.parse(stdout)).toMatchObject({
      run: 'release',
      instance: instanceId,
      group: 'builders',
      changed: true,
    });
    expect(code).toBe(0);
    expect(world.completion(instanceId)).toBeDefined();
  });

  test('as a dry run changes nothing', async () => {
    const { operator, world, instanceId } = await withWaiting();
    const { code, stdout } = await operator.run('release', instanceId, '--dry-run', '--yes');
    expect(stdout).toContain('A dry run: nothing was changed.');
    expect(code).toBe(0);
    expect(world.completion(instanceId)).toBeUndefined();
  });

  test('of an instance that is released meanwhile says so', async () => {
    const { operator, world, instanceId } = await withWaiting();
    const terminal = operator.atTerminal(['release', 'client-1']);
    await terminal.until('to release it');
    const command = { AutoScalingGroupName: 'builders', LifecycleHookName: 'nomad-drain', InstanceId: instanceId };
    const completed = new CompleteLifecycleActionCommand({ ...command, LifecycleActionResult: 'CONTINUE' });
    await connect(world.aws).autoScaling.send(completed);
    terminal.type(`${instanceId}\r`);
    const { code, screen } = await terminal.ended();
    expect(screen).toContain('error: Auto Scaling does not hold it any more, or not yet');
    expect(code).toBe(1);
  });

  test('by the name of a node says that it is not known which instance that is, while Nomad is away', async () => {
    const { operator, world, instanceId } = await withWaiting();
    world.nomad.server.fault = () => 'hang-up';
    await world.coldStart();

    const { code, stderr } = await operator.run('release', 'client-1', '--dry-run');

    expect(stderr.replaceAll(/\s+/g, ' ')).toContain(
      `it is not known whether a waiting instance is client-1: of ${instanceId} the node is not known`,
    );
    expect(code).toBe(1);
    expect(await operator.run('release', instanceId, '--dry-run')).toMatchObject({ code: 0 });
  });

  test('of an instance that does not wait is refused', async () => {
    const { operator, world } = await withWaiting();
    const { instanceId } = world.addBuilder();
    expect(await operator.run('release', instanceId, '--yes')).toMatchObject({
      code: 1,
      stderr: `error: no waiting instance matches ${instanceId}\nList them with: nomad-drain-hook status\n`,
    });
  });
});
