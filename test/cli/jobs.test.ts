import { describe, expect, test } from 'vitest';
import { MINUTE, SECOND } from '../../emulators/world/world.ts';
import { Operator } from './operator.ts';

/** A builder, and jobs in two namespaces on it: one that runs, one without room, one that failed, one that ended well. */
async function startWithJobs() {
  const operator = await Operator.start();
  const { world } = operator;
  world.nomad.namespace('ci');
  world.addBuilder({ cpu: 1000, memoryMb: 4000, name: 'builder-1' });
  world.nomad.run({ id: 'good', type: 'batch', namespace: 'ci', runSeconds: 10 });
  world.nomad.run({ id: 'bad', type: 'batch', namespace: 'ci', runSeconds: 20, exitCode: 1 });
  world.nomad.run({ id: 'build', type: 'batch', namespace: 'ci', runSeconds: 600, cpu: 500 });
  await world.advance(MINUTE);
  world.nomad.run({ id: 'large', type: 'batch', runSeconds: 600, cpu: 800, count: 2 });
  await world.advance(5 * SECOND);
  return operator;
}

/** Without the ids of allocations, which differ. */
const withoutIds = (text: string) => text.replaceAll(/[0-9a-f]{8}$/gm, '<id>');

describe('jobs', () => {
  test('says by namespace which wait and why, which run and where, and how others have ended', async () => {
    const operator = await startWithJobs();
    const { code, stdout, stderr } = await operator.run('jobs');
    expect(withoutIds(stdout)).toBe(
      [
        'ci  1 running, 0 pending, 2 dead',
        '  running   build  batch  for 65 s  builder-1  <id>',
        '  failed    bad    batch  44 s ago  builder-1  <id>',
        '  complete  good   batch  54 s ago  builder-1  <id>',
        '',
        'default  0 running, 1 pending, 0 dead',
        '  pending  large  batch  for 5 s',
        '    2 of task group g waiting: of 1 eligible node in pool default, cpu is exhausted on 1',
        '',
      ].join('\n'),
    );
    expect([code, stderr]).toEqual([0, '']);
  });

  test('asks for one namespace or one status, and refuses a status that there is not', async () => {
    const operator = await startWithJobs();
    const waiting = (await operator.run('jobs', '--status', 'pending')).stdout;
    expect(waiting).toContain('large');
    expect(waiting).not.toContain('build');
    expect((await operator.run('jobs', '-n', 'ci')).stdout).not.toContain('large');
    const { code, stderr } = await operator.run('jobs', '--status', 'stopped');
    expect(code).toBe(1);
    expect(stderr).toContain('Allowed choices are running, pending, dead.');
  });

  test('says what was killed by a drain, and what was stopped: Nomad calls both complete', async () => {
    const operator = await Operator.start({ policy: { deadlineSeconds: 60, killMarginSeconds: 30 } });
    const { world } = operator;
    const { instanceId, nodeId } = world.addBuilder({ name: 'builder-1' });
    const [long = ''] = world.nomad.run({ id: 'long', type: 'batch', on: nodeId, runSeconds: 600 });
    const [stopped = ''] = world.nomad.run({ id: 'stopped', type: 'batch', on: nodeId, runSeconds: 600 });
    world.nomad.run({ id: 'short', type: 'batch', on: nodeId, runSeconds: 5 });
    await world.advance(10 * SECOND);
    const headers = { 'X-Nomad-Token': world.nomad.managementToken };
    await fetch(`${world.nomad.url}/v1/job/stopped`, { method: 'DELETE', headers });
    await world.scaleIn(instanceId);
    await world.deliver();
    await world.sweepFor(3 * MINUTE);
    expect([long, stopped].map((id) => world.nomad.allocation(id).ClientStatus)).toEqual(['complete', 'complete']);

    const { stdout } = await operator.run('jobs');

    expect(stdout).toMatch(/killed +long/);
    expect(stdout).toMatch(/stopped +stopped/);
    expect(stdout).toMatch(/complete +short/);
  });

  test('of a namespace that there is not says so', async () => {
    const operator = await startWithJobs();
    operator.world.nomad.namespace('empty');
    const { code, stderr } = await operator.run('jobs', '-n', 'nope');
    expect(stderr).toContain('error: Nomad has no namespace nope, or the token does not see it');
    expect(code).toBe(1);
    expect(await operator.run('jobs', '-n', 'empty')).toMatchObject({ code: 0 });
  });

  test('of many that have ended lists the last ten, unless they are asked for', async () => {
    const operator = await Operator.start();
    const { world } = operator;
    world.addBuilder();
    for (let i = 1; i <= 12; i += 1) world.nomad.run({ id: `build-${i}`, type: 'batch', runSeconds: i });
    await world.advance(MINUTE);
    const { stdout } = await operator.run('jobs');
    expect(stdout).toContain('build-12');
    expect(stdout).not.toMatch(/build-2\b/);
    expect(stdout).toContain('2 jobs that ended earlier not listed: --status dead lists them');
    expect((await operator.run('jobs', '--status', 'dead')).stdout).toMatch(/build-1\b/);
  });

  test('fits a terminal of 80 columns, where nothing runs too', async () => {
    const operator = await Operator.start();
    expect((await operator.onTerminal('jobs')).screen).toContain('no job runs, waits or has ended lately');
    operator.world.addBuilder({ name: 'client-with-a-very-long-name-in-nomad' });
    operator.world.nomad.run({
      id: 'a-build-with-a-name-that-is-far-too-long-for-this',
      type: 'batch',
      runSeconds: 600,
    });
    const { tooLong, screen, code } = await operator.onTerminal('jobs');
    expect(tooLong).toEqual([]);
    expect(screen).toContain('a-build-with-a');
    expect(code).toBe(0);
  });

  test('is JSON with --json', async () => {
    const operator = await startWithJobs();
    const { stdout } = await operator.run('jobs', '--json', '--status', 'running');
    expect(JSON.parse(stdout)).toMatchObject({ run: 'jobs', jobs: [{ job: 'build' }], warnings: [] });
  });
});
