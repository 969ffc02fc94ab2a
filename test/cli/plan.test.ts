import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { HOUR, MINUTE, type World } from '../../emulators/world/world.ts';
import { Operator } from './operator.ts';

type Builder = ReturnType<World['addBuilder']>;

/** Builders: an idle one, one with a build of a job that ran thirty times, one with a service, and one with a build of a new job. */
async function start() {
  const operator = await Operator.start();
  const { world } = operator;
  const [idle, busy, serves, fresh] = [1, 2, 3, 4].map((number) => world.addBuilder({ name: `client-${number}` })) as [
    Builder,
    Builder,
    Builder,
    Builder,
  ];
  for (let index = 0; index < 30; index++) {
    const id = `ci/dispatch-17000000${String(index).padStart(2, '0')}-abcdef01`;
    world.nomad.run({ id, type: 'batch', on: busy.nodeId, runSeconds: 600 + index * 60 });
  }
  await world.advance(1.5 * HOUR);
  world.nomad.run({ id: 'ci/dispatch-1700009999-abcdef01', type: 'batch', on: busy.nodeId, runSeconds: 1200 });
  world.nomad.run({ id: 'web', type: 'service', on: serves.nodeId });
  world.nomad.run({ id: 'release-42', type: 'batch', on: fresh.nodeId, runSeconds: 7200 });
  await world.advance(15 * MINUTE);
  return { operator, idle, busy, serves, fresh };
}

