import { describe, expect, it } from 'vitest';
import { ec2Error } from '../../emulators/aws/services.ts';
import { HOUR, MINUTE, SECOND, SWEEP } from '../../emulators/world/world.ts';
import { healthEvent, rebalanceRecommendation, spotWarning } from './notice-events.ts';
import { start, world } from './start.ts';

const busy = (runSeconds = 2 * 3600) => {
  const builder = world.addBuilder();
  world.nomad.run({ id: `build-${builder.nodeId}`, type: 'batch', on: builder.nodeId, runSeconds });
  return builder;
};

const eligibility = (nodeId: string) => world.nomad.node(nodeId).SchedulingEligibility;
const setEligibility = (nodeId: string, Eligibility: string) =>
  fetch(`${world.nomad.url}/v1/node/${nodeId}/eligibility`, { method: 'POST', body: JSON.stringify({ Eligibility }) });
const drainRequests = () => world.nomad.requests.filter(({ path }) => path.endsWith('/drain')).length;
const deadlineOf = (nodeId: string) => Date.parse(world.nomad.node(nodeId).DrainStrategy?.ForceDeadline ?? '');

describe('a rebalance recommendation', () => {
  it('is not acted on unless that is switched on', async () => {
    await start();
    const { instanceId, nodeId } = busy();
    expect(await world.wake(rebalanceRecommendation(instanceId))).toMatchObject({
      run: 'nothing',
      because: 'rebalance recommendations are not acted on (notices.rebalance)',
    });
    expect(eligibility(nodeId)).toBe('eligible');
  });

  it('has the node drained with the usual deadline, and made eligible again if its instance stays', async () => {
    await start({ notices: { rebalance: 'drain' } });
    const { instanceId, nodeId } = busy(600);
    const report = await world.wake(rebalanceRecommendation(instanceId));
    expect(report.instances).toMatchObject([{ instanceId, notice: 'rebalance', action: 'start-drain' }]);
    expect(deadlineOf(nodeId) - world.clock.now()).toBeGreaterThan(5 * HOUR);

    await world.sweepFor(58 * MINUTE);
    expect(eligibility(nodeId)).toBe('ineligible');
    await world.sweepFor(4 * MINUTE);
    expect(eligibility(nodeId)).toBe('eligible');
    expect(world.killedBuilds).toEqual([]);
  });

  it('has the node cordoned: its build goes on, nothing new lands there, and it is given back', async () => {
    await start({ notices: { rebalance: 'cordon', restoreSeconds: 1800 } });
    const { instanceId, nodeId } = busy();
    const report = await world.wake(rebalanceRecommendation(instanceId));

    expect(report.instances).toMatchObject([
      { instanceId, nodeId, action: 'cordon', because: 'EC2 recommends to replace the Spot instance' },
    ]);
    expect(world.nomad.node(nodeId)).toMatchObject({ SchedulingEligibility: 'ineligible', LastDrain: null });
    await world.wake(rebalanceRecommendation(instanceId));
    await world.sweepFor(28 * MINUTE);
    expect(eligibility(nodeId)).toBe('ineligible');
    await world.sweepFor(4 * MINUTE);
    expect(eligibility(nodeId)).toBe('eligible');
    expect(world.nomad.node(nodeId).Meta).not.toHaveProperty('nomad_drain_hook_cordon');
    expect(world.log).toContainEqual(
      expect.objectContaining({ message: 'node made eligible: its instance is in service', instanceId, nodeId }),
    );
    expect(drainRequests()).toBe(0);
  });

  it('leaves a cordoned node alone that somebody has made eligible, and then ineligible for reasons of their own', async () => {
    await start({ notices: { rebalance: 'cordon', restoreSeconds: 1800 } });
    const { instanceId, nodeId } = busy();
    await world.wake(rebalanceRecommendation(instanceId));
    await world.advance(5 * MINUTE);
    await setEligibility(nodeId, 'eligible');
    await world.advance(MINUTE);
    await setEligibility(nodeId, 'ineligible');
    await world.sweepFor(40 * MINUTE);
    expect(eligibility(nodeId)).toBe('ineligible');
    expect(world.nomad.node(nodeId).Meta).not.toHaveProperty('nomad_drain_hook_cordon');
  });

  it('leaves a node alone that was ineligible before, and does not give it back', async () => {
    await start({ notices: { rebalance: 'cordon', restoreSeconds: 600 } });
    const { instanceId, nodeId } = busy();
    await setEligibility(nodeId, 'ineligible');
    const report = await world.wake(rebalanceRecommendation(instanceId));
    expect(report.instances).toMatchObject([{ because: expect.stringContaining('ineligible already') }]);
    await world.sweepFor(20 * MINUTE);
    expect(eligibility(nodeId)).toBe('ineligible');
  });

  it('does not cordon where the mark cannot be written, for nobody would give the node back', async () => {
    await start({ notices: { rebalance: 'cordon' } });
    const { instanceId, nodeId } = busy();
    world.nomad.server.fault = ({ url }) =>
      url.pathname === '/v1/client/metadata' ? { status: 500, body: 'No path to node' } : undefined;
    await expect(world.wake(rebalanceRecommendation(instanceId))).rejects.toThrow(/No path to node/);
    expect(eligibility(nodeId)).toBe('eligible');
  });

  it('is followed by a drain when the instance then has to go, and by a short one when it is interrupted', async () => {
    await start({ notices: { rebalance: 'cordon' } });
    const [going, interrupted] = [busy(100), busy()];
    for (const { instanceId } of [going, interrupted]) await world.wake(rebalanceRecommendation(instanceId));
    await world.scaleIn(going.instanceId);
    await world.deliver();
    await world.wake(spotWarning(interrupted.instanceId));
    expect(deadlineOf(interrupted.nodeId) - world.clock.now()).toBeLessThanOrEqual(90 * SECOND);
    await world.sweepFor(4 * MINUTE);
    expect(world.outcome(going.instanceId)).toBe('drained');
    expect(drainRequests()).toBe(2);
  });

  it('that nobody can deliver any more is not acted on: its event is sent again by somebody', async () => {
    await start({ notices: { rebalance: 'drain' } });
    const { instanceId } = busy();
    const old = rebalanceRecommendation(instanceId);
    await world.advance(66 * MINUTE);
    expect(await world.wake(old)).toMatchObject({
      run: 'nothing',
      because: 'the event is too old: AWS sent it 1 h 6 min ago, longer than EventBridge and Lambda retry',
    });
  });

  it('has the drain that it began shortened when the instance is interrupted', async () => {
    await start({ notices: { rebalance: 'drain' } });
    const { instanceId, nodeId } = busy();
    await world.wake(rebalanceRecommendation(instanceId));
    await world.wake(spotWarning(instanceId));
    expect(deadlineOf(nodeId) - world.clock.now()).toBeLessThanOrEqual(90 * SECOND);
  });
});

