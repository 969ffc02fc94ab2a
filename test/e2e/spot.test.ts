import { describe, expect, it } from 'vitest';
import { ec2Error } from '../../emulators/aws/services.ts';
import { HOUR, MINUTE, SECOND, SWEEP } from '../../emulators/world/world.ts';
import { GROUP } from '../../emulators/world/world-options.ts';
import { reservationWarning, spotWarning } from './notice-events.ts';
import { start, world } from './start.ts';

/** A Spot instance in service, with a build that runs for so many seconds. */
const busy = (runSeconds = 2 * 3600) => {
  const builder = world.addBuilder({}, { market: 'spot' });
  const [build = ''] = world.nomad.run({
    id: `build-${builder.nodeId}`,
    type: 'batch',
    on: builder.nodeId,
    runSeconds,
  });
  return { ...builder, build };
};

const drainRequests = () => world.nomad.requests.filter(({ path }) => path.endsWith('/drain')).length;
const deadlineOf = (nodeId: string) => Date.parse(world.nomad.node(nodeId).DrainStrategy?.ForceDeadline ?? '');
/** Kills by the drain: what is told to stop has the time to. */
const killed = () => world.nomad.killed().map(({ allocationId, how }) => ({ allocationId, how }));

describe('a Spot interruption warning', () => {
  it('drains the node at once, until 30 s before EC2 ends the instance', async () => {
    await start();
    const { instanceId, nodeId } = busy();
    const warnedAt = world.clock.now();

    const report = await world.wake(spotWarning(instanceId));

    expect(report).toMatchObject({
      run: 'notice',
      instances: [{ instanceId, group: 'builders', notice: 'spot', nodeId, action: 'start-drain' }],
    });
    expect(report.instances[0]?.because).toContain('EC2 interrupts the Spot instance, and its node drains: build-');
    expect(report.instances[0]?.remaining).toMatchObject([{ job: `build-${nodeId}` }]);
    expect(world.nomad.node(nodeId).Drain).toBe(true);
    expect(deadlineOf(nodeId) - warnedAt).toBeLessThanOrEqual(90 * SECOND);
    expect(deadlineOf(nodeId) - warnedAt).toBeGreaterThan(85 * SECOND);
    expect(world.clock.now() - warnedAt).toBeLessThan(5 * SECOND);
  });

  it('has what is left killed in order before the instance dies, and lets a short build finish', async () => {
    await start();
    const { instanceId, nodeId, build } = busy();
    const [short = ''] = world.nomad.run({ id: 'short', type: 'batch', on: nodeId, runSeconds: 60 });

    await world.wake(spotWarning(instanceId));
    await world.advance(2 * MINUTE);
    world.aws.terminate(instanceId);
    await world.advance(SECOND);

    expect(world.nomad.allocation(short)).toMatchObject({ ClientStatus: 'complete' });
    expect(killed()).toMatchObject([{ allocationId: build, how: 'stopped' }]);
  });

  it('that comes late leaves less time', async () => {
    await start();
    const { instanceId, nodeId } = busy();
    const warning = spotWarning(instanceId);
    const warnedAt = Date.parse(warning.time);
    await world.advance(40 * SECOND);
    await world.wake(warning);
    expect(deadlineOf(nodeId)).toBeLessThanOrEqual(warnedAt + 90 * SECOND);
    expect(deadlineOf(nodeId)).toBeGreaterThan(warnedAt + 85 * SECOND);
  });

  it('whose time says that all of it is over soon forces nothing at once: builds have ten seconds', async () => {
    await start();
    const { instanceId, nodeId, build } = busy();
    const [short = ''] = world.nomad.run({ id: 'short', type: 'batch', on: nodeId, runSeconds: 8 });
    const warning = spotWarning(instanceId);
    await world.advance(100 * SECOND);
    const [late = ''] = world.nomad.run({ id: 'late', type: 'batch', on: nodeId, runSeconds: 6 });
    const report = await world.wake(warning);
    expect(report.instances).toMatchObject([{ action: 'start-drain' }]);
    expect(world.nomad.allocation(build).DesiredStatus).toBe('run');
    await world.advance(15 * SECOND);
    for (const id of [short, late]) expect(world.nomad.allocation(id).ClientStatus).toBe('complete');
    expect(world.nomad.allocation(build).DesiredStatus).toBe('stop');
    expect(world.nomad.node(nodeId)).toMatchObject({ Drain: false, LastDrain: { Status: 'complete' } });
  });

  it('from the future counts as sent now: it is no reason to drain for hours, or to keep the node for years', async () => {
    await start();
    const { instanceId, nodeId } = busy();
    await world.wake({ ...spotWarning(instanceId), time: '2099-01-01T00:00:00Z' });
    expect(deadlineOf(nodeId) - world.clock.now()).toBeLessThanOrEqual(90 * SECOND);
    await world.sweepFor(14 * MINUTE);
    expect(world.nomad.node(nodeId).SchedulingEligibility).toBe('eligible');
  });

  it('older than two minutes drains nothing', async () => {
    await start();
    const { instanceId, nodeId } = busy();
    const warning = spotWarning(instanceId);
    await world.advance(3 * MINUTE);
    expect(await world.wake(warning)).toMatchObject({
      run: 'nothing',
      because: expect.stringContaining('the warning is too old: EC2 was to interrupt the instance 60 s ago'),
    });
    expect(world.nomad.node(nodeId).LastDrain).toBeNull();
  });

  it('of an instance of another group costs one question, and drains nothing', async () => {
    await start({ moreGroups: [] });
    world.aws.addGroup({ name: 'others' });
    const instanceId = world.aws.addInstance('others');
    const { id: nodeId } = world.nomad.addNode({ instanceId });
    const before = world.aws.requests.length;

    const report = await world.wake(spotWarning(instanceId));

    expect(report).toMatchObject({ instances: [], because: `not in the groups served here: ${instanceId}` });
    expect(world.aws.requests.slice(before).map(({ action }) => action)).toEqual(['DescribeAutoScalingInstances']);
    expect(world.nomad.node(nodeId).LastDrain).toBeNull();
  });

  it('is repeated until Nomad answers, as long as the run lasts', async () => {
    await start();
    const { instanceId, nodeId } = busy();
    let silent = 4;
    world.nomad.server.fault = () => (silent-- > 0 ? { status: 500, body: 'No cluster leader' } : undefined);
    await world.wake(spotWarning(instanceId));
    expect(world.nomad.node(nodeId).Drain).toBe(true);
  });

  it('fails its run where Nomad stays silent', async () => {
    await start();
    const { instanceId } = busy();
    world.nomad.server.fault = () => ({ status: 500, body: 'No cluster leader' });
    await expect(world.wake(spotWarning(instanceId))).rejects.toThrow(/1 of 1 instances not served/);
  });

  it('to stop the instance is like one to terminate it; to hibernate it, nothing is drained, and why is said', async () => {
    await start();
    const [stopped, hibernated] = [busy(), busy()];
    await world.wake(spotWarning(stopped.instanceId, world, 'stop'));
    expect(world.nomad.node(stopped.nodeId).Drain).toBe(true);
    expect(await world.wake(spotWarning(hibernated.instanceId, world, 'hibernate'))).toMatchObject({
      run: 'nothing',
      because: expect.stringContaining('EC2 hibernates the instance at once'),
    });
    expect(world.nomad.node(hibernated.nodeId).LastDrain).toBeNull();
  });

  it('is not acted on where that is switched off, and a dry run only says what it would do', async () => {
    await start({ notices: { spot: false } });
    const { instanceId } = busy();
    expect(await world.wake(spotWarning(instanceId))).toMatchObject({ run: 'nothing' });
    await start();
    const other = busy();
    const report = await world.wake({ ...spotWarning(other.instanceId), dryRun: true });
    expect(report.instances).toMatchObject([
      { would: expect.stringContaining('start the drain with a deadline of 90 s') },
    ]);
    expect(world.nomad.node(other.nodeId).LastDrain).toBeNull();
  });
});

