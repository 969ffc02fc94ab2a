import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { commandDocument } from '../../lib/run-command.ts';
import type { CommandDocument } from '../emulators/aws/run-command.ts';
import { DOCUMENT, MINUTE, SWEEP, World, type WorldOptions } from './world.ts';

const BIN = fileURLToPath(new URL('../emulators/bin', import.meta.url));
const POLICY = 'node { policy = "write" }\nnamespace "*" { capabilities = ["read-job"] }';

let world: World;
afterEach(() => world?.close());

/** A group whose instances have the nomad command set up, as the operations guide says; its first builder has to go. */
const start = async (ssm: NonNullable<WorldOptions['ssm']> = {}) => {
  world = await World.start({ acl: true, ssm });
  world.aws.commands.documents.set(DOCUMENT, commandDocument() as CommandDocument);
  world.nomad.policy('drainer', POLICY);
  const token = world.nomad.token({ policies: ['drainer'] });
  const builders = Array.from({ length: 3 }, () => world.addBuilder());
  for (const { instanceId } of builders) {
    world.aws.commands.shells.set(instanceId, {
      PATH: `${BIN}:${process.env.PATH}`,
      NOMAD_ADDR: world.nomad.url,
      NOMAD_TOKEN: token,
    });
  }
  const [leaving, ...others] = builders.map((builder) => builder);
  if (!leaving) throw new Error('no builder');
  return { leaving, others, token };
};

const asked = () => new Set(world.aws.commands.sent.map(({ instanceId }) => instanceId));

describe('a function without a network path to Nomad', () => {
  it('drains a node by the nomad command of another instance of the group', async () => {
    const { leaving, token } = await start();
    world.nomad.run({ id: 'build', type: 'batch', on: leaving.nodeId, runSeconds: 90 });
    await world.scaleIn(leaving.instanceId);

    await world.deliver();
    await world.sweepFor(4 * MINUTE);

    expect(world.completion(leaving.instanceId)).toMatchObject({ by: 'call' });
    expect(world.outcome(leaving.instanceId)).toBe('drained');
    expect(world.killedBuilds).toEqual([]);
    expect(asked()).not.toContain(leaving.instanceId);
    // The token stays on the instances: SSM keeps the history of commands.
    expect(JSON.stringify([world.aws.commands.sent, world.log])).not.toContain(token);
  });

  it('reads answers that are longer than what SSM carries, page by page', async () => {
    const { leaving } = await start();
    // Incompressible, so that the packed answer is longer than a page too.
    for (let index = 0; index < 300; index++) {
      const noise = Array.from({ length: 40 }, () => Math.random().toString(36).slice(2)).join('');
      world.nomad.run({
        id: `done-${index}-${noise}`,
        type: 'batch',
        on: leaving.nodeId,
        runSeconds: 1,
        cpu: 1,
        memoryMb: 1,
      });
    }
    await world.advance(5_000);
    await world.scaleIn(leaving.instanceId);

    await world.deliver();

    expect(world.aws.commands.sent.some(({ parameters }) => parameters.Page === '1')).toBe(true);
    expect(world.completion(leaving.instanceId)).toMatchObject({ by: 'call' });
  });

  it('asks another instance where one is offline or has no nomad command', async () => {
    const { leaving, others } = await start();
    const [offline, bare] = others;
    const third = world.addBuilder();
    world.aws.commands.shells.set(third.instanceId, world.aws.commands.shells.get(leaving.instanceId) ?? {});
    world.aws.commands.offline.add(offline?.instanceId ?? '');
    world.aws.commands.shells.set(bare?.instanceId ?? '', { PATH: '/usr/bin:/bin' });
    await world.scaleIn(leaving.instanceId);

    await world.wake(SWEEP);

    expect(world.completion(leaving.instanceId)).toMatchObject({ by: 'call' });
  });

  it('keeps the instance and says of each that was asked why it did not answer, where none does', async () => {
    const { leaving, others } = await start();
    world.aws.commands.offline.add(others[0]?.instanceId ?? '');
    world.aws.commands.shells.set(others[1]?.instanceId ?? '', { PATH: '/usr/bin:/bin' });
    await world.scaleIn(leaving.instanceId);

    const failed = expect(world.wake(SWEEP)).rejects;
    await failed.toThrow(/no instance answers: .*InvalidInstanceId.*there is no nomad command on this instance/);

    expect(world.completion(leaving.instanceId)).toBeUndefined();
  });

  it('says what Nomad answers where that is a refusal', async () => {
    const { leaving, others } = await start();
    for (const { instanceId } of others) {
      const shell = world.aws.commands.shells.get(instanceId);
      world.aws.commands.shells.set(instanceId, { ...shell, NOMAD_TOKEN: '00000000-1111-2222-3333-444444444444' });
    }
    await world.scaleIn(leaving.instanceId);
    await expect(world.wake(SWEEP)).rejects.toThrow(
      'Nomad does not know the ACL token of the nomad command on the instances',
    );
  });
});

