import { describe, expect, it } from 'vitest';
import { SECOND, STATUS, SWEEP } from '../../emulators/world/world.ts';
import { TEST_EVENTS } from '../../lib/function/console-test-events.ts';
import { start, world } from './start.ts';

const dryRun = (instanceId: unknown) => ({ command: 'dryRun', instanceId });

describe('a dry run', () => {
  it('of an instance in service says that it would be drained, until when, and what runs there', async () => {
    await start();
    const { instanceId, nodeId } = world.addBuilder();
    const [id = ''] = world.nomad.run({ id: 'build', type: 'batch', on: nodeId, runSeconds: 600 });

    const report = await world.wake(dryRun(instanceId));

    expect(report).toMatchObject({
      run: 'dryRun',
      warnings: [],
      instances: [
        {
          instanceId,
          group: 'builders',
          nodeId,
          action: 'start-drain',
          would: 'start the drain with a deadline of 6 h',
          remaining: [{ id, job: 'build' }],
        },
      ],
    });
    expect(world.writings()).toEqual([]);
  });

  it('of an instance whose node has been drained says that it would be let go', async () => {
    await start();
    const { instanceId, nodeId } = world.addBuilder();
    await fetch(`${world.nomad.url}/v1/node/${nodeId}/drain`, {
      method: 'POST',
      body: JSON.stringify({ DrainSpec: { Deadline: 3600e9 }, MarkEligible: false }),
    });
    await world.advance(15 * SECOND);
    const report = await world.wake(dryRun(instanceId));
    expect(report.instances).toMatchObject([
      { action: 'complete', outcome: 'drained', would: 'release the instance: drained, CONTINUE' },
    ]);
    expect(world.completion(instanceId)).toBeUndefined();
  });

  it('of an instance without a node, or of none of ours, says so', async () => {
    await start();
    const bare = world.aws.addInstance('builders');
    expect((await world.wake(dryRun(bare))).instances).toMatchObject([
      { nodeId: null, would: 'wait', because: 'Nomad has no node of this instance; it may yet register' },
    ]);
    expect(await world.wake(dryRun('i-0123456789abcdef0'))).toMatchObject({
      instances: [],
      because: 'Auto Scaling has no instance i-0123456789abcdef0 in the groups served here',
    });
  });

  it('checks the token and the way to Nomad', async () => {
    await start({ acl: true, nomad: { token: { parameter: '/nomad/drain-token' } } });
    const { instanceId } = world.addBuilder();
    world.nomad.policy('narrow', 'node { policy = "write" }');
    world.aws.putParameter('/nomad/drain-token', world.nomad.token({ policies: ['narrow'] }), 'SecureString');
    const { warnings } = await world.wake(dryRun(instanceId));
    expect(warnings).toEqual([expect.stringContaining('the Nomad token is too narrow')]);

    world.nomad.server.fault = () => 'hang-up';
    const { instances } = await world.wake(dryRun(instanceId));
    expect(instances).toMatchObject([{ action: 'wait', because: expect.stringContaining('ECONNRESET') }]);
  });

  it('of the sweep and of an event says what each would do, and does nothing', async () => {
    await start();
    const idle = world.addBuilder();
    const busy = world.addBuilder();
    world.nomad.run({ id: 'build', type: 'batch', on: busy.nodeId, runSeconds: 600 });
    await world.scaleIn(idle.instanceId, busy.instanceId);
    const [event] = world.events;

    const sweep = await world.wake({ ...SWEEP, dryRun: true });
    const one = await world.wake({ ...event, dryRun: true });

    expect(sweep.run).toBe('sweep');
    expect(sweep.instances.map(({ action }) => action)).toEqual(['start-drain', 'start-drain']);
    expect(one).toMatchObject({
      run: 'event',
      instances: [{ action: 'start-drain', would: expect.stringMatching(/^start the drain/) }],
    });
    expect(world.writings()).toEqual([]);
    expect((await world.wake(STATUS)).instances).toHaveLength(2);
  });

  it('that is asked for wrongly changes nothing, and is told what is wrong', async () => {
    await start();
    const { instanceId } = world.addBuilder();
    await world.scaleIn(instanceId);
    await expect(world.wake({ ...SWEEP, dryRun: 'yes' })).rejects.toThrow('dryRun must be true or false');
    await expect(world.wake(dryRun(undefined))).rejects.toThrow('instanceId is not a valid instance id');
    await expect(world.wake({ command: 'dry-run' })).rejects.toThrow(
      'unknown command "dry-run": the commands are status, warm, dryRun, ',
    );
    expect(world.writings()).toEqual([]);
  });
});

/** The questions among them, of which each has tests of its own. */
const QUESTIONS = ['capacity', 'jobs', 'logs', 'doctor', 'plan'];

describe('the test events of the Lambda console', () => {
  it.each(Object.entries(TEST_EVENTS).filter(([name]) => !QUESTIONS.includes(name)))(
    '%s is understood, and harmless where nobody waits',
    async (_, event) => {
      await start({ notices: { rebalance: 'drain', maintenance: true }, purge: true });
      const { nodeId } = world.addBuilder();
      const report = await world.wake(event);
      expect(report.instances).toEqual([]);
      // The maintenance of the example is far away.
      if (report.run === 'nothing') expect(report.because).toContain('the maintenance is still far');
      expect(world.nomad.node(nodeId).Drain).toBe(false);
    },
  );

  it.each(QUESTIONS)('%s is a question, and changes nothing', async (name) => {
    await start();
    world.addBuilder();
    const asked = world.ask(TEST_EVENTS[name as keyof typeof TEST_EVENTS]);
    if (name === 'logs') await expect(asked).rejects.toThrow('no node in Nomad names instance i-0123456789abcdef0');
    else expect(await asked).toMatchObject({ run: name, warnings: [] });
    expect(world.writings()).toEqual([]);
  });
});