describe('a warning that an interruptible capacity reservation is taken back', () => {
  it.each([
    ['by its own time', 180, 150],
    ['two minutes after it, where its own time is past', -60, 90],
    ['two minutes after it, where its own time is years ahead', 1e9, 90],
  ])('has the node drained %s', async (_, endsIn, deadline) => {
    await start();
    const { instanceId, nodeId } = busy();
    const warning = reservationWarning(instanceId, world.clock.now() + endsIn * SECOND);
    const report = await world.wake(warning);
    const because = expect.stringContaining(
      'EC2 takes back the capacity reservation of the instance, and its node drains',
    );
    expect(report.instances).toMatchObject([{ instanceId, notice: 'reservation', action: 'start-drain', because }]);
    const left = (deadlineOf(nodeId) - Date.parse(warning.time)) / SECOND;
    expect(left).toBeLessThanOrEqual(deadline + 1);
    expect(left).toBeGreaterThan(deadline - 5);
  });

  it('is not acted on where Spot warnings are not', async () => {
    await start({ notices: { spot: false } });
    const { instanceId } = busy();
    expect(await world.wake(reservationWarning(instanceId, world.clock.now() + 120 * SECOND))).toMatchObject({
      run: 'nothing',
    });
  });
});

describe('a Spot warning that cannot be acted on at once', () => {
  /** An instance that has booted, and whose agent is not there yet. */
  const booting = () => world.aws.addInstance(GROUP, { market: 'spot' });
  const register = (instanceId: string) =>
    world.nomad.addNode({ instanceId, address: world.aws.instance(instanceId).privateIp }).id;

  it('since its node is not registered yet: the run goes on until it is, and drains it', async () => {
    await start();
    const instanceId = booting();
    let nodeId = '';
    world.clock.after(20 * SECOND, () => {
      nodeId = register(instanceId);
    });
    const warning = spotWarning(instanceId);
    const report = await world.wake(warning);
    expect(report.instances).toMatchObject([{ instanceId, nodeId, action: 'start-drain' }]);
    expect(world.nomad.node(nodeId).SchedulingEligibility).toBe('ineligible');
    expect(world.clock.now() - Date.parse(warning.time)).toBeLessThan(30 * SECOND);
  });

  it('since its agent is away for a moment: it does not come back to take new builds', async () => {
    await start();
    const { instanceId, nodeId } = world.addBuilder();
    world.nomad.stopClient(nodeId);
    await world.advance(MINUTE);
    expect(world.nomad.node(nodeId).Status).toBe('down');
    world.clock.after(20 * SECOND, () => world.nomad.startClient(nodeId));
    expect((await world.wake(spotWarning(instanceId))).instances).toMatchObject([{ action: 'start-drain' }]);
    expect(world.nomad.node(nodeId)).toMatchObject({ Status: 'ready', SchedulingEligibility: 'ineligible' });
  });

  it('is found again by the sweep, once the run that heard it has ended without a failure', async () => {
    await start();
    const instanceId = booting();
    world.aws.interruptSpot(instanceId);
    const endsAt = world.clock.now() + 2 * MINUTE;
    const [report] = await world.deliver();
    expect(report?.instances).toMatchObject([{ action: 'wait', because: expect.stringContaining('no node of it') }]);
    const nodeId = register(instanceId);
    expect(world.clock.now()).toBeLessThan(endsAt - 30 * SECOND);
    await world.wake(SWEEP);
    expect(world.nomad.node(nodeId).Drain).toBe(true);
    expect(deadlineOf(nodeId)).toBeLessThanOrEqual(endsAt - 20 * SECOND);
  });

  it.each(['terminate', 'stop'] as const)('since it was lost: the sweep asks EC2 (%s)', async (action) => {
    await start();
    const [{ instanceId, nodeId }, other] = [busy(), busy()];
    world.aws.deliver = () => [];
    world.aws.interruptSpot(instanceId, action);
    const endsAt = world.clock.now() + 2 * MINUTE;
    await world.advance(10 * SECOND);
    const report = await world.wake(SWEEP);
    expect(report.instances).toMatchObject([{ instanceId, nodeId, notice: 'spot', action: 'start-drain' }]);
    expect(deadlineOf(nodeId)).toBeLessThanOrEqual(endsAt - 30 * SECOND);
    expect(world.nomad.node(other.nodeId).LastDrain).toBeNull();
    await world.sweepFor(4 * MINUTE);
    expect(drainRequests()).toBe(1);
  });
});

