import { describe, expect, it } from 'vitest';
import { HOUR, MINUTE, SECOND, STATUS, SWEEP, type WorldOptions } from '../../emulators/world/world.ts';
import { rebalanceRecommendation, spotWarning } from './notice-events.ts';
import { start, world } from './start.ts';

/** Builders, and a group of web servers whose terms are its own. */
async function startBoth(web: NonNullable<WorldOptions['terms']>[string], options: WorldOptions = {}) {
  await start({ ...options, moreGroups: [{ name: 'web' }], terms: { web } });
  return { builder: world.addBuilder(), web: world.addBuilder({}, {}, 'web') };
}

const scaleInBoth = async ({ builder, web }: Awaited<ReturnType<typeof startBoth>>) => {
  world.aws.scaleIn('builders', [builder.instanceId]);
  world.aws.scaleIn('web', [web.instanceId]);
  await world.advance(2 * SECOND);
};

const eligibility = (nodeId: string) => world.nomad.node(nodeId).SchedulingEligibility;

describe('two groups beside one Nomad', () => {
  it('have each its own deadline, kill margin, system jobs and result, in one sweep', async () => {
    const policy = {
      deadlineSeconds: 600,
      killMarginSeconds: 60,
      ignoreSystemJobs: true,
      onTimeout: 'ABANDON',
    } as const;
    const both = await startBoth({ policy }, { policy: { deadlineSeconds: 7200 } });
    const { builder, web } = both;
    const build = { type: 'batch', runSeconds: 5400, stopSeconds: 6000, killTimeoutSeconds: 7200 } as const;
    for (const { nodeId } of [builder, web]) world.nomad.run({ ...build, id: `slow-${nodeId}`, on: nodeId });
    await scaleInBoth(both);

    await world.wake(SWEEP);
    const strategy = (nodeId: string) => world.nomad.node(nodeId).DrainStrategy;
    expect(strategy(builder.nodeId)).toMatchObject({ Deadline: 7200e9, IgnoreSystemJobs: false });
    expect(strategy(web.nodeId)).toMatchObject({ Deadline: 600e9, IgnoreSystemJobs: true });
    expect(world.nomad.node(web.nodeId).LastDrain?.Meta).toMatchObject({ auto_scaling_group: 'web' });
    const { instances } = await world.wake(STATUS);
    const waits = (group: string) => {
      const [{ deadlineAt = '', forceAt = '', giveUpAt = '' } = {}] = instances.filter((each) => each.group === group);
      return [Date.parse(forceAt) - Date.parse(deadlineAt), Date.parse(giveUpAt) - Date.parse(forceAt)];
    };
    expect([waits('builders'), waits('web')]).toEqual([
      [300 * SECOND, 300 * SECOND],
      [60 * SECOND, 60 * SECOND],
    ]);

    // The deadline, the margin, the margin again after the drain was forced, and a sweep.
    await world.sweepFor(14 * MINUTE);
    expect(world.completion(web.instanceId)).toMatchObject({ by: 'call', result: 'ABANDON' });
    expect(world.completion(builder.instanceId)).toBeUndefined();
    await world.sweepFor(HOUR + 20 * MINUTE);
    expect(world.completion(builder.instanceId)).toMatchObject({ by: 'call', result: 'CONTINUE' });
    expect(world.outcome(builder.instanceId)).toBe('drained');
  });

  it('act each on the notices that it should', async () => {
    const both = await startBoth({ notices: { spot: false, rebalance: 'off' } }, { notices: { rebalance: 'cordon' } });
    for (const { instanceId } of [both.builder, both.web]) await world.wake(rebalanceRecommendation(instanceId));
    expect([eligibility(both.builder.nodeId), eligibility(both.web.nodeId)]).toEqual(['ineligible', 'eligible']);
    expect(world.reports.at(-1)).toMatchObject({
      instances: [],
      because: `not in a group that acts on it: ${both.web.instanceId}`,
    });

    await world.wake(spotWarning(both.web.instanceId));
    expect(eligibility(both.web.nodeId)).toBe('eligible');
    await world.wake(spotWarning(both.builder.instanceId));
    expect(world.nomad.node(both.builder.nodeId).LastDrain).not.toBeNull();
  });

  it('have the nodes of their terminated instances purged, or not', async () => {
    const both = await startBoth({ purge: false }, { purge: true });
    await scaleInBoth(both);
    await world.sweepFor(8 * MINUTE);
    const exists = ({ nodeId }: { nodeId: string }) => world.nomad.state.nodes.has(nodeId);
    expect([exists(both.builder), exists(both.web)]).toEqual([false, true]);
  });

  it('are planned by their own deadlines, and doctor judges each by its own', async () => {
    const both = await startBoth({ policy: { deadlineSeconds: 1800 } });
    for (const { nodeId } of [both.builder, both.web])
      world.nomad.run({ id: `b-${nodeId}`, type: 'batch', on: nodeId, runSeconds: 9 * 3600 });
    await world.advance(40 * MINUTE);
    const plan = await world.ask<'plan'>({ command: 'plan' });
    const deadlines = Object.fromEntries(plan.instances.map(({ group, deadlineSeconds }) => [group, deadlineSeconds]));
    expect(deadlines).toEqual({ builders: 21_600, web: 1800 });
    expect(plan.deadlines).toMatchObject([
      { deadlineSeconds: 1800, is: 'policy', groups: ['web'] },
      { deadlineSeconds: 21_600, is: 'policy', groups: ['builders'] },
    ]);
    const doctor = await world.ask<'doctor'>({ command: 'doctor' });
    expect(doctor.findings.filter(({ id }) => id === 'longest-build')).toMatchObject([
      { level: 'warning', what: expect.stringMatching(/^group web: .* longer than the drain deadline of 30 min/) },
      { level: 'ok', what: expect.stringMatching(/^group builders: .* the drain deadline is 6 h/) },
    ]);
  });
});
