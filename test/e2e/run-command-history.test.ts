import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../emulators/clock.ts';
import { NomadEmulator } from '../../emulators/nomad/emulator.ts';
import { type AllocationJson, toAllocation } from '../../lambda/nomad/json/allocation.ts';
import { isAllocation, type Json, objectsOf, type Recording } from '../contract/recording.ts';
import { AskingInstance, TOKEN, unpack } from './asking-instance.ts';

const FIXTURES = fileURLToPath(new URL('../contract/fixtures', import.meta.url));

let instance: AskingInstance;
beforeEach(async () => {
  instance = await AskingInstance.start();
});
afterEach(() => instance.close());

describe('what the script lets pass into the history of commands', () => {
  const pass = async (path: string, body: string) => {
    instance.answer.body = body;
    const [, passed] = unpack((await instance.run({ Path: path, Request: crypto.randomUUID() })).stdout);
    return passed;
  };

  it('is of every allocation all that the function reads of it', async () => {
    const emulator = await NomadEmulator.start({ clock: new ManualClock() });
    const { id: on } = emulator.addNode();
    const says = {
      meta: { nomad_drain_hook_drain: '1h', secret: 'canary' },
      groupMeta: { nomad_drain_hook_drain: '2h' },
    };
    emulator.run({ id: 'build', type: 'batch', on, runSeconds: 60, maxRunSeconds: 600, stderr: 'canary', ...says });
    emulator.run({ id: 'moves', type: 'service', on, migrateDisk: { copySeconds: 5 }, lostAfterSeconds: 60 });
    emulator.run({ id: 'fails', type: 'batch', on, runSeconds: 1, exitCode: 1, poststopSeconds: 60 });
    emulator.run({ id: 'plugin', type: 'system', csiPlugin: true });
    const emulated = (await (await fetch(`${emulator.url}/v1/node/${on}/allocations`)).json()) as Json[];
    await emulator.close();
    const recorded = globSync('*/*.json', { cwd: FIXTURES }).flatMap((file) => {
      const { exchanges } = JSON.parse(readFileSync(join(FIXTURES, file), 'utf8')) as Recording;
      const objects = exchanges.flatMap(({ response }) => objectsOf(response.body));
      return objects.filter((each) => isAllocation(each) && 'Job' in each);
    });
    expect(recorded.length).toBeGreaterThan(100);
    expect(JSON.stringify(emulated)).toContain('canary');

    const allocations = [...emulated, ...recorded];
    const passed = JSON.parse(await pass('/v1/node/n/allocations', JSON.stringify(allocations)));

    // As if each had been replaced: whose disk moves to its heir is read too.
    const read = (them: unknown) =>
      (them as AllocationJson[]).map((each) => toAllocation({ ...each, NextAllocation: 'heir' }, 0, { jobMeta: true }));
    expect(read(emulated).map(({ diskGoesTo }) => diskGoesTo)).toContain('heir');
    expect(read(emulated).filter(({ endsBy }) => endsBy !== undefined)).toHaveLength(1);
    expect(read(emulated).flatMap(({ drain }) => drain?.asks ?? [])).toEqual(['2h']);
    expect(read(passed)).toEqual(read(allocations));
    expect(JSON.stringify(passed)).not.toContain('canary');
  });

  it('is nothing of what a job is given, however it is written', async () => {
    const canary = 'the "secret", \\ and } ] too';
    const task = {
      Name: 't"1\\',
      Env: { KEY: canary },
      Templates: [{ EmbeddedTmpl: canary }],
      Lifecycle: { Hook: 'poststop' },
    };
    const groups = [
      {
        Meta: { a: canary, nomad_drain_hook_drain: 'now' },
        Name: 'g',
        Count: 1,
        EphemeralDisk: { Migrate: true },
        Tasks: [task, { Config: [[canary]] }],
      },
      { Name: 'h', Tasks: null },
    ];
    const job = { ID: canary, Payload: canary, Type: 'batch', TaskGroups: groups, Meta: { Type: canary } };
    const allocation = { ID: 'a', Job: job, TaskStates: { Job: { State: 'dead', Events: [{ Message: '"x", {' }] } } };
    const kept = {
      ...allocation,
      Job: {
        Type: 'batch',
        Meta: {},
        TaskGroups: [
          {
            Meta: { nomad_drain_hook_drain: 'now' },
            Name: 'g',
            EphemeralDisk: { Migrate: true },
            Tasks: [{ Name: 't"1\\', Lifecycle: { Hook: 'poststop' } }, {}],
          },
          { Name: 'h', Tasks: null },
        ],
      },
    };
    const list = [allocation, { ID: 'b', Job: null }, allocation];
    expect(JSON.parse(await pass('/v1/node/n/allocations', JSON.stringify(list)))).toEqual([
      kept,
      { ID: 'b', Job: null },
      kept,
    ]);
    expect(JSON.parse(await pass('/v1/allocation/a', JSON.stringify(allocation)))).toEqual(kept);
  });

  it('is not the token of whoever asks for it', async () => {
    const self = { AccessorID: 'a', Name: 'SecretID', SecretID: TOKEN, Policies: ['drainer'] };
    expect(JSON.parse(await pass('/v1/acl/token/self', JSON.stringify(self)))).toEqual({ ...self, SecretID: '' });
  });

  it('is every other answer as it is, refusals and logs among them', async () => {
    const log = 'said "Job":{"Env":1} and "SecretID":"x"';
    expect(await pass('/v1/client/fs/logs/a', log)).toBe(log);
    for (const body of ['No path to region: "x, [', 'null', '""', '{"Meta":{"Job":"x","a":[]}}']) {
      expect(await pass('/v1/nodes', body)).toBe(body);
    }
  });
});