describe('EC2 is asked which Spot instances it interrupts', () => {
  const asks = () => world.aws.requests.filter(({ action }) => action === 'DescribeSpotInstanceRequests').length;

  it('once a sweep, and only where that is acted on and somebody is in service', async () => {
    await start();
    await world.wake(SWEEP);
    expect(asks()).toBe(0);
    const { instanceId } = busy();
    world.addBuilder();
    await world.scaleIn(instanceId);
    await world.sweepFor(3 * MINUTE);
    expect(asks()).toBe(3);
    await start({ notices: { spot: false } });
    busy();
    await world.wake(SWEEP);
    expect(asks()).toBe(0);
  });

  it('and nothing depends on it: what it refuses fails no sweep, and is in the log', async () => {
    await start();
    busy();
    world.aws.servers.ec2.fault = ({ body }) =>
      body.includes('DescribeSpotInstanceRequests') ? ec2Error('UnauthorizedOperation', 'denied', 403) : undefined;
    expect(await world.wake(SWEEP)).toMatchObject({ warnings: [] });
    const message = 'EC2 does not list interrupted Spot instances: only warning events report them';
    expect(world.log).toContainEqual(expect.objectContaining({ level: 'warn', message, because: 'denied' }));
  });

  it('and one that lives on long after it should have been interrupted is left alone', async () => {
    await start();
    const { nodeId, instanceId } = busy();
    world.aws.deliver = () => [];
    world.aws.interruptSpot(instanceId, 'terminate', HOUR);
    await world.advance(5 * MINUTE);
    await world.wake(SWEEP);
    expect(world.nomad.node(nodeId).LastDrain).toBeNull();
  });
});

