import { describe, expect, it } from 'vitest';
import { HOUR, MINUTE, SECOND, SWEEP } from '../../emulators/world/world.ts';
import { GROUP } from '../../emulators/world/world-options.ts';
import { start, world } from './start.ts';

const eligibility = (nodeId: string) => world.nomad.node(nodeId).SchedulingEligibility;
const writes = () => world.nomad.requests.filter(({ method }) => method !== 'GET').length;

/** What an operator asks of Nomad. */
const drainByHand = (nodeId: string) =>
  fetch(`${world.nomad.url}/v1/node/${nodeId}/drain`, {
    method: 'POST',
    body: JSON.stringify({ DrainSpec: { Deadline: HOUR * 1e6 } }),
  });

/** A builder with a build of so many seconds. */
const addBusyBuilder = (runSeconds: number) => {
  const builder = world.addBuilder();
  world.nomad.run({ id: 'build', type: 'batch', on: builder.nodeId, runSeconds });
  return builder;
};

describe('what no hook runs for', () => {
  it('leaves every node alone whose instance is in service, whatever was drained by hand', async () => {
    await start();
    const byHand = world.addBuilder();
    const other = world.addBuilder();
    await drainByHand(byHand.nodeId);

    await world.sweepFor(5 * MINUTE);

    expect(world.aws.instances(GROUP).map(({ state }) => state)).toEqual(['InService', 'InService']);
    expect([byHand, other].map(({ nodeId }) => eligibility(nodeId))).toEqual(['ineligible', 'eligible']);
    await world.wake(SWEEP);
    expect(writes()).toBe(1);
  });

  it('Standby drains nothing, and what was drained by hand stays so when the instance is back in service', async () => {
    await start();
    const [byHand, other] = [world.addBuilder(), addBusyBuilder(3600)];
    await drainByHand(byHand.nodeId);
    for (const { instanceId } of [byHand, other]) world.aws.standby(instanceId);
    await world.sweepFor(5 * MINUTE);
    expect(world.aws.instances(GROUP).map(({ state }) => state)).toEqual(['Standby', 'Standby']);
    for (const { instanceId } of [byHand, other]) world.aws.exitStandby(instanceId);

    await world.sweepFor(5 * MINUTE);

    expect(world.aws.instances(GROUP).map(({ state }) => state)).toEqual(['InService', 'InService']);
    expect([byHand, other].map(({ nodeId }) => eligibility(nodeId))).toEqual(['ineligible', 'eligible']);
    expect(writes()).toBe(1);
    expect(world.events).toEqual([]);
  });

  it('detaching drains nothing, and what was drained by hand stays so', async () => {
    await start();
    const [byHand, other] = [world.addBuilder(), addBusyBuilder(3600)];
    await drainByHand(byHand.nodeId);
    for (const { instanceId } of [byHand, other]) world.aws.detach(instanceId);

    await world.sweepFor(5 * MINUTE);

    expect(world.aws.instances(GROUP)).toEqual([]);
    expect([byHand, other].map(({ nodeId }) => eligibility(nodeId))).toEqual(['ineligible', 'eligible']);
    expect(writes()).toBe(1);
    expect(world.killedBuilds).toEqual([]);
  });

  it('nobody waits for the instances of a group that is deleted by force, and the other groups are served', async () => {
    await start({ moreGroups: [{ name: 'gone' }] });
    const waits = world.aws.addInstance('gone');
    const { id: node } = world.nomad.addNode({ instanceId: waits });
    world.nomad.run({ id: 'lost', type: 'batch', on: node, runSeconds: 3600 });
    world.aws.scaleIn('gone', [waits]);
    await world.advance(2 * SECOND);
    await world.deliver();
    const stays = addBusyBuilder(100);
    await world.scaleIn(stays.instanceId);
    world.aws.forceDeleteGroup('gone');

    const failures: string[] = [];
    for (let minute = 0; minute < 12; minute++) {
      await world.advance(MINUTE);
      await world.wake(SWEEP).catch(({ message }) => failures.push(message));
    }

    // Ten minutes at the latest: a hook that is in order is not read more often.
    expect(failures.at(-1)).toMatch('Auto Scaling has no group gone');
    expect(world.completion(stays.instanceId)).toMatchObject({ by: 'call' });
    expect(world.killedBuilds.map(({ jobId }) => jobId)).not.toContain('build');
    expect(world.completion(waits)).toBeUndefined();
    expect(world.aws.waiting).toEqual([]);
  });
});
