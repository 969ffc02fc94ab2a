import { describe, expect, test } from 'vitest';
import { MINUTE, SECOND, SWEEP } from '../../emulators/world/world.ts';
import { Operator } from './operator.ts';
import { OFTEN, passAtEachLook } from './watched.ts';

/** Clients of an old version of their launch template, each with a build of so many minutes; new ones join as they come. */
async function clients(
  minutes: readonly number[],
  options: Parameters<typeof Operator.start>[0] = {},
  { join = true } = {},
) {
  const operator = await Operator.start(options);
  const { world } = operator;
  const old = minutes.map((each, index) => {
    const builder = world.addBuilder({ name: `client-${index + 1}` });
    if (each > 0)
      world.nomad.run({ id: `build-${index + 1}`, type: 'batch', on: builder.nodeId, runSeconds: each * 60 });
    return builder;
  });
  world.aws.newTemplateVersion('builders');
  let joined = minutes.length;
  if (join) world.aws.onInstanceRunning(({ id }) => world.join(id, { name: `client-${++joined}` }));
  return { operator, world, old };
}

type World = Operator['world'];

/** What the operator has changed at Auto Scaling: the function has its own actions. */
const calls = ({ world }: Operator) =>
  world.aws.requests.filter(({ action }) => /Refresh$|Processes$/.test(action)).map(({ action }) => action);
const inService = (world: World) => world.aws.instances('builders').filter(({ state }) => state === 'InService');
const versions = (world: World) => inService(world).map(({ id }) => world.aws.templateVersion(id));
const oneLine = (text: string) => text.replaceAll(/\s+/g, ' ');

/** Time passes, with events as they come and a sweep every five minutes: builds of hours need not more. */
async function passes(world: World, ms: number): Promise<void> {
  const end = world.clock.now() + ms;
  while (world.clock.now() < end) {
    await world.advance(MINUTE);
    await world.deliver();
    if (world.clock.now() % (5 * MINUTE) < MINUTE) await world.wake(SWEEP);
  }
}

describe.each([true, false])('roll, where AWS awaits the drains of a batch: %s,', (refreshAwaitsTermination) => {
  test('says what will happen, asks, replaces, and ends with how each old client was drained', async () => {
    const { operator, world, old } = await clients([40, 0, 0], { admission: {}, group: { refreshAwaitsTermination } });
    const kept = world.addBuilder({ name: 'client-kept' }, { protectedFromScaleIn: true });
    const matches = world.addBuilder({ name: 'client-new' });
    world.aws.protect(old[2]!.instanceId);
    const terminal = operator.atTerminal(['roll', 'builders', '--canary-wait', '5m', ...OFTEN]);
    await terminal.until('Replace 2 instances of builders?');
    const said = oneLine(terminal.screen);
    expect(said).toContain('builders rolls to version 2 of nomad-client: 2 of 5 instances will be replaced');
    expect(said).toContain(`${old[2]!.instanceId} skipped: protected from scale-in`);
    expect(said).toContain(`${kept.instanceId} skipped: has version 2 already`);
    expect(said).toContain(`${matches.instanceId} skipped: has version 2 already`);
    expect(said).toContain('launches up to 1 more than the desired capacity of 5');
    expect(said).toContain('First 1 instance as a canary; the rest follows 5 min later.');
    expect(said).toContain('at most 12 more instance hours');
    expect(said).toContain('failed after an hour without progress, and a drain may take 6 h. Failed kills nothing');
    expect(said).toContain('1 to 2 instances may drain at a time.');
    expect(said).not.toContain('Warning');
    expect(calls(operator)).toEqual([]);
    let fewest = 5;
    world.aws.onEvent(() => {
      fewest = Math.min(fewest, inService(world).length);
    });
    passAtEachLook(operator, 2 * MINUTE);
    terminal.type('y');
    const { code, screen, tooLong } = await terminal.ended();
    expect(screen).toContain('Successful  100 %');
    expect(screen).toMatch(/client-1 +terminated/);
    expect(screen).toContain('2 of 2 old instances released');
    expect({ code, tooLong, fewest }).toEqual({ code: 0, tooLong: [], fewest: 5 });
    expect([calls(operator), world.killedBuilds]).toEqual([['StartInstanceRefresh'], []]);
    expect(world.aws.instance(old[2]!.instanceId).state).toBe('InService');
  });

  test('of twenty with builds of hours never has fewer in service, kills none, and goes on after AWS has failed it', async () => {
    const minutes = Array.from({ length: 20 }, (_, index) => 160 - 6 * index);
    const { operator, world } = await clients(minutes, { admission: {}, group: { refreshAwaitsTermination } });
    let fewest = 20;
    world.aws.onEvent(() => {
      fewest = Math.min(fewest, inService(world).length);
    });
    const ends: string[] = [];
    while (ends.at(-1) !== 'Successful' && ends.length < 12) {
      const started = await operator.run('roll', 'builders', '--yes', '--no-wait', '--json');
      expect([started.code, JSON.parse(started.stdout)]).toMatchObject([0, { run: 'roll', changed: true }]);
      const status = async () =>
        JSON.parse((await operator.run('roll', 'builders', '--status', '--no-wait', '--json')).stdout);
      do await passes(world, 60 * MINUTE);
      while ((await status()).refresh.endedAt === undefined);
      ends.push((await status()).refresh.status);
    }
    while (world.aws.waiting.length > 0) await passes(world, 10 * MINUTE);
    expect(fewest).toBe(20);
    expect(versions(world)).toEqual(Array(20).fill(2));
    expect(world.killedBuilds).toEqual([]);
    // With one batch after the other a drain of hours is an hour without progress.
    expect(ends.length > 1).toBe(refreshAwaitsTermination);
    expect(ends.at(-1)).toBe('Successful');
  });
});

