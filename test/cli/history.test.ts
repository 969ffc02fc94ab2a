import { describe, expect, test } from 'vitest';
import { logGroupOf } from '../../emulators/aws/events/function-settings.ts';
import { FUNCTION, HOUR, MINUTE } from '../../emulators/world/world.ts';
import { GROUP } from '../../emulators/world/world-options.ts';
import { Operator } from './operator.ts';

/** Two instances have gone: one whose build ended, one whose build was killed at the deadline. */
async function afterTwo() {
  const operator = await Operator.start({ policy: { deadlineSeconds: 300, killMarginSeconds: 30 } });
  const { world } = operator;
  world.nomad.namespace('ci');
  const good = world.addBuilder({ name: 'client-1' });
  const bad = world.addBuilder({ name: 'client-2' });
  world.addBuilder({ name: 'client-3' });
  world.nomad.run({ id: 'short', type: 'batch', on: good.nodeId, runSeconds: 120 });
  world.nomad.run({ id: 'long', type: 'batch', on: bad.nodeId, runSeconds: 6000, namespace: 'ci' });
  await world.scaleIn(good.instanceId, bad.instanceId);
  await world.deliver();
  await world.sweepFor(10 * MINUTE);
  return { operator, world, good, bad };
}

const oneLine = (text: string) => text.replaceAll(/\s+/g, ' ');

describe('history', () => {
  test('lists who was released, how, how long it took, what was killed, and why Auto Scaling chose it', async () => {
    const { operator, world, good, bad } = await afterTwo();

    const { code, stdout } = await operator.run('history');

    const killed = world.killedBuilds[0]?.allocationId.slice(0, 8);
    const text = oneLine(stdout);
    expect(text).toMatch(new RegExp(`${good.instanceId} builders drained 118 s`));
    expect(text).toMatch(new RegExp(`${bad.instanceId} builders forced 5 min`));
    expect(text).toContain(`killed: long (task group g, namespace ci, allocation ${killed})`);
    expect(text).toContain(
      'a monitor alarm in state ALARM triggered policy scale-in changing the desired capacity from 3 to 1.',
    );
    expect(text).toContain('2 instances released, 1 allocation killed, from 02-28 21:10 to 03-01 09:10 UTC');
    expect(code).toBe(0);
  });

  test('of a time in which nothing was released says so, and of which time', async () => {
    const { operator, world } = await afterTwo();
    await world.advance(3 * HOUR);
    const { code, stdout } = await operator.run('history', '--since', '30m');
    expect(oneLine(stdout)).toContain('no instance was released from 03-01 11:40 to 03-01 12:10 UTC');
    expect(code).toBe(0);
    expect((await operator.run('history', '--since', '4h')).stdout).toContain('2 instances released');
  });

  test('lists who was abandoned on its way into service, and not who came into it', async () => {
    const operator = await Operator.start({ admission: { readyTimeoutSeconds: 60 } });
    const { world } = operator;
    const [late, ready] = [world.aws.launch(GROUP), world.aws.launch(GROUP)];
    world.join(ready);
    await world.sweepFor(3 * MINUTE);
    const { stdout } = await operator.run('history');
    expect(oneLine(stdout)).toMatch(
      new RegExp(
        `^\\S+ \\S+ ${late} builders abandoned not ready after 60 s: .* 0 instances released, 1 abandoned, 0 allocations`,
      ),
    );
    expect(stdout).not.toContain(ready);
  });

  test('says how long a wait took that began before that time', async () => {
    const { operator, bad } = await afterTwo();
    const { stdout } = await operator.run('history', '--since', '6m');
    expect(oneLine(stdout)).toMatch(new RegExp(`^\\S+ \\S+ ${bad.instanceId} builders forced 5 min`));
    expect(stdout).toContain('1 instance released');
  });

  test('is JSON with --json, and is fit for a terminal of 80 columns', async () => {
    const { operator, bad } = await afterTwo();
    const { stdout } = await operator.run('history', 'builders', '--json');
    expect(JSON.parse(stdout)).toMatchObject({
      run: 'history',
      releases: [
        { outcome: 'drained', killed: [] },
        { instance: bad.instanceId, outcome: 'forced', killed: [{ job: 'long', namespace: 'ci', taskGroup: 'g' }] },
      ],
    });
    const { tooLong, screen } = await operator.onTerminal('history');
    expect(tooLong).toEqual([]);
    expect(screen).toContain(bad.instanceId);
  });

  test('of an instance without a node is null for it, red if it had been up for long; broken records are counted', async () => {
    const operator = await Operator.start();
    const { world, functions } = operator;
    const young = world.aws.addInstance('builders');
    await world.scaleIn(young);
    await world.sweepFor(10 * MINUTE);
    const old = world.aws.addInstance('builders');
    await world.advance(20 * MINUTE);
    await world.scaleIn(old);
    await world.sweepFor(10 * MINUTE);
    const broken = { at: world.clock.now() - MINUTE, message: '{"message":"instance released"}' };
    functions.logGroups.set(logGroupOf(FUNCTION), () => [...world.logLines, broken]);

    const { releases, warnings } = JSON.parse((await operator.run('history', '--json')).stdout);
    const none = { node: null, outcome: 'not-a-node' };
    expect(releases).toMatchObject([
      { instance: young, ...none, nodeMissing: false },
      { instance: old, ...none, nodeMissing: true },
    ]);
    const unread = "1 record of the function's log could not be read: a field is missing";
    expect(warnings).toContain(unread);
    const { raw } = await operator.onTerminal('history');
    expect(raw).toContain('\u001b[32mnot-a-node');
    expect(raw).toContain('\u001b[31mnot-a-node');
    expect(raw).not.toContain('undefined');
    expect(oneLine(raw)).toContain(`warning: ${unread}`);
  });

  test('refuses a group that is not served, and a time that is none', async () => {
    const operator = await Operator.start();
    expect((await operator.run('history', 'nope')).stderr).toContain('group nope is not served by this drain hook');
    expect((await operator.run('history', '--since', 'yesterday')).stderr).toContain('such as 30m, 12h or 7d');
  });

  test('says what it may not read', async () => {
    const { operator } = await afterTwo();
    operator.functions.logGroups.clear();
    const gone = await operator.run('history');
    expect(gone.stderr).toContain(
      'error: the function has no log group: The specified log group does not exist.\nIt may have been deleted',
    );
    expect(gone.code).toBe(1);
    operator.denyLog();
    const { code, stderr } = await operator.run('history');
    expect(stderr).toContain('error: AWS does not allow it: not authorized to perform: logs:FilterLogEvents');
    expect(code).toBe(1);
  });
});