describe('the Command document', () => {
  const document = commandDocument() as CommandDocument;
  const good: Record<string, string> = {
    Method: 'GET',
    Path: '/v1/nodes?filter=Status+%3D%3D+%22ready%22',
    Body: '-',
    Request: '0b5c3c1e-6a36-4c2f-9d8a-0f6f4a1b2c3d',
    Page: '0',
  };
  const attacks = ['$(touch HERE)', '`touch HERE`', '; touch HERE', '| touch HERE', '\ntouch HERE', "' ; touch HERE '"];

  it.each(Object.keys(good))('refuses in %s everything that a shell could take for a command', (name) => {
    const { allowedPattern, interpolationType } = document.parameters[name] ?? {
      allowedPattern: '',
      interpolationType: '',
    };
    expect(interpolationType).toBe('ENV_VAR');
    expect(good[name]).toMatch(new RegExp(allowedPattern));
    for (const attack of attacks) {
      expect(attack).not.toMatch(new RegExp(allowedPattern));
      expect(`${good[name]}${attack}`).not.toMatch(new RegExp(allowedPattern));
    }
  });

  it('takes them for text even where they get through', () => {
    const directory = mkdtempSync(join(tmpdir(), 'injection-'));
    const script = document.mainSteps[0]?.inputs.runCommand.join('\n') ?? '';
    for (const name of ['Method', 'Path', 'Body']) {
      for (const attack of attacks) {
        const here = join(directory, 'HERE');
        const parameters = { ...good, [name]: attack.replace('HERE', here) };
        const variables = Object.entries(parameters).map(([key, value]) => [`SSM_${key}`, value]);
        const env = {
          PATH: `${BIN}:${process.env.PATH}`,
          TMPDIR: directory,
          NOMAD_ADDR: 'http://127.0.0.1:9',
          ...Object.fromEntries(variables),
        };
        try {
          execFileSync('/bin/sh', ['-c', script], { env, stdio: 'ignore' });
        } catch {}
        expect(existsSync(here), `${name}: ${attack}`).toBe(false);
      }
    }
    rmSync(directory, { recursive: true });
  });

  it('keeps its files in its own directory', () => {
    const { allowedPattern = '' } = document.parameters.Request ?? {};
    for (const request of ['../x', `${good.Request}/../x`, '/etc/passwd']) {
      expect(request).not.toMatch(new RegExp(allowedPattern));
    }
  });

  it('tells an agent that is too old for it', () => {
    const script = document.mainSteps[0]?.inputs.runCommand.join('\n') ?? '';
    const run = () => execFileSync('/bin/sh', ['-c', script], { env: { PATH: process.env.PATH }, encoding: 'utf8' });
    expect(run).toThrow(/does not pass parameters as environment variables/);
  });
});
