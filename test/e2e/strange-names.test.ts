import { describe, expect, it } from 'vitest';
import { MINUTE, STATUS } from '../../emulators/world/world.ts';
import { startWithCommands } from './command-world.ts';
import { start, world } from './start.ts';

/** What Nomad takes for the id of a job: anything without a space. */
const IDS = [
  '..',
  '.',
  '...',
  '../nodes',
  "'()!",
  '*',
  '%2e%2e',
  'a?b=c#d',
  '"',
  '`',
  'größer',
  'constructor',
  '__proto__',
];

const askedAboutJobs = () =>
  world.nomad.requests.flatMap(({ path }) =>
    path.startsWith('/v1/job') ? decodeURIComponent(path.split('/')[3] ?? '') : [],
  );

const runAll = async (on: string) => {
  for (const [index, id] of IDS.entries()) {
    world.nomad.run({ id, type: 'service', count: 2, on, taskGroup: IDS.at(index - 3) ?? '' });
    world.nomad.run({ id: `${id}${index}`, type: 'batch', on, runSeconds: 30 });
  }
  await world.advance(MINUTE);
};

describe('a job may be called anything, and it is that job that is asked for', () => {
  it('in a plan, and where it is explained why a node still drains', async () => {
    await start();
    const leaving = world.addBuilder();
    world.addBuilder();
    await runAll(leaving.nodeId);
    const { instances } = await world.ask<'plan'>({ command: 'plan' });
    expect(instances).toHaveLength(2);
    expect(new Set(askedAboutJobs())).toEqual(new Set(IDS));

    await world.scaleIn(leaving.instanceId);
    await world.sweepFor(5 * MINUTE);
    const [instance] = (await world.wake(STATUS)).instances;
    // Of each that is named why: no other node will do, since the constraint names this one.
    const named = IDS.filter((id) => instance?.stuck?.includes(`${id} (task group `));
    expect(instance?.stuck).toContain(`and ${IDS.length - 5} more`);
    expect(named.length).toBeGreaterThanOrEqual(5);
    expect(instance?.stuck?.match(/constraint \S+ = \S+ rules out 1/g)).toHaveLength(5);
  });

  it('by way of an instance too', async () => {
    const { leaving } = await startWithCommands();
    const few = ['..', "'()!", '../nodes', '"', 'größer'];
    for (const id of few) world.nomad.run({ id, type: 'service', on: leaving.nodeId });
    await world.advance(MINUTE);
    await world.scaleIn(leaving.instanceId);
    await world.sweepFor(2 * MINUTE);
    expect(world.outcome(leaving.instanceId)).toBe('drained');
    expect(new Set(askedAboutJobs())).toEqual(new Set(few));
  });

  it('and a Nomad that cannot be asked for it (1.6, whose router takes `..` for the folder above) is not taken at its word about others', async () => {
    await start({ version: '1.6.10' });
    const { nodeId, instanceId } = world.addBuilder();
    world.nomad.run({ id: '..', type: 'service', on: nodeId });
    await world.scaleIn(instanceId);
    await world.sweepFor(3 * MINUTE);
    await world.ask({ command: 'plan' });
    expect(world.nomad.requests.filter(({ path, query }) => path === '/v1/allocations' && !query.filter)).toEqual([]);
  });

  it('a task group as well: what is no failure of it is not read as one', async () => {
    await start();
    const { nodeId, instanceId } = world.addBuilder();
    // Another group of no job waits; that of this one is moved as soon as there is room.
    world.nomad.run({
      id: 'web',
      type: 'service',
      count: 2,
      taskGroup: 'constructor',
      on: nodeId,
      killTimeoutSeconds: 300,
      stopSeconds: 300,
    });
    world.nomad.server.fault = ({ url }) =>
      url.pathname === '/v1/evaluations' && url.search.includes('blocked')
        ? {
            status: 200,
            headers: { 'X-Nomad-KnownLeader': 'true', 'X-Nomad-Index': '9' },
            body: JSON.stringify([
              { JobID: 'web', Namespace: 'default', CreateTime: 1, FailedTGAllocs: { other: {} } },
            ]),
          }
        : undefined;
    await world.scaleIn(instanceId);
    await world.sweepFor(5 * MINUTE);
    const [instance] = (await world.wake(STATUS)).instances;
    expect(instance?.because).not.toContain('nowhere to go');
    expect(instance?.stuck).toBeUndefined();
  });

  it.each([['.'], ['..'], ['.-.'], ['b.ilder-1'], ['.uilder-1']])(
    'no node is meant by %s but one of that name',
    async (node) => {
      await start();
      world.addBuilder({ name: 'builder-1' });
      await expect(world.ask({ command: 'logs', node })).rejects.toThrow('Nomad has no node');
      const { nodeId } = world.addBuilder({ name: node });
      const [id] = world.nomad.run({ id: 'build', type: 'batch', on: nodeId, runSeconds: 600 });
      await world.advance(5_000);
      expect((await world.ask<'logs'>({ command: 'logs', node })).logs.map((log) => log.id)).toEqual([id]);
    },
  );
});
