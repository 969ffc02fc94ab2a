import { describe, expect, test } from 'vitest';
import { FUNCTION, FUNCTION_ARN, MINUTE, SECOND, STATUS, SWEEP } from '../../emulators/world/world.ts';
import { Operator } from './operator.ts';
import { OFTEN, passAtEachLook } from './watched.ts';

describe('status', () => {
  test('says of each instance what it waits for, since when, and until when at most', async () => {
    const operator = await Operator.start();
    const { world } = operator;
    const { instanceId, nodeId } = world.addBuilder({ name: 'client-1' });
    const [id = ''] = world.nomad.run({ id: 'build', type: 'batch', on: nodeId, runSeconds: 3600 });
    await world.scaleIn(instanceId);
    await world.deliver();
    await world.sweepFor(10 * MINUTE);

    const { code, stdout, stderr } = await operator.run('status');

    expect(stderr).toBe('');
    expect(stdout).toBe(
      [
        'builders  1 instance waiting',
        `  ${instanceId}  client-1  waits 10 min  ░░░░░░░░░░  5 h 49 min left`,
        '    the drain waits for 1 allocation: build (task group g, running for 10 min)',
        `    deadline 15:00Z; allocations ${id.slice(0, 8)} (default)`,
        '',
        'last sweep less than a minute ago (from CloudWatch)',
        '',
      ].join('\n'),
    );
    expect(code).toBe(0);
  });

  test('of a function that is named in any way that Lambda takes, with or without an alias', async () => {
    const operator = await Operator.start();
    await operator.world.wake(SWEEP);
    for (const whole of [FUNCTION, `123456789012:function:${FUNCTION}`, FUNCTION_ARN]) {
      for (const named of [whole, `${whole}:query`]) {
        const { code, stdout, stderr } = await operator.run('status', '--function', named);
        expect({ named, code, stderr }).toEqual({ named, code: 0, stderr: '' });
        expect(stdout).toContain('no instances draining');
      }
    }
  });

  test('of one group shows that alone, and refuses one that is not served', async () => {
    const operator = await Operator.start({ moreGroups: [{ name: 'runners' }] });
    await operator.world.wake(SWEEP);
    const { code, stdout } = await operator.run('status', 'runners');
    expect(stdout).toMatch(/^runners {2}no instances draining\n\nlast sweep/);
    expect(code).toBe(0);
    expect((await operator.run('status', 'nope')).stderr).toContain('group nope is not served by this drain hook');
  });

  test('of instances with the names that EC2 gives shows what tells them apart', async () => {
    const operator = await Operator.start();
    const { world } = operator;
    const host = (last: number) => `ip-10-0-1-${last}.eu-central-1.compute.internal`;
    const builders = [12, 112].map((last) => world.addBuilder({ name: host(last) }));
    for (const { nodeId } of builders) {
      world.nomad.run({ id: `build-${nodeId.slice(0, 4)}`, type: 'batch', on: nodeId, runSeconds: 7200 });
    }
    await world.scaleIn(...builders.map(({ instanceId }) => instanceId));
    await world.deliver();
    await world.sweepFor(95 * MINUTE);

    const { screen, tooLong } = await operator.onTerminal('status');

    expect(tooLong).toEqual([]);
    expect(screen).toMatch(/ip-10-0-1-12 +waits/);
    expect(screen).toMatch(/ip-10-0-1-112 +waits/);
  });

  test('and so do nodes, jobs, plan and scale-in; drain wraps the whole name', async () => {
    const operator = await Operator.start();
    const { world } = operator;
    const host = (last: number) => `ip-10-0-1-${last}.eu-central-1.compute.internal`;
    const [builder] = [112, 113].map((last) => world.addBuilder({ name: host(last) }));
    world.nomad.run({ id: 'build-with-a-long-name', type: 'batch', on: builder!.nodeId, runSeconds: 7200 });
    const commands = ['nodes', 'jobs', 'plan', 'scale-in builders --to 1 --dry-run'];
    for (const command of commands) {
      const { screen, tooLong } = await operator.onTerminal(...command.split(' '));
      expect(tooLong).toEqual([]);
      expect(screen).toMatch(/ip-10-0-1-112 /);
      expect(screen).not.toContain('…');
    }
    const { screen, tooLong } = await operator.onTerminal('drain', 'ip-10-0-1-112', '--dry-run');
    expect(tooLong).toEqual([]);
    expect(screen.replaceAll(/\s+/g, ' ')).toContain(`${builder!.instanceId} ${host(112)} in service in builders`);
  });

  test('fits a terminal of 80 columns', async () => {
    const operator = await Operator.start();
    const { world } = operator;
    const { instanceId, nodeId } = world.addBuilder({ name: 'client-with-a-very-long-name-in-nomad' });
    world.nomad.run({ id: 'build-with-a-very-long-name-too', type: 'batch', on: nodeId, runSeconds: 3600 });
    await world.scaleIn(instanceId);
    await world.deliver();
    await world.sweepFor(10 * MINUTE);

    const { code, screen, tooLong } = await operator.onTerminal('status');

    expect(tooLong).toEqual([]);
    expect(screen).toContain('client-with-a-very-long-n…');
    expect(screen).toContain('build-with-a-very-long-name-too');
    expect(code).toBe(0);
  });

  test('ends with 2 where something is stuck, and says why', async () => {
    const operator = await Operator.start();
    const { world } = operator;
    const { instanceId } = world.addBuilder();
    world.nomad.run({ id: 'web', type: 'service', count: 2 });
    await world.scaleIn(instanceId);
    await world.deliver();
    await world.sweepFor(4 * MINUTE);

    const { code, stdout } = await operator.run('status');

    expect(stdout).toContain('1 instance waiting, 1 stuck');
    expect(stdout).toContain('nowhere to go');
    expect(code).toBe(2);
  });

  test('ends with 2 where Nomad is away: what an instance waits for is not known then', async () => {
    const operator = await Operator.start();
    const { world } = operator;
    const { instanceId } = world.addBuilder();
    await world.scaleIn(instanceId);
    world.nomad.server.fault = () => 'hang-up';
    const { code, stdout } = await operator.run('status');
    expect(stdout).toContain('builders  1 instance waiting, 1 not known\n');
    expect(stdout).toMatch(/ {4}Nomad at http:.*ECONNRESET/);
    expect(code).toBe(2);
  });

  test('ends with 2 where the function warns of something', async () => {
    const operator = await Operator.start({ group: { hooks: [] } });
    await operator.world.wake(SWEEP).catch(() => {});
    const { code, stdout } = await operator.run('status');
    expect(stdout).toMatch(/^builders {2}no instances draining\n\nwarning: .*hook nomad-drain/);
    expect(code).toBe(2);
  });

  test('-w draws it again and again, until Ctrl-C', async () => {
    const operator = await Operator.start();
    const { world } = operator;
    const { instanceId, nodeId } = world.addBuilder({ name: 'client-1' });
    world.nomad.run({ id: 'build', type: 'batch', on: nodeId, runSeconds: 4 * 3600 });
    await world.scaleIn(instanceId);
    passAtEachLook(operator, 5 * MINUTE);
    const terminal = operator.atTerminal(['status', '-w', ...OFTEN]);
    await terminal.until(/waits 1 h 40 min {2}███░/);
    expect(terminal.screen.split('builders')).toHaveLength(2);
    terminal.type('\u0003');
    expect(await terminal.ended()).toMatchObject({ code: 130, tooLong: [] });
  });

  test('-w shows that a look failed, and looks again', async () => {
    const operator = await Operator.start();
    await operator.world.wake(SWEEP);
    const terminal = operator.atTerminal(['status', '-w', ...OFTEN]);
    await terminal.until('no instances draining');
    operator.functions.lambda.fault = () => 'hang-up';
    await terminal.until('could not refresh: ');
    operator.functions.lambda.fault = undefined;
    await terminal.until(/^builders {2}no instances draining\n\nlast sweep[^\n]*$/);
    terminal.type('\u0003');
    expect(await terminal.ended()).toMatchObject({ code: 130 });
  });

  test('is JSON with --json: the answer of the function, with what is missing of the common shape', async () => {
    const operator = await Operator.start();
    const { instanceId } = operator.world.addBuilder();
    await operator.world.scaleIn(instanceId);
    await operator.world.deliver();
    await operator.world.advance(SECOND);

    const { stdout } = await operator.run('status', '--json');

    const report = (await operator.world.ask(STATUS)) as { instances: { instanceId: string; nodeId: string }[] };
    const instances = report.instances.map((each) => ({ ...each, instance: each.instanceId, node: each.nodeId }));
    expect(JSON.parse(stdout)).toEqual({ ...report, instances, lastSweep: null });
  });

  test('of a group of which no instances draining says so', async () => {
    const operator = await Operator.start({ moreGroups: [{ name: 'runners' }] });
    await operator.world.wake(SWEEP);
    expect(await operator.run('status')).toEqual({
      code: 0,
      stdout:
        'builders  no instances draining\n\nrunners  no instances draining\n\nlast sweep less than a minute ago (from CloudWatch)\n',
      stderr: '',
    });
  });

  test('says that no sweeps come, or that it may not know', async () => {
    const operator = await Operator.start();
    const { world, functions } = operator;
    await world.wake(SWEEP);
    await world.advance(20 * MINUTE);
    const silent = await operator.run('status');
    expect(silent.stdout).toMatch(/^no sweep for 15 min: waiting instances are terminated with their builds/);
    expect(silent.code).toBe(2);
    const message = 'User: arn:aws:iam::123456789012:user/o is not authorized to perform: cloudwatch:GetMetricData';
    functions.cloudWatch.fault = () => ({ status: 403, body: JSON.stringify({ __type: 'AccessDenied', message }) });
    const { code, stdout } = await operator.run('status');
    expect(stdout).toContain(`\nlast sweep not known: ${message}\n`);
    expect(code).toBe(0);
  });
});
