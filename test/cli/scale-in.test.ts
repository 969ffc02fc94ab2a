import { StartInstanceRefreshCommand } from '@aws-sdk/client-auto-scaling';
import { describe, expect, test } from 'vitest';
import { connect } from '../../emulators/aws/clients.ts';
import { MINUTE } from '../../emulators/world/world.ts';
import { Operator } from './operator.ts';
import { OFTEN, passAtEachLook } from './watched.ts';

/** A group of three: one is idle, one has a build of ten minutes, one a service that may run there alone. */
async function threeBuilders(options?: Parameters<typeof Operator.start>[0]) {
  const operator = await Operator.start(options);
  const { world } = operator;
  const [busy, serves, idle] = ['busy', 'serves', 'idle'].map((name) => world.addBuilder({ name }));
  world.nomad.run({ id: 'build-42', type: 'batch', on: busy!.nodeId, runSeconds: 600 });
  world.nomad.run({ id: 'web', type: 'service', on: serves!.nodeId });
  return { operator, world, busy: busy!, serves: serves!, idle: idle! };
}

const calls = ({ world }: Operator) =>
  world.aws.requests.filter(({ action }) => !/^(Describe|Get|Invoke)/.test(action)).map(({ action }) => action);

describe('scale-in', () => {
  test('says what runs where and who chooses, asks, lowers the capacity, and watches who goes', async () => {
    const { operator, world, idle } = await threeBuilders();
    const terminal = operator.atTerminal(['scale-in', 'builders', '--to', '1', ...OFTEN]);
    await terminal.until('Lower the desired capacity of builders to 1?');
    expect(terminal.screen).toContain('builders  desired capacity 3, then 1: 2 instances will go');
    expect(terminal.screen).toContain(`${idle.instanceId}  idle    goes at once`);
    expect(terminal.screen).toContain('Auto Scaling chooses the 2 instances, by Default: not by what runs there.');
    expect(calls(operator)).toEqual([]);
    passAtEachLook(operator, MINUTE);
    terminal.type('y');
    const { code, screen, tooLong } = await terminal.ended();
    expect(screen).toContain('2 of 2 instances released');
    // A person has to know: the drain has stopped a service that may run nowhere else.
    expect(screen).toContain('runs nowhere now: web (task group g, namespace default)');
    expect({ code, tooLong }).toEqual({ code: 2, tooLong: [] });
    expect(world.aws.desiredCapacity('builders')).toBe(1);
    expect(world.killedBuilds).toEqual([]);
  });

  test('where instances cannot be launched announces and watches only those that go, and ends if none goes', async () => {
    const { operator, world } = await threeBuilders();
    world.aws.lackCapacity('builders', 5);
    const dry = await operator.run('scale-in', 'builders', '--to', '2', '--dry-run');
    expect(dry.stdout).toContain('builders  desired capacity 5, then 2: 1 instance will go');
    expect(dry.stdout).toContain(
      '3 instances in service or starting, of a desired capacity of 5: Auto Scaling has yet',
    );
    expect(dry.stdout).toContain('Auto Scaling chooses the 1 instance, by Default');

    const none = await operator.run('scale-in', 'builders', '--to', '3', '--yes', ...OFTEN);
    expect(none.stdout).toContain('builders  desired capacity 5, then 3: no instance will go');
    expect(none.stdout).toContain('The desired capacity of builders is 3. No instance goes.');
    expect([none.code, world.aws.desiredCapacity('builders'), world.aws.waiting.length]).toEqual([0, 3, 0]);

    world.aws.lackCapacity('builders', 5);
    passAtEachLook(operator, MINUTE);
    const one = await operator.run('scale-in', 'builders', '--to', '2', '--yes', '--json', ...OFTEN);
    expect(JSON.parse(one.stdout)).toMatchObject({ from: 5, to: 2, ended: 'done' });
    expect(JSON.parse(one.stdout).releases).toHaveLength(1);
  });

  test('never raises the capacity, nor goes below the minimum', async () => {
    const { operator } = await threeBuilders({ group: { minSize: 2 } });
    const to = async (number: string) => (await operator.run('scale-in', 'builders', '--to', number, '--yes')).stderr;
    expect(await to('3')).toMatch(
      /^error: builders has a desired capacity of 3 already: 3 would be no scale-in\nThis command never/,
    );
    expect(await to('1')).toBe('error: builders may not be smaller than 2\nLower the minimum of the group first.\n');
    expect(await to('-1')).toContain("error: option '--to <number>' argument '-1' is invalid");
    expect(calls(operator)).toEqual([]);
  });

  test('of a group that it does not serve is refused', async () => {
    const { operator } = await threeBuilders();
    expect(await operator.run('scale-in', 'runners', '--to', '0', '--yes')).toMatchObject({
      code: 1,
      stderr: 'error: group runners is not served by this drain hook\nIt serves builders.\n',
    });
  });

  test('changes nothing as a dry run, without a terminal, or where the hook would not hold who goes', async () => {
    const { operator } = await threeBuilders();
    const scaleIn = (...more: string[]) => operator.run('scale-in', 'builders', '--to', '0', ...more);
    expect(await scaleIn('--dry-run')).toMatchObject({ code: 0, stdout: expect.stringContaining('A dry run') });
    expect(await scaleIn()).toMatchObject({ code: 1, stderr: expect.stringContaining('no terminal to ask on') });
    expect(calls(operator)).toEqual([]);

    const unhooked = await threeBuilders({ group: { hooks: [] } });
    expect(await unhooked.operator.run('scale-in', 'builders', '--to', '0', '--yes')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('error: the drain hook is not in order, so nothing was changed: '),
    });
    expect(calls(unhooked.operator)).toEqual([]);
  });

  test.each([
    [
      'counts virtual processors',
      { desiredCapacityType: 'vcpu' as const },
      'is not a number of instances: it counts vcpu',
    ],
    ['has instances with weights', { weight: 4 }, 'it counts units: its instances have weights'],
    [
      'ends none: its process is suspended',
      { suspendedProcesses: ['Terminate'] },
      'has its process Terminate suspended',
    ],
  ])(
    'changes nothing, and says why, where Auto Scaling would choose no instance: the group %s',
    async (_, group, why) => {
      const { operator } = await threeBuilders({ group });
      const { code, stderr } = await operator.run('scale-in', 'builders', '--to', '1', '--yes', ...OFTEN);
      expect(stderr.replaceAll(/\s+/g, ' ')).toContain(why);
      expect(code).toBe(1);
      expect(calls(operator)).toEqual([]);
    },
  );

  test('changes nothing where too many instances are protected from scale-in, and names them', async () => {
    const operator = await Operator.start();
    const kept = operator.world.addBuilder({ name: 'kept' }, { protectedFromScaleIn: true });
    operator.world.addBuilder({ name: 'free' });
    const scaleIn = (to: string) => operator.run('scale-in', 'builders', '--to', to, '--yes', '--no-wait');
    const { code, stderr } = await scaleIn('0');
    expect(stderr.replaceAll(/\s+/g, ' ')).toContain(
      `would not choose 2 instances of builders: protected from scale-in are ${kept.instanceId}`,
    );
    expect(code).toBe(1);
    expect(calls(operator)).toEqual([]);
    expect(await scaleIn('1')).toMatchObject({ code: 0 });
  });

  test('changes nothing while an instance refresh is under way', async () => {
    const { operator, world } = await threeBuilders();
    await connect(world.aws).autoScaling.send(new StartInstanceRefreshCommand({ AutoScalingGroupName: 'builders' }));
    const { code, stderr } = await operator.run('scale-in', 'builders', '--to', '1', '--yes', ...OFTEN);
    expect(stderr).toContain('an instance refresh of builders is under way (Pending)');
    expect(code).toBe(1);
    expect(calls(operator)).toEqual(['StartInstanceRefresh']);
  });

  test('with --no-wait does not watch', async () => {
    const { operator, world } = await threeBuilders();
    const { code, stdout } = await operator.run('scale-in', 'builders', '--to', '2', '--yes', '--no-wait', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ run: 'scale-in', group: 'builders', from: 3, to: 2, changed: true });
    expect(code).toBe(0);
    expect(world.aws.desiredCapacity('builders')).toBe(2);
  });

  test('that is ended by Ctrl-C leaves them draining, and says so', async () => {
    const { operator, world } = await threeBuilders();
    const terminal = operator.atTerminal(['scale-in', 'builders', '--to', '0', '--yes', ...OFTEN]);
    passAtEachLook(operator, 0);
    await terminal.until('0 of 3 instances released');
    terminal.type('\u0003');
    expect(await terminal.ended()).toMatchObject({
      code: 130,
      screen: expect.stringContaining('The drain goes on without you.'),
    });
    await world.sweepFor(MINUTE);
    expect(world.aws.waiting.length).toBeGreaterThan(0);
  });
});
