import { CompleteLifecycleActionCommand } from '@aws-sdk/client-auto-scaling';
import { describe, expect, onTestFinished, test } from 'vitest';
import { connect } from '../../emulators/aws/clients.ts';
import { NomadEmulator } from '../../emulators/nomad/emulator.ts';
import { MINUTE, SECOND } from '../../emulators/world/world.ts';
import { Operator } from './operator.ts';
import { OFTEN, passAtEachLook } from './watched.ts';

/** A group of two; a build of three minutes runs on the first. */
async function withBuild(options?: Parameters<typeof Operator.start>[0]) {
  const operator = await Operator.start(options);
  const { world } = operator;
  const busy = world.addBuilder({ name: 'client-1' });
  const other = world.addBuilder({ name: 'client-2' });
  world.nomad.run({ id: 'build-42', type: 'batch', on: busy.nodeId, runSeconds: 180 });
  return { operator, world, busy, other };
}

const desired = ({ world }: Operator) => world.aws.desiredCapacity('builders');
const calls = ({ world }: Operator) =>
  world.aws.requests.filter(({ action }) => !/^(Describe|Get|Invoke)/.test(action)).map(({ action }) => action);

describe('drain', () => {
  test('shows what runs there, asks, and takes the instance out: Auto Scaling ends it once its node is empty', async () => {
    const { operator, world, busy } = await withBuild();
    const terminal = operator.atTerminal(['drain', 'client-1', '--wait', ...OFTEN]);

    await terminal.until('Take');
    expect(terminal.screen).toContain(`${busy.instanceId}  client-1  in service in builders`);
    expect(terminal.screen).toMatch(/build-42 +batch +running for/);
    expect(terminal.screen).toContain('The hook would start the drain with a deadline of 6 h');
    expect(terminal.screen).toContain('builders then has a desired capacity of 1 instead of 2.');
    expect(calls(operator)).toEqual([]);
    passAtEachLook(operator, MINUTE);
    terminal.type('y');

    const { code, screen, tooLong } = await terminal.ended();
    expect(screen).toContain('1 of 1 instance released');
    expect({ code, tooLong }).toEqual({ code: 0, tooLong: [] });
    expect(desired(operator)).toBe(1);
    expect(world.outcome(busy.instanceId)).toBe('drained');
    expect(world.killedBuilds).toEqual([]);
  });

  test('says before it asks that a service has nowhere to go', async () => {
    const { operator, world, busy } = await withBuild();
    world.nomad.run({ id: 'web', type: 'service', on: busy.nodeId });
    const { stdout } = await operator.run('drain', 'client-1', '--dry-run');
    expect(stdout.replaceAll(/\s+/g, ' ')).toContain('Warning: web has nowhere to go');
  });

  test('changes nothing where the answer is no, or Ctrl-C', async () => {
    const { operator } = await withBuild();
    for (const answer of ['n', '\r', '\u0003']) {
      const terminal = operator.atTerminal(['drain', 'client-1']);
      await terminal.until('Take');
      terminal.type(answer);
      const { code, screen } = await terminal.ended();
      expect(screen).toContain('cancelled; nothing changed');
      expect(code).toBe(answer === '\u0003' ? 130 : 1);
    }
    expect(calls(operator)).toEqual([]);
  });

  test('changes nothing where there is nobody to ask', async () => {
    const { operator } = await withBuild();
    const { code, stderr } = await operator.run('drain', 'client-1');
    expect(stderr).toBe(
      'error: there is no terminal to ask on, so nothing was changed\n' +
        'Use --yes to confirm in advance, or --dry-run to see what would be done.\n',
    );
    expect(code).toBe(1);
    expect(calls(operator)).toEqual([]);
  });

  test('as a dry run asks nobody, and changes nothing', async () => {
    const { operator, busy } = await withBuild();
    const { code, stdout } = await operator.run('drain', busy.instanceId, '--dry-run', '--yes');
    expect(stdout).toContain('A dry run: nothing was changed.');
    expect(code).toBe(0);
    expect(calls(operator)).toEqual([]);
  });

  test('with --yes asks nobody; --json says what it has done', async () => {
    const { operator, busy } = await withBuild();
    const { code, stdout } = await operator.run('drain', busy.instanceId, '--yes', '--json');
    expect(JSON.parse(stdout)).toMatchObject({
      run: 'drain',
      instance: busy.instanceId,
      group: 'builders',
      nodeName: 'client-1',
      remaining: [{ job: 'build-42' }],
      replace: false,
      changed: true,
    });
    expect(code).toBe(0);
    expect(calls(operator)).toEqual(['TerminateInstanceInAutoScalingGroup']);
  });

  test('with --wait and --json says at the end how it ended, and shows the way there on stderr', async () => {
    const { operator, busy } = await withBuild();
    passAtEachLook(operator, MINUTE);
    const { code, stdout, stderr } = await operator.run('drain', 'client-1', '--yes', '--wait', '--json', ...OFTEN);
    expect(JSON.parse(stdout)).toMatchObject({
      instance: busy.instanceId,
      changed: true,
      ended: 'done',
      retained: [],
      releases: [{ instance: busy.instanceId, outcome: 'drained', killed: [] }],
      unknown: [],
    });
    expect(stderr).toContain('1 of 1 instance released');
    expect(code).toBe(0);
  });

  test('ends with 2, and says what was killed, where the deadline has ended the drain', async () => {
    const { operator, world, busy } = await withBuild({ policy: { deadlineSeconds: 60, killMarginSeconds: 30 } });
    passAtEachLook(operator, MINUTE);

    const { code, stdout } = await operator.run('drain', 'client-1', '--yes', '--wait', ...OFTEN);

    const [killed] = world.killedBuilds;
    expect(stdout).toContain('1 of 1 instance released');
    expect(stdout).toContain(`${busy.instanceId}  forced: `);
    const id = killed?.allocationId.slice(0, 8);
    expect(stdout).toContain(`killed: build-42 (task group g, namespace default, allocation ${id})`);
    expect(code).toBe(2);
  });

  test('ends with 2 where nobody says how it ended: the log may not be read', async () => {
    const { operator, busy } = await withBuild();
    passAtEachLook(operator, MINUTE);
    operator.denyLog();

    const { code, stdout } = await operator.run('drain', 'client-1', '--yes', '--wait', ...OFTEN);

    expect(stdout.replaceAll(/\s+/g, ' ')).toContain(
      `${busy.instanceId} released; the outcome is not known: the function's log cannot be read: not authorized`,
    );
    expect(code).toBe(2);
  });

  test('ends with 2 where Auto Scaling keeps the instance for a person', async () => {
    const { operator, world, busy } = await withBuild({ group: { retainOnAbandon: true } });
    await world.scaleIn(busy.instanceId);
    const command = { AutoScalingGroupName: 'builders', LifecycleHookName: 'nomad-drain', InstanceId: busy.instanceId };
    const abandoned = new CompleteLifecycleActionCommand({ ...command, LifecycleActionResult: 'ABANDON' });
    await connect(world.aws).autoScaling.send(abandoned);
    await world.advance(2 * SECOND);
    const { code, stdout } = await operator.run('drain', 'client-1', '--wait', ...OFTEN);
    expect(stdout).toContain(`${busy.instanceId}  Terminating:Retained: runs until you terminate it`);
    expect(code).toBe(2);
  });

  test('with --replace keeps the desired capacity', async () => {
    const { operator, busy } = await withBuild({ group: { minSize: 2 } });
    const refused = await operator.run('drain', busy.instanceId, '--yes');
    expect(refused.stderr).toMatch(/^error: builders is as small as it may be: its minimum is 2\nUse --replace/);
    expect(refused.code).toBe(1);

    const { code, stdout } = await operator.run('drain', busy.instanceId, '--yes', '--replace');
    expect(stdout).toContain('another instance takes its place');
    expect(code).toBe(0);
    expect(desired(operator)).toBe(2);
  });

  test('that is ended by Ctrl-C leaves it draining, and says so', async () => {
    const { operator, world, busy } = await withBuild();
    const terminal = operator.atTerminal(['drain', 'client-1', '--yes', '--wait', ...OFTEN]);
    passAtEachLook(operator, 0);
    await terminal.until('0 of 1 instance released');
    terminal.type('\u0003');
    const { code, screen } = await terminal.ended();
    expect(screen).toContain('The drain goes on without you. See it again with: nomad-drain-hook status -w');
    expect(code).toBe(130);
    await world.deliver();
    await world.sweepFor(4 * MINUTE);
    expect(world.outcome(busy.instanceId)).toBe('drained');
  });

  test('of an instance that goes already changes nothing, and can watch it', async () => {
    const { operator, world, busy } = await withBuild();
    await world.scaleIn(busy.instanceId);
    passAtEachLook(operator, MINUTE);
    const { code, stdout, stderr } = await operator.run('drain', 'client-1', '--yes', '--wait', ...OFTEN);
    expect(stderr).toContain(`${busy.instanceId} is terminating already: nothing changed.`);
    expect(stdout).toContain('1 of 1 instance released');
    expect(code).toBe(0);
    expect(desired(operator)).toBe(1);
  });

  test('changes nothing where the hook would not hold the instance', async () => {
    const { operator, busy } = await withBuild({ group: { hooks: [] } });
    const { code, stderr } = await operator.run('drain', busy.instanceId, '--yes');
    expect(stderr).toMatch(/^error: the drain hook is not in order, so nothing was changed: .*hook nomad-drain/);
    expect(code).toBe(1);
    expect(calls(operator)).toEqual([]);
  });

  test('changes nothing where it is not known what runs there', async () => {
    const { operator, busy } = await withBuild();
    const { server } = operator.world.nomad;
    server.fault = () => 'hang-up';
    const unasked = await operator.run('drain', busy.instanceId, '--yes');
    expect(unasked.stderr).toMatch(
      /^error: the drain hook is not in order, so nothing was changed: Nomad cannot be queried: /,
    );
    server.fault = ({ url }) => (url.pathname.startsWith('/v1/node/') ? 'hang-up' : undefined);
    const { code, stderr } = await operator.run('drain', busy.instanceId, '--yes');
    expect(stderr).toMatch(
      new RegExp(`^error: what runs on ${busy.instanceId} is not known, so nothing was changed: Nomad`),
    );
    expect(code).toBe(1);
    expect(calls(operator)).toEqual([]);
  });
});

