import { describe, expect, it } from 'vitest';
import { GROUP } from '../../emulators/world/world-options.ts';
import { HOUR, MINUTE, SECOND, STATUS, SWEEP } from '../../emulators/world/world.ts';
import type { Report } from '../../lambda/core/drain/report.ts';
import { start, world } from './start.ts';

const state = (instanceId: string) => world.aws.instance(instanceId).state;
const joining = async (): Promise<Report['joining']> => ((await world.wake(STATUS)) as Report).joining;
const metrics = () => world.printed.flatMap((line) => Object.keys(JSON.parse(line)));
const told = (type: string) => world.told.filter((event) => event['detail-type'] === type).map(({ detail }) => detail);
const eligibility = (nodeId: string) => world.nomad.node(nodeId).SchedulingEligibility;

/** An instance that waits for the launching hook. */
async function launch(): Promise<string> {
  const instanceId = world.aws.launch(GROUP);
  await world.advance(2 * SECOND);
  expect(state(instanceId)).toBe('Pending:Wait');
  return instanceId;
}

describe('an instance is put into service', () => {
  it('in the minute in which its node is ready, and not before', async () => {
    await start({ admission: {} });
    const instanceId = await launch();
    await world.deliver();
    await world.sweepFor(2 * MINUTE);
    expect(state(instanceId)).toBe('Pending:Wait');
    expect(await joining()).toMatchObject([
      { instanceId, into: 'service', action: 'wait', because: expect.stringContaining('has not registered') },
    ]);

    const nodeId = world.join(instanceId, { initializing: true });
    await world.sweepFor(MINUTE);
    expect(state(instanceId)).toBe('Pending:Wait');
    world.nomad.firstHeartbeat(nodeId);
    await world.sweepFor(MINUTE);

    expect(state(instanceId)).toBe('InService');
    expect(world.completion(instanceId)).toMatchObject({ result: 'CONTINUE' });
    expect(told('Nomad Client Ready')).toMatchObject([{ instanceId, nodeId, outcome: 'admitted', into: 'service' }]);
    expect(metrics()).toEqual(expect.arrayContaining(['NodeReady', 'InstancesAdmitted', 'InstancesJoining']));
  });
});
