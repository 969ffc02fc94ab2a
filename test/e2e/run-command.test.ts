import { randomBytes } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';
import { jobOf } from '../../emulators/nomad/scheduler/jobs.ts';
import { Loopback } from '../../emulators/server.ts';
import { MINUTE, SWEEP } from '../../emulators/world/world.ts';
import { drainsOf, startWithCommands } from './command-world.ts';
import { world } from './start.ts';

const asked = () => new Set(world.aws.commands.sent.map(({ instanceId }) => instanceId));

/** What SSM keeps of all commands, unpacked. */
const history = () =>
  world.aws.commands.history.map(({ parameters, stdout, stderr }) => {
    const [, packed = ''] = stdout.split(' ');
    const body = Buffer.from(parameters.Body ?? '', 'base64').toString();
    return JSON.stringify([parameters, body, stderr, packed && gunzipSync(Buffer.from(packed, 'base64')).toString()]);
  });

describe('a function without a network path to Nomad', () => {
  it('drains a node by the nomad command of another instance of the group', async () => {
    const { leaving, token } = await startWithCommands();
    world.nomad.run({ id: 'build', type: 'batch', on: leaving.nodeId, runSeconds: 60 });
    await world.scaleIn(leaving.instanceId);

    await world.deliver();
    await world.sweepFor(3 * MINUTE);

    expect(world.completion(leaving.instanceId)).toMatchObject({ by: 'call' });
    expect(world.outcome(leaving.instanceId)).toBe('drained');
    expect(world.killedBuilds).toEqual([]);
    expect(asked()).not.toContain(leaving.instanceId);
    // The token stays on the instances: SSM keeps the history of commands.
    expect(history().filter((command) => command.includes(token))).toEqual([]);
    expect(JSON.stringify([world.log, world.reports])).not.toContain(token);
  });

  it('leaves nothing of what a job is given, its environment among it, in the history of commands', async () => {
    const { leaving } = await startWithCommands();
    const { TaskGroups, ...job } = jobOf({ id: 'build', type: 'batch', on: leaving.nodeId, runSeconds: 60 });
    for (const task of TaskGroups?.flatMap(({ Tasks }) => Tasks) ?? []) Object.assign(task, { Env: { KEY: 'canary' } });
    world.nomad.register({ ...job, ...(TaskGroups && { TaskGroups }), Meta: { key: 'canary' } }, true);
    await world.scaleIn(leaving.instanceId);

    await world.deliver();
    await world.sweepFor(3 * MINUTE);

    expect(world.outcome(leaving.instanceId)).toBe('drained');
    expect(history().some((command) => command.includes('build'))).toBe(true);
    expect(history().filter((command) => command.includes('canary'))).toEqual([]);
  });

  it('drains a whole fleet that scales in at once, by those that wait to go themselves', async () => {
    const { leaving, others } = await startWithCommands(2);
    const [other] = others;
    if (!other) throw new Error('no other builder');
    world.nomad.run({ id: 'long', type: 'batch', on: leaving.nodeId, runSeconds: 90 });
    world.nomad.run({ id: 'short', type: 'batch', on: other.nodeId, runSeconds: 30 });
    await world.scaleIn(leaving.instanceId, other.instanceId);

    await world.deliver();
    await world.sweepFor(4 * MINUTE);

    for (const { instanceId } of [leaving, other]) {
      expect(world.completion(instanceId)).toMatchObject({ by: 'call' });
      expect(world.outcome(instanceId)).toBe('drained');
    }
    expect(world.killedBuilds).toEqual([]);
  });

  it('asks instances that wait to go only after those in service, and none that EC2 has ended', async () => {
    const { leaving: ended, others } = await startWithCommands();
    const [waiting, serving] = others;
    await world.scaleIn(ended.instanceId, waiting?.instanceId ?? '');
    world.aws.terminate(ended.instanceId);
    world.aws.commands.shells.set(serving?.instanceId ?? '', { PATH: '/usr/bin:/bin' });

    await world.wake(SWEEP);

    const sent = world.aws.requests.filter(({ action }) => action === 'SendCommand');
    const instances = sent.map(({ params }) => (params.InstanceIds as string[])[0]);
    expect(instances.slice(0, 2)).toEqual([serving?.instanceId, waiting?.instanceId]);
    expect(instances).not.toContain(ended.instanceId);
    expect(drainsOf(world)).toHaveLength(1);
  });

  it('asks others in its next question where those that it has asked first do not answer', async () => {
    const { leaving, others } = await startWithCommands(7);
    for (const { instanceId } of others.slice(0, 5)) world.aws.commands.offline.add(instanceId);
    await world.scaleIn(leaving.instanceId);

    await world.wake(SWEEP);

    expect(world.completion(leaving.instanceId)).toMatchObject({ by: 'call' });
  });

  it('reads answers that are longer than what SSM carries, page by page', async () => {
    const { leaving } = await startWithCommands();
    // Incompressible, so that the packed answer is longer than a page too.
    for (let index = 0; index < 300; index++) {
      world.nomad.run({
        id: `done-${index}-${randomBytes(200).toString('hex')}`,
        type: 'batch',
        on: leaving.nodeId,
        runSeconds: 1,
        cpu: 1,
        memoryMb: 1,
      });
    }
    await world.advance(5_000);
    await world.scaleIn(leaving.instanceId);

    await world.wake(SWEEP);

    expect(world.aws.commands.sent.some(({ parameters }) => parameters.Page === '1')).toBe(true);
    expect(world.completion(leaving.instanceId)).toMatchObject({ by: 'call' });
  });

  it('asks another instance where one is offline or has no nomad command', async () => {
    const { leaving, others } = await startWithCommands();
    const [offline, bare] = others;
    const third = world.addBuilder();
    world.aws.commands.shells.set(third.instanceId, world.aws.commands.shells.get(leaving.instanceId) ?? {});
    world.aws.commands.offline.add(offline?.instanceId ?? '');
    world.aws.commands.shells.set(bare?.instanceId ?? '', { PATH: '/usr/bin:/bin' });
    await world.scaleIn(leaving.instanceId);

    await world.wake(SWEEP);

    expect(world.completion(leaving.instanceId)).toMatchObject({ by: 'call' });
  });

  it('asks another instance where the agent of one has lost the servers', async () => {
    const { leaving, others } = await startWithCommands();
    const lost = await Loopback.listen(() => ({ status: 500, body: 'rpc error: EOF' }));
    onTestFinished(() => lost.close());
    const shells = world.aws.commands.shells;
    const first = others[0]?.instanceId ?? '';
    shells.set(first, { ...shells.get(first), NOMAD_ADDR: lost.url });
    await world.scaleIn(leaving.instanceId);

    await world.deliver();
    await world.sweepFor(2 * MINUTE);

    expect(lost.arrived).toBeGreaterThan(0);
    expect(world.outcome(leaving.instanceId)).toBe('drained');
  });

  it('keeps the instance and says of each that was asked why it did not answer, where none does', async () => {
    const { leaving, others } = await startWithCommands();
    world.aws.commands.offline.add(others[0]?.instanceId ?? '');
    for (const { instanceId } of [leaving, ...others.slice(1)]) {
      world.aws.commands.shells.set(instanceId, { PATH: '/usr/bin:/bin' });
    }
    await world.scaleIn(leaving.instanceId);

    const failed = expect(world.wake(SWEEP)).rejects;
    await failed.toThrow(/no instance answers: .*InvalidInstanceId.*there is no nomad command on this instance/);

    expect(world.completion(leaving.instanceId)).toBeUndefined();
  });

  it('says what Nomad answers where that is a refusal', async () => {
    const { leaving, others } = await startWithCommands();
    for (const { instanceId } of [leaving, ...others]) {
      const shell = world.aws.commands.shells.get(instanceId);
      world.aws.commands.shells.set(instanceId, { ...shell, NOMAD_TOKEN: '00000000-1111-2222-3333-444444444444' });
    }
    await world.scaleIn(leaving.instanceId);
    await expect(world.wake(SWEEP)).rejects.toThrow(
      'Nomad does not know the ACL token of the nomad command on the instances',
    );
  });
});