describe('an instance is meant by', () => {
  const drains = async (operator: Operator, given: string) => {
    const { stdout, stderr } = await operator.run('drain', given, '--dry-run', '--json');
    return stderr.startsWith('error') ? stderr : JSON.parse(stdout).instance;
  };

  test('its id, its node, the id of that, and any unique beginning of them', async () => {
    const { operator, busy } = await withBuild();
    for (const given of [
      busy.instanceId,
      busy.instanceId.slice(0, 8),
      busy.nodeId,
      busy.nodeId.slice(0, 8),
      'client-1',
    ]) {
      expect(await drains(operator, given)).toBe(busy.instanceId);
    }
  });

  test('no beginning that several have, which is told', async () => {
    const { operator, busy, other } = await withBuild();
    const told = await drains(operator, 'client');
    expect(told).toContain('error: client may be any of 2 instances: ');
    expect(told).toContain(`${busy.instanceId} (client-1)`);
    expect(told).toContain(`${other.instanceId} (client-2)`);
    expect(told).toContain('\nGive more of the id, or the whole name of the node.\n');
  });

  test('nothing that there is not, which is told', async () => {
    const { operator, world } = await withBuild();
    expect(await drains(operator, 'client-9')).toBe(
      'error: no instance or node matches client-9\nList them with: nomad-drain-hook nodes\n',
    );
    expect(await drains(operator, 'i-0123456789abcdef0')).toContain(
      'error: Auto Scaling has no instance i-0123456789abcdef0 in the groups served here\n',
    );
    world.nomad.addNode({ name: 'elsewhere' });
    expect(await drains(operator, 'elsewhere')).toContain(
      'error: node elsewhere is not on an instance of the groups\n',
    );
  });
});