describe('roll', () => {
  test('whose canary never joins ends with the old clients all in service, and the exit code that needs action', async () => {
    const { operator, world, old } = await clients([0, 0, 0], { admission: {} }, { join: false });
    passAtEachLook(operator, 5 * MINUTE);
    const { code, stdout, stderr } = await operator.run('roll', 'builders', '--yes', '--json', ...OFTEN);
    const answer = JSON.parse(stdout);
    expect(answer).toMatchObject({
      run: 'roll',
      changed: true,
      ended: 'done',
      refresh: { status: 'Failed' },
      releases: [],
    });
    expect(stderr).toContain('has not registered');
    expect(code).toBe(2);
    expect(world.aws.completions.filter(({ result }) => result === 'ABANDON').length).toBeGreaterThan(1);
    await passes(world, 30 * MINUTE);
    expect(inService(world).map(({ id }) => id)).toEqual(old.map(({ instanceId }) => instanceId));
  });

  test('is left running by Ctrl-C, found again, paused, resumed, and cancelled: what is replaced stays so', async () => {
    const { operator, world } = await clients([600, 600, 600]);
    const terminal = operator.atTerminal(['roll', 'builders', '--yes', ...OFTEN]);
    passAtEachLook(operator, MINUTE);
    await terminal.until('drains, 1 allocation left');
    expect(oneLine(terminal.screen)).toContain('Warning: no launching hook: a new instance counts as healthy');
    terminal.type('\u0003');
    const { code, screen } = await terminal.ended();
    expect(code).toBe(130);
    expect(screen).toContain('nomad-drain-hook roll builders --status');

    const roll = (...more: string[]) => operator.run('roll', 'builders', ...more);
    expect((await roll('--yes')).stderr).toMatch(/^error: an instance refresh of builders is under way \(InProgress/);
    expect((await roll('--pause')).stderr).toContain('no terminal to ask on');
    expect((await roll('--pause', '--yes')).stdout).toContain('The roll of builders is paused.');
    expect((await roll('--status', '--no-wait')).stdout).toContain(
      'paused; to go on: nomad-drain-hook roll builders --resume',
    );
    expect((await roll('--rollback', '--yes')).stderr).toContain('cannot be rolled back');
    expect((await roll('--resume', '--yes')).code).toBe(0);
    expect((await roll('--cancel', '--yes')).stdout).toContain('what launches or drains now does so to its end');
    await passes(world, 70 * MINUTE);
    const ended = await roll('--status');
    expect([ended.code, ended.stdout]).toEqual([1, expect.stringContaining('Cancelled')]);
    expect(versions(world).toSorted()).toEqual([1, 1, 2]);
    expect((await roll('--cancel', '--yes')).stderr).toContain('no roll of builders is under way');
    expect(calls(operator)).toEqual([
      'StartInstanceRefresh',
      'SuspendProcesses',
      'ResumeProcesses',
      'CancelInstanceRefresh',
    ]);
  });

  test('to a version of its own is rolled back to the one before', async () => {
    const operator = await Operator.start();
    const { world } = operator;
    for (const _ of [1, 2, 3]) world.addBuilder();
    world.aws.newTemplateVersion('builders', { use: false });
    const roll = (...more: string[]) => operator.run('roll', 'builders', '--yes', '--no-wait', ...more);
    expect((await roll()).stdout).toBe('Nothing to replace in builders. 3 instances skipped: has version 1 already.\n');
    await roll('--template-version', '2', '--auto-rollback', '--no-canary');
    await passes(world, 4 * MINUTE);
    expect(versions(world)).toContain(2);
    expect((await roll('--rollback')).code).toBe(0);
    await passes(world, 40 * MINUTE);
    expect((await roll('--status')).stdout).toContain('RollbackSuccessful');
    expect(versions(world)).toEqual([1, 1, 1]);
  });

  test.each([
    ['has no terminating hook', { hooks: [] }, [], 'has no terminating lifecycle hook: a roll would kill all builds'],
    ['has another terminating hook alone', { hooks: [{ name: 'other' }] }, [], 'the drain hook is not in order'],
    [
      'launches nothing',
      { suspendedProcesses: ['Launch'] },
      [],
      'has Launch suspended: the roll would make no progress',
    ],
    ['has instances with weights', { weight: 4 }, [], 'it counts units: its instances have weights'],
    [
      'uses $Latest',
      { launchTemplateVersion: '$Latest' },
      ['--auto-rollback', '--template-version', '2'],
      'cannot roll back',
    ],
    [
      'has a mixed instances policy',
      { attributeBased: true },
      ['--template-version', '2'],
      'has a mixed instances policy',
    ],
  ])('changes nothing where the group %s', async (_, group, more, why) => {
    const { operator } = await clients([0, 0], { group: group as never });
    const { code, stderr } = await operator.run('roll', 'builders', '--yes', ...more, ...OFTEN);
    expect([code, oneLine(stderr)]).toEqual([1, expect.stringContaining(why)]);
    expect(calls(operator)).toEqual([]);
  });

  test('says what a group that chooses types by attributes, or uses $Latest, does not allow', async () => {
    const { operator, world } = await clients([0, 0], {
      group: { attributeBased: true, launchTemplateVersion: '$Latest', terminationPolicies: ['OldestInstance'] },
    });
    const { code, stdout } = await operator.run('roll', 'builders', '--dry-run');
    expect(stdout).toContain(
      'builders  rolls to version $Latest of nomad-client: at most 2 of 2 instances will be replaced',
    );
    expect(stdout).toContain('it then replaces all instances');
    expect(stdout).toContain('by OldestInstance');
    expect([code, calls(operator)]).toEqual([0, []]);
    const start = await operator.run('roll', 'builders', '--yes', '--no-wait');
    expect(start.code).toBe(0);
    await world.advance(30 * SECOND);
    expect((await operator.run('roll', 'builders', '--cancel', '--rollback')).stderr).toContain('cannot be used with');
  });
});