describe('plan', () => {
  test('says of each instance what a scale-in would mean, how long builds take, and what deadlines would mean', async () => {
    const { operator, busy, serves, fresh } = await start();
    const { code, stdout, stderr } = await operator.run('plan');
    expect(stderr).toBe('');
    expect(
      stdout,
    ).toBe(`builders  4 instances: 1 goes at once, 2 go when their builds have ended, 1 stops a service that has nowhere to go
  at once  client-1

            now          5 min         10 min       15 min        20 min  25 min
  client-2  ████████████████████████████████░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░     ▸
  client-4  ████████████████████████████████░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░     ▸
  client-3  ×                                                                  ▸
  █ builds end (p50)  ░ builds end (p95)  × a service stops, with nowhere to go
  ▸ the deadline is later

  ${busy.instanceId}  client-2  goes in 12 min or so
    ci/dispatch-1700009999-abcdef01 has run for 15 min; of 25 runs of ci that took longer, half ended within 12 min more, 19 of 20 within 23 min
  ${fresh.instanceId}  client-4  goes in 12 min or so
    release-42 has run for 15 min, and no earlier run is known; of 25 runs of other jobs that took longer, half ended within 12 min more, 19 of 20 within 23 min
  ${serves.instanceId}  client-3  stops a service that has nowhere to go
    web has nowhere to go: of 3 eligible nodes in pool default, constraint \${node.unique.id} = ${serves.nodeId} rules out 3; a drain stops it at once, and it runs nowhere until there is room

how long builds take here  30 builds that ended by themselves, and 2 that were killed or still run, begun in the last 1 h 45 min
      builds     p50     p95  longest
  ci      30  25 min  38 min   39 min

what a deadline would mean
  deadline            spares  kills  kills now
  5 min              0 of 30   80 %        1.6
  15 min             5 of 30   41 %        0.8
  30 min            20 of 30    6 %          0
  1 h               30 of 30    0 %          0
  6 h (configured)  30 of 30    0 %          0
  spares: of the builds above, those that took no longer. kills: of the builds that are under way when a drain begins. kills now: of those that run now, if all drains began now, as far as is known.
`);
    // A service would run nowhere.
    expect(code).toBe(2);
  });

  test('shows a service that a drain waits for until the deadline, and one that stops beside builds', async () => {
    const { operator, busy, serves } = await start();
    operator.world.nomad.run({ id: 'api', type: 'service', on: serves.nodeId, count: 2 });
    operator.world.nomad.run({ id: 'db', type: 'service', on: busy.nodeId });
    await operator.world.advance(MINUTE);
    const folder = await mkdtemp(join(tmpdir(), 'plan-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const file = join(folder, 'plan.svg');
    const { code, stdout } = await operator.run('plan', '--svg', file);
    expect(stdout).toContain('1 stops a service that has nowhere to go, 1 has a service with nowhere to go');
    expect(stdout).toMatch(/client-2 {2}×█+░+ +▸/);
    expect(stdout).toMatch(/client-3 {2}─+▸/);
    expect(stdout).toContain('a drain waits for it until the deadline');
    expect(await readFile(file, 'utf8')).toMatch(/<circle [^>]*fill="#cf222e"/);
    expect(code).toBe(2);
  });

  test('evaluates another deadline, and fits a terminal of 80 columns', async () => {
    const { operator } = await start();
    const { code, screen, tooLong } = await operator.onTerminal('plan', 'builders', '--deadline', '20m');
    expect(tooLong).toEqual([]);
    expect(screen).toContain('2 have builds that the deadline may kill');
    expect(screen).toContain('client-2  ████████████████████████████████████████░░░░░░░░░░░░░░░░░░░░░░░░░░░┃');
    expect(screen).toContain('may lose a build in 20 min');
    expect(screen.replaceAll(/\s+/g, ' ')).toContain('the deadline in 20 min kills it with a chance of 20 %');
    expect(screen).toMatch(/20 min \(requested\) {2}10 of 30/);
    expect(code).toBe(2);
  });

  test('writes the timeline as a picture, and says where; as JSON it is the answer of the function', async () => {
    const { operator } = await start();
    const folder = await mkdtemp(join(tmpdir(), 'plan-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const file = join(folder, 'plan.svg');
    const { stdout, stderr } = await operator.run('plan', 'builders', '--json', '--svg', file);
    expect(stderr).toBe(`The timeline is in ${file}.\n`);
    expect(JSON.parse(stdout)).toMatchObject({
      run: 'plan',
      verdicts: { 'at-once': 1, ends: 2, stops: 1 },
      warnings: [],
    });
    const svg = await readFile(file, 'utf8');
    expect(svg).toMatch(/^<svg .*<\/svg>\n$/s);
    expect([...svg.matchAll(/>(client-\d)</g)].map(([, name]) => name)).toEqual(['client-2', 'client-4', 'client-3']);
    expect(svg).toContain('What a scale-in of builders would mean at 2026-03-01 10:45 UTC');
    expect(svg).toContain('1 goes at once: client-1');
  });

  test('of a group whose instances are all idle ends with 0', async () => {
    const operator = await Operator.start();
    operator.world.addBuilder({ name: 'client-1' });
    const { code, stdout } = await operator.run('plan');
    expect(stdout).toContain('builders  1 instance: 1 goes at once\n  at once  client-1\n\n');
    expect(stdout).toContain('how long builds take here  Nomad knows of no build that has ended');
    expect(code).toBe(0);
  });

  test('of no instance says so', async () => {
    const operator = await Operator.start();
    expect((await operator.run('plan')).stdout).toContain('no instance is in service\n');
  });

  test('that is asked for wrongly says what is wrong, and what to do', async () => {
    const { operator } = await start();
    const folder = join(tmpdir(), 'no-such-folder');
    expect(await operator.run('plan', 'builder')).toEqual({
      code: 1,
      stdout: '',
      stderr:
        'error: group builder is not served here; there is builders\nnomad-drain-hook nodes and nomad-drain-hook jobs list what there is.\n',
    });
    expect((await operator.run('plan', '--deadline', 'soon')).stderr).toBe(
      "error: option '--deadline <duration>' argument 'soon' is invalid. It must be a duration up to 48h, such as 45m or 1h30m.\n" +
        'Its arguments and options are in: nomad-drain-hook plan --help\n',
    );
    expect((await operator.run('plan', '--deadline', '49h')).stderr).toContain('It must be a duration up to 48h');
    const { code, stderr } = await operator.run('plan', '--svg', join(folder, 'plan.svg'));
    expect([code, stderr.split('\n').length]).toEqual([1, 3]);
    expect(stderr).toMatch(/^error: .*plan\.svg cannot be written: ENOENT.*\nUse a file in an existing folder\.\n$/);
  });

  test('where Nomad is away says that it could not be answered', async () => {
    const { operator } = await start();
    operator.world.nomad.server.fault = () => 'hang-up';
    const { code, stderr } = await operator.run('plan');
    expect([code, stderr]).toEqual([1, expect.stringContaining('ECONNRESET')]);
  });
});
