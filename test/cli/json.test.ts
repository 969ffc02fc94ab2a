import { expect, test } from 'vitest';
import { MINUTE, SECOND } from '../../emulators/world/world.ts';
import { Operator } from './operator.ts';

/** A command line for each command that prints an answer. */
const COMMANDS: Record<string, string[][]> = {
  status: [[]],
  describe: [['client-1'], ['client-2']],
  history: [[]],
  nodes: [[]],
  jobs: [[]],
  logs: [['client-1']],
  doctor: [[]],
  plan: [[]],
  drain: [
    ['client-2', '--dry-run'],
    ['client-2', '--dry-run', '--cordon'],
  ],
  extend: [['client-1', '8h', '--dry-run']],
  'scale-in': [['builders', '--to', '0', '--dry-run']],
  roll: [['builders', '--dry-run']],
  release: [['client-1', '--dry-run']],
  version: [[]],
};

/** One instance waits for a build, one serves, and one was released with its build killed. */
async function everySituation() {
  const operator = await Operator.start({ policy: { deadlineSeconds: 60, killMarginSeconds: 30 }, admission: {} });
  const { world } = operator;
  const [gone, waits, serves] = [0, 1, 2].map((number) => world.addBuilder({ name: `client-${number}` }));
  const build = { type: 'batch', runSeconds: 24 * 3600 } as const;
  const allocations = [gone, waits, serves].flatMap((each, number) =>
    world.nomad.run({ ...build, id: `build-${number}`, on: each!.nodeId, stderr: 'linking\n' }),
  );
  await world.scaleIn(gone!.instanceId);
  await world.deliver();
  await world.sweepFor(3 * MINUTE);
  await world.scaleIn(waits!.instanceId);
  await world.deliver();
  await world.advance(SECOND);
  operator.environment.NOMAD_ADDR = world.nomad.url;
  const instances = [gone, waits, serves].map((each) => each!.instanceId);
  const nodes = [gone, waits, serves].map((each) => each!.nodeId);
  return { operator, known: { instance: instances, node: nodes, allocation: allocations } };
}

/** Every object in an answer. */
function objectsIn(value: unknown): Record<string, unknown>[] {
  if (typeof value !== 'object' || value === null) return [];
  const inner = Object.values(value).flatMap(objectsIn);
  return Array.isArray(value) ? inner : [value as Record<string, unknown>, ...inner];
}

test('every command prints one shape of JSON: its name, the time, the warnings; and one name for one thing', async () => {
  const { operator, known } = await everySituation();
  const [, list = ''] = (await operator.run('--help')).stdout.split('\nCommands:\n');
  const listed = [...list.matchAll(/^ {2}([a-z][\w-]*)/gm)].map(([, name = '']) => name);
  expect(Object.keys(COMMANDS)).toEqual(listed.filter((name) => !['completion', 'help'].includes(name)));

  const lines = Object.entries(COMMANDS).flatMap(([command, all]) => all.map((args) => [command, ...args]));
  const seen = { instance: 0, node: 0, allocation: 0 };
  for (const [index, line] of lines.entries()) {
    const format = index % 2 === 0 ? ['--json'] : ['-o', 'json'];
    const { stdout, stderr } = await operator.run(...line, ...format);
    expect([line, stderr]).toEqual([line, expect.not.stringContaining('error:')]);
    const answer = JSON.parse(stdout);
    expect(Object.keys(answer).slice(0, 3)).toEqual(['run', 'at', 'warnings']);
    expect(answer).toMatchObject({
      run: line[0],
      at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      warnings: [],
    });
    for (const object of objectsIn(answer)) {
      for (const name of ['instance', 'node', 'allocation'] as const) {
        const ids = known[name].filter((id) => Object.values(object).includes(id));
        expect([line, object[name] ?? ids]).toEqual([line, ids[0] ?? object[name] ?? []]);
        seen[name] += ids.length;
      }
      const { nodeName, group, namespace } = object;
      expect([line, Object.values(object).some(isNodeName)]).toEqual([line, isNodeName(nodeName)]);
      for (const text of [group, namespace]) expect(['string', 'undefined', 'object']).toContain(typeof text);
    }
  }
  // In all answers together, so that none is empty of them.
  expect(Math.min(...Object.values(seen))).toBeGreaterThan(10);
});

const isNodeName = (value: unknown) => typeof value === 'string' && /^client-\d$/.test(value);

test('text is the default, and can be named', async () => {
  const operator = await Operator.start();
  const { stdout } = await operator.run('version');
  expect((await operator.run('version', '--output', 'text')).stdout).toBe(stdout);
  expect((await operator.run('version', '-o', 'yaml')).stderr).toContain('Allowed choices are text, json.');
});

test('a log that is followed is a line of JSON for each answer', async () => {
  const operator = await Operator.start();
  const { nodeId } = operator.world.addBuilder({ name: 'client-1' });
  const [id = ''] = operator.world.nomad.run({ id: 'b', type: 'batch', on: nodeId, runSeconds: 1, stderr: 'one\n' });
  await operator.world.advance(2 * SECOND);
  const { stdout } = await operator.run('logs', id, '-f', '--json');
  const [line, ...more] = stdout.trimEnd().split('\n');
  expect(more).toEqual([]);
  expect(JSON.parse(line ?? '')).toMatchObject({
    run: 'logs',
    warnings: [],
    logs: [{ allocation: id, node: nodeId, tasks: [{ text: 'one\n' }] }],
  });
});