describe('a warning and the lifecycle event of one instance', () => {
  it('meet without a second drain request if the warning comes first', async () => {
    await start();
    const { instanceId, nodeId } = busy();
    await world.wake(spotWarning(instanceId));
    const deadline = deadlineOf(nodeId);
    await world.advance(10 * SECOND);
    await world.scaleIn(instanceId);
    const [report] = await world.deliver();

    expect(report?.instances).toMatchObject([{ instanceId, action: 'wait' }]);
    expect(deadlineOf(nodeId)).toBe(deadline);
    await world.wake(SWEEP);
    expect(drainRequests()).toBe(1);
  });

  it('have the deadline of the drain shortened, and that said, if the warning comes second', async () => {
    await start();
    const { instanceId, nodeId } = busy();
    await world.scaleIn(instanceId);
    await world.deliver();
    expect(deadlineOf(nodeId) - world.clock.now()).toBeGreaterThan(5 * HOUR);
    await world.advance(10 * SECOND);
    const warnedAt = world.clock.now();

    const report = await world.wake(spotWarning(instanceId));

    expect(deadlineOf(nodeId) - warnedAt).toBeLessThanOrEqual(90 * SECOND);
    expect(report.instances).toMatchObject([
      { instanceId, action: 'start-drain', remaining: [{ job: `build-${nodeId}` }] },
    ]);
    const because = 'EC2 interrupts the Spot instance before the current drain would end';
    expect(world.log).toContainEqual(
      expect.objectContaining({ message: 'drain shortened', instanceId, nodeId, because }),
    );
    expect(drainRequests()).toBe(2);

    await world.wake(spotWarning(instanceId));
    expect(drainRequests()).toBe(2);
  });

  it("shorten an operator's drain too, and leave one that ends in time as it is", async () => {
    await start();
    const [long, short] = [busy(), busy()];
    const byHand = (nodeId: string, seconds: number) =>
      fetch(`${world.nomad.url}/v1/node/${nodeId}/drain`, {
        method: 'POST',
        body: JSON.stringify({ DrainSpec: { Deadline: seconds * 1e9 } }),
      });
    await byHand(long.nodeId, 3600);
    await byHand(short.nodeId, 60);
    const [before, now] = [deadlineOf(short.nodeId), world.clock.now()];

    await world.wake(spotWarning(long.instanceId));
    await world.wake(spotWarning(short.instanceId));

    expect(deadlineOf(long.nodeId)).toBeLessThanOrEqual(now + 91 * SECOND);
    expect(deadlineOf(short.nodeId)).toBe(before);
  });

  it('are one wait: the deadline that the warning set does not count against the hook', async () => {
    await start();
    const { instanceId } = busy(30);
    await world.wake(spotWarning(instanceId));
    await world.advance(40 * SECOND);
    await world.scaleIn(instanceId);
    await world.deliver();
    expect(world.outcome(instanceId)).toBe('drained');
  });
});

describe('a Spot instance that is not interrupted after all', () => {
  it('has its node made eligible again after ten minutes', async () => {
    await start();
    const { instanceId, nodeId } = busy(10);
    await world.wake(spotWarning(instanceId));
    await world.sweepFor(11 * MINUTE);
    expect(world.nomad.node(nodeId).SchedulingEligibility).toBe('ineligible');
    await world.sweepFor(3 * MINUTE);
    expect(world.nomad.node(nodeId).SchedulingEligibility).toBe('eligible');
  });
});