describe('scheduled maintenance', () => {
  const notices = { maintenance: true };
  const inHours = (hours: number) => world.clock.now() + hours * HOUR;

  it('has the node drained in time, with its whole deadline', async () => {
    await start({ notices, policy: { deadlineSeconds: 7200 } });
    const { instanceId, nodeId } = busy(600);
    const report = await world.wake(healthEvent([instanceId], { startTime: inHours(2.2) }));
    expect(report.instances).toMatchObject([{ instanceId, notice: 'maintenance', action: 'start-drain' }]);
    expect(deadlineOf(nodeId) - world.clock.now()).toBeGreaterThan(1.9 * HOUR);
  });

  it('near at hand leaves less: the drain ends the kill margin before it', async () => {
    await start({ notices, policy: { deadlineSeconds: 7200, killMarginSeconds: 300 } });
    const { instanceId, nodeId } = busy();
    const startTime = inHours(1);
    await world.wake(healthEvent([instanceId], { startTime }));
    expect(deadlineOf(nodeId)).toBeLessThanOrEqual(startTime - 300 * SECOND);
    expect(deadlineOf(nodeId)).toBeGreaterThan(startTime - 303 * SECOND);
  });

  it('at once leaves ten seconds: no word about a time kills without any', async () => {
    await start({ notices });
    const { instanceId, nodeId } = busy();
    await world.wake(healthEvent([instanceId], { startTime: world.clock.now() + SECOND }));
    expect(world.killedBuilds).toEqual([]);
    expect(deadlineOf(nodeId) - world.clock.now()).toBeGreaterThan(0);
  });

  it.each([
    'INSTANCE_POWER_MAINTENANCE_SCHEDULED',
    'INSTANCE_REBOOT_FLEXIBLE_MAINTENANCE_SCHEDULED',
    'INSTANCE_RETIREMENT_EXPEDITED',
    'INSTANCE_TERMINATION_SCHEDULED',
    'PERSISTENT_INSTANCE_POWER_MAINTENANCE_SCHEDULED',
    'PERSISTENT_INSTANCE_RETIREMENT_EXPEDITED',
  ])('may be called AWS_EC2_%s', async (code) => {
    await start({ notices });
    const { instanceId, nodeId } = busy();
    await world.wake(healthEvent([instanceId], { startTime: inHours(3), eventTypeCode: `AWS_EC2_${code}` }));
    expect(world.nomad.node(nodeId).Drain).toBe(true);
  });

  it('names several instances, by id or by ARN, on several pages; each page is an event of its own', async () => {
    await start({ notices });
    const [one, two, three] = [busy(), busy(), busy()];
    const startTime = inHours(3);
    await world.wake(
      healthEvent([one.instanceId, two.instanceId], { startTime, as: 'arn', page: '1', totalPages: '2' }),
    );
    await world.wake(healthEvent([three.instanceId], { startTime, page: '2', totalPages: '2' }));
    for (const { nodeId } of [one, two, three]) expect(world.nomad.node(nodeId).Drain).toBe(true);
  });

  it.each([
    ['is not acted on unless that is switched on', {}, { startTime: 1 }, 'scheduled maintenance is not acted on'],
    ['that has begun is ignored', notices, { startTime: -1 }, 'the maintenance began 1 h'],
    ['that is closed is ignored', notices, { startTime: 1, statusCode: 'closed' }, 'the maintenance is over'],
    [
      'of another kind is ignored',
      notices,
      { startTime: 1, eventTypeCode: 'AWS_EC2_OPERATIONAL_ISSUE' },
      'no maintenance',
    ],
    ['that is still far is left to the sweeps', notices, { startTime: 300 }, 'the maintenance is still far: a sweep'],
  ])('%s', async (_, settings, { startTime, ...more }, because) => {
    await start({ notices: settings });
    const { instanceId, nodeId } = busy();
    expect(await world.wake(healthEvent([instanceId], { startTime: inHours(startTime), ...more }))).toMatchObject({
      run: 'nothing',
      because: expect.stringContaining(because),
    });
    expect(world.nomad.node(nodeId).LastDrain).toBeNull();
  });
});

