import { describe, expect, test } from 'vitest';
import { SECOND } from '../../emulators/world/world.ts';
import { Operator } from './operator.ts';

const lines = (count: number) => Array.from({ length: count }, (_, index) => `line ${index + 1}\n`).join('');

async function startWithBuild(more: object = {}) {
  const operator = await Operator.start();
  const builder = operator.world.addBuilder({ name: 'builder-1' });
  const [id = ''] = operator.world.nomad.run({
    id: 'build-42',
    type: 'batch',
    on: builder.nodeId,
    runSeconds: 600,
    stderr: 'compiling\nlinking\n',
    stdout: 'out\n',
    ...more,
  });
  return { operator, ...builder, id };
}

/** The clock of the world moves on by each look, not by itself. */
function passBeforeEachLook({ world, functions }: Operator, ms: number): void {
  for (const [name, each] of functions.deployed) {
    const invoke = async (event: unknown, arn: string) => {
      await world.advance(ms);
      return each.invoke(event, arn);
    };
    functions.deployed.set(name, { ...each, invoke });
  }
}

describe('logs', () => {
  test('prints the end of what a build writes, and nothing else, however the build is named', async () => {
    const { operator, id, instanceId, nodeId } = await startWithBuild();
    const printed = { code: 0, stdout: 'compiling\nlinking\n', stderr: '' };
    for (const whose of [id, id.slice(0, 8), instanceId, instanceId.slice(0, 8), 'builder-1', nodeId.slice(0, 8)]) {
      expect(await operator.run('logs', whose)).toEqual(printed);
    }
    expect(await operator.run('logs', instanceId, 'build-42')).toEqual(printed);
    expect(await operator.run('logs', id, '--stdout')).toEqual({ ...printed, stdout: 'out\n' });
  });

  test('of all that holds an instance has a line before each, and asks which is meant without --all', async () => {
    const { operator, id, instanceId, nodeId } = await startWithBuild();
    await operator.world.advance(SECOND);
    const [other = ''] = operator.world.nomad.run({
      id: 'test-7',
      type: 'batch',
      on: nodeId,
      runSeconds: 600,
      stderr: 'ok\n',
    });
    expect(await operator.run('logs', instanceId)).toEqual({
      code: 1,
      stdout: '',
      stderr:
        `error: ${instanceId} runs more than one allocation: build-42 (${id.slice(0, 8)}), test-7 (${other.slice(0, 8)})\n` +
        'Name one by its job or its id, or use --all.\n',
    });
    expect((await operator.run('logs', instanceId, '--all')).stdout).toBe(
      [
        `==> build-42 (task t of ${id.slice(0, 8)}, running) <==`,
        'compiling',
        'linking',
        '',
        `==> test-7 (task t of ${other.slice(0, 8)}, running) <==`,
        'ok',
        '',
      ].join('\n'),
    );
  });

  test('follows a build until it ends: each line once', async () => {
    const { operator, id } = await startWithBuild({ stderr: lines(40), lineSeconds: 1, runSeconds: 42 });
    passBeforeEachLook(operator, 3 * SECOND);
    const { code, stdout, stderr } = await operator.run('logs', id, '-f', '--interval', '0.01');
    expect(stdout).toBe(lines(40));
    expect(stderr).toBe(`following build-42 (task t of ${id.slice(0, 8)}, running), until it ends or Ctrl-C\n`);
    expect(code).toBe(0);
  });

  test('follows until Ctrl-C', async () => {
    const { operator, id } = await startWithBuild();
    const terminal = operator.atTerminal(['logs', id, '-f', '--interval', '0.05']);
    await terminal.until('linking');
    terminal.type('\u0003');
    expect((await terminal.ended()).code).toBe(130);
  });

  test('says why there is none, and of several tasks which can be followed', async () => {
    const { operator, id, nodeId } = await startWithBuild({ poststopSeconds: 5 });
    expect(await operator.run('logs', id, '-f')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('only one log can be followed: build-42 (task post of'),
    });
    operator.world.nomad.stopClient(nodeId);
    expect(await operator.run('logs', id, '--task', 't')).toEqual({
      code: 1,
      stdout: 'no log: its client is gone: Nomad has no connection to it\n',
      stderr: '',
    });
  });

  test('prints the last lines alone, and names a log of which fewer can be read', async () => {
    const { operator, id } = await startWithBuild({ stderr: lines(40) });
    expect(await operator.run('logs', id, '-n', '2')).toEqual({ code: 0, stdout: 'line 39\nline 40\n', stderr: '' });
    expect((await operator.run('logs', id, '--lines', '100')).stdout).toBe(lines(40));
    const [log] = JSON.parse((await operator.run('logs', id, '-n', '1', '--json')).stdout).logs[0].tasks;
    expect(log).toMatchObject({ text: 'line 40\n', cut: true });
    const { stderr } = await operator.run('logs', id, '-n', '50', '--bytes', '16');
    expect(stderr).toBe(`only the last 2 lines of build-42 (task t of ${id.slice(0, 8)}, running) could be read\n`);
    expect((await operator.run('logs', id, '-n', '0')).stderr).toContain('It must be a whole number above 0.');
  });

  test('leaves out builds that ended before --since: a line of a log has no time', async () => {
    const { operator, id } = await startWithBuild({ runSeconds: 60 });
    const since = (time: string) => operator.run('logs', id, '--since', time);
    expect((await since('1m')).stdout).toBe('compiling\nlinking\n');
    await operator.world.advance(600 * SECOND);
    expect((await since('10m')).stdout).toBe('compiling\nlinking\n');
    expect(await since('5m')).toEqual({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(
        new RegExp(
          `^error: nothing ran in the last 5 min: build-42 \\(${id.slice(0, 8)}\\) ended at 2026-03-01T09:01:0\\d.*Z\\n` +
            'Use a longer --since, or omit it. Log lines have no timestamps: for the last ones, use --lines.\\n$',
        ),
      ),
    });
  });

  test('of a job says that it is one, and which allocations it has', async () => {
    const { operator, id } = await startWithBuild();
    const { code, stderr } = await operator.run('logs', 'build-42');
    expect(stderr.replaceAll(/\s+/g, ' ')).toContain(
      `build-42 is a job: logs belong to an allocation, an instance or a node Its allocations: ${id.slice(0, 8)} on builder-1.`,
    );
    expect(code).toBe(1);
  });

  test('takes the first label of a host name, as status prints it, and asks for more where several begin so', async () => {
    const operator = await Operator.start();
    const [one, other] = [112, 113].map((last) =>
      operator.world.addBuilder({ name: `ip-10-0-1-${last}.eu-west-1.compute.internal` }),
    );
    operator.world.nomad.run({ id: 'build-42', type: 'batch', on: one!.nodeId, runSeconds: 600, stderr: 'ok\n' });
    expect(await operator.run('logs', 'ip-10-0-1-112')).toEqual({ code: 0, stdout: 'ok\n', stderr: '' });
    expect(await operator.run('logs', 'ip-10-0-1-112', 'build-42')).toMatchObject({ code: 0, stdout: 'ok\n' });
    const { code, stderr } = await operator.run('logs', 'ip-10-0-1-11');
    expect(stderr).toContain('error: ip-10-0-1-11 may be any of 2 instances: ');
    expect(stderr).toContain(other!.instanceId);
    expect(code).toBe(1);
  });

  test('of what is not there says so in two lines', async () => {
    const { operator, id, instanceId } = await startWithBuild();
    const refused = async (...args: string[]) => {
      const { code, stderr } = await operator.run('logs', ...args);
      expect([code, stderr.trimEnd().split('\n').length]).toEqual([1, 2]);
      return stderr;
    };
    expect(await refused('0123abcd')).toContain('error: there is no allocation, instance, node or job 0123abcd');
    expect(await refused('builder-9')).toContain('error: there is no allocation, instance, node or job builder-9');
    expect(await refused('i-0123456789abcdef0')).toContain(
      'error: no node in Nomad names instance i-0123456789abcdef0',
    );
    const none = instanceId.startsWith('i-0') ? 'i-1' : 'i-0';
    expect(await refused(none)).toContain(`error: no node belongs to an instance whose id begins with ${none}`);
    expect(await refused('builder-1', 'other')).toContain('error: no allocation of job other is on builder-1');
    expect(await refused(id, '--task', 'main')).toContain('has no task main: it has t');
    expect(await refused(id, '--bytes', '0')).toContain('whole number from 1 to 65536');
  });

  test('never lets a build move the cursor of the terminal', async () => {
    const { operator, id } = await startWithBuild({ stderr: '\u001b[2J\u001b[31mred\u001b[0m\u0007\n' });
    expect((await operator.run('logs', id)).stdout).toBe('red\n');
    expect(JSON.parse((await operator.run('logs', id, '--json')).stdout).logs[0].tasks[0].text).toContain('\u001b[31m');
  });
});