describe('drain --cordon', () => {
  test('only makes the node ineligible, by the Nomad of the shell', async () => {
    const { operator, world, busy } = await withBuild({
      acl: true,
      nomad: { token: { parameter: '/nomad/drain-token' } },
    });
    world.nomad.policy('drainer', 'node { policy = "write" }\nnamespace "*" { capabilities = ["read-job"] }');
    const token = world.nomad.token({ policies: ['drainer'] });
    world.aws.putParameter('/nomad/drain-token', token, 'SecureString');
    const without = await operator.run('drain', 'client-1', '--cordon', '--yes');
    expect(without.stderr).toBe('error: NOMAD_ADDR is not set\nSet NOMAD_ADDR, and NOMAD_TOKEN where ACLs are on.\n');
    operator.environment.NOMAD_ADDR = world.nomad.url;
    const refused = await operator.run('drain', 'client-1', '--cordon', '--yes');
    expect(refused.stderr).toMatch(/403 Permission denied\nCheck NOMAD_ADDR and NOMAD_TOKEN.\n$/);
    operator.environment.NOMAD_TOKEN = token;

    const { code, stdout } = await operator.run('drain', 'client-1', '--cordon', '--yes');

    expect(stdout).toContain(
      `client-1 is ineligible. To make it eligible again:\nnomad node eligibility -enable ${busy.nodeId}`,
    );
    expect(code).toBe(0);
    expect(world.nomad.node(busy.nodeId)).toMatchObject({ SchedulingEligibility: 'ineligible', Drain: false });
    expect(calls(operator)).toEqual([]);
    expect((await operator.run('drain', 'client-1', '--cordon')).stdout).toContain('is ineligible already');
  });

  test('says where the Nomad of the shell is another one', async () => {
    const { operator, world } = await withBuild();
    const another = await NomadEmulator.start({ clock: world.clock });
    onTestFinished(() => another.close());
    operator.environment.NOMAD_ADDR = another.url;
    const { code, stderr } = await operator.run('drain', 'client-1', '--cordon', '--yes');
    expect(stderr).toMatch(
      /^error: the Nomad of NOMAD_ADDR has no node .*\nIt may be another cluster: check NOMAD_ADDR.\n$/,
    );
    expect(code).toBe(1);
  });
});