describe('maintenance that no event has told in time', () => {
  const notices = { maintenance: true };
  const HOURS = { deadlineSeconds: 7200, killMarginSeconds: 300 };
  const asks = () => world.aws.requests.filter(({ action }) => action === 'DescribeInstanceStatus').length;

  it('is found by the sweeps, which start the drain when its time has come', async () => {
    await start({ notices, policy: HOURS });
    const { instanceId, nodeId } = busy(8000);
    const startTime = world.clock.now() + 4 * HOUR;
    world.aws.deliver = () => [];
    world.aws.scheduleMaintenance([instanceId], { code: 'AWS_EC2_INSTANCE_REBOOT_MAINTENANCE_SCHEDULED', startTime });
    await world.sweepFor(90 * MINUTE);
    expect(world.nomad.node(nodeId).LastDrain).toBeNull();
    await world.sweepFor(20 * MINUTE);
    expect(world.nomad.node(nodeId).Drain).toBe(true);
    const drainedAt = Date.parse(world.nomad.node(nodeId).LastDrain?.StartedAt ?? '');
    expect(startTime - drainedAt).toBeGreaterThanOrEqual((7200 + 300) * SECOND);

    await world.sweepFor(2 * HOUR);
    expect(world.killedBuilds).toEqual([]);
    expect(drainRequests()).toBe(1);
    expect(eligibility(nodeId)).toBe('ineligible');
    expect(world.reports.at(-1)?.instances).toMatchObject([{ instanceId, notice: 'maintenance', action: 'wait' }]);
  });

  it('is that which comes first, where EC2 lists several for an instance', async () => {
    await start({ notices, policy: HOURS });
    const builders = [busy(8000), busy(8000)];
    const code = 'AWS_EC2_INSTANCE_REBOOT_MAINTENANCE_SCHEDULED';
    const starts = [world.clock.now() + 2 * HOUR, world.clock.now() + HOUR];
    world.aws.deliver = () => [];
    for (const [place, { instanceId }] of builders.entries()) {
      for (const startTime of place === 0 ? starts : starts.toReversed()) {
        world.aws.scheduleMaintenance([instanceId], { code, startTime });
      }
    }
    await world.sweepFor(2 * MINUTE);
    for (const { nodeId } of builders) {
      expect(deadlineOf(nodeId)).toBeLessThanOrEqual(Math.min(...starts) - 300 * SECOND);
    }
  });

  it('is over some time later: the node is made eligible again, and not drained anew', async () => {
    await start({ notices: { maintenance: true, restoreSeconds: 600 }, policy: HOURS });
    const { instanceId, nodeId } = busy(60);
    const startTime = world.clock.now() + HOUR;
    const code = 'AWS_EC2_INSTANCE_REBOOT_MAINTENANCE_SCHEDULED';
    world.aws.scheduleMaintenance([instanceId], { code, startTime, endTime: startTime + HOUR });
    await world.deliver();
    await world.sweepFor(HOUR + 5 * MINUTE);
    expect(eligibility(nodeId)).toBe('ineligible');
    await world.sweepFor(70 * MINUTE);
    expect(eligibility(nodeId)).toBe('eligible');
    expect(drainRequests()).toBe(1);
  });

  it('does not drain a node again that somebody has taken back for the time until then', async () => {
    await start({ notices, policy: HOURS });
    const { instanceId, nodeId } = busy();
    const startTime = world.clock.now() + 2 * HOUR;
    world.aws.scheduleMaintenance([instanceId], { code: 'AWS_EC2_INSTANCE_REBOOT_MAINTENANCE_SCHEDULED', startTime });
    await world.deliver();
    await fetch(`${world.nomad.url}/v1/node/${nodeId}/drain`, {
      method: 'POST',
      body: JSON.stringify({ DrainSpec: null, MarkEligible: true }),
    });
    await world.sweepFor(10 * MINUTE);
    expect(eligibility(nodeId)).toBe('eligible');
    expect(world.reports.at(-1)?.instances).toMatchObject([
      { because: 'maintenance of the instance is scheduled, but the drain for it has been cancelled' },
    ]);
  });

  it('drains nothing if it is cancelled, or is that of an instance of another group', async () => {
    await start({ notices, policy: HOURS });
    world.aws.addGroup({ name: 'others' });
    const other = world.aws.addInstance('others');
    const { id } = world.nomad.addNode({ instanceId: other });
    const cancelled = busy();
    world.aws.deliver = () => [];
    world.aws.scheduleMaintenance([cancelled.instanceId, other], {
      code: 'AWS_EC2_INSTANCE_RETIREMENT_SCHEDULED',
      startTime: world.clock.now() + HOUR,
    });
    world.aws.endMaintenance([cancelled.instanceId], 'Canceled');
    await world.sweepFor(5 * MINUTE);
    for (const nodeId of [id, cancelled.nodeId]) expect(world.nomad.node(nodeId).LastDrain).toBeNull();
  });

  it('is asked for once a sweep, and only where that is switched on', async () => {
    await start({ notices });
    const { instanceId } = busy();
    await world.scaleIn(instanceId);
    await world.sweepFor(5 * MINUTE);
    expect(asks()).toBe(5);
    await start();
    await world.sweepFor(2 * MINUTE);
    expect(asks()).toBe(0);
  });

  it('fails the sweep if EC2 does not say, after all waiting instances have been served', async () => {
    await start({ notices });
    const { instanceId } = world.addBuilder();
    await world.scaleIn(instanceId);
    world.aws.servers.ec2.fault = ({ body }) =>
      body.includes('DescribeInstanceStatus') ? ec2Error('UnauthorizedOperation', 'denied', 403) : undefined;
    await expect(world.wake(SWEEP)).rejects.toThrow(/EC2 does not list scheduled maintenance/);
    expect(world.completion(instanceId)).toMatchObject({ by: 'call' });
  });
});
