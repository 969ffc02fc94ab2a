import { describe, expect, it } from 'vitest';
import { MINUTE, SECOND, STATUS, SWEEP, UNNAMED } from '../../emulators/world/world.ts';
import { start, world } from './start.ts';

const lifecycleEvent = (instanceId: string, detail: Record<string, string> = {}) => ({
  source: 'aws.autoscaling',
  'detail-type': 'EC2 Instance-terminate Lifecycle Action',
  time: new Date(world.clock.now()).toISOString(),
  detail: {
    AutoScalingGroupName: 'builders',
    LifecycleHookName: 'nomad-drain',
    EC2InstanceId: instanceId,
    LifecycleTransition: 'autoscaling:EC2_INSTANCE_TERMINATING',
    ...detail,
  },
});

describe('an event', () => {
  it('drains nothing while Auto Scaling says that the instance is in service', async () => {
    await start();
    const { instanceId, nodeId } = world.addBuilder();

    const report = await world.wake(lifecycleEvent(instanceId));

    expect(report.instances).toEqual([]);
    expect(world.nomad.node(nodeId)).toMatchObject({ Drain: false, SchedulingEligibility: 'eligible' });
  });

  it('is waited for when it comes before the state that it announces', async () => {
    await start();
    const { instanceId } = world.addBuilder();
    const event = lifecycleEvent(instanceId);
    world.clock.after(2 * SECOND, () => world.aws.scaleIn('builders', [instanceId]));

    const report = await world.wake(event);

    expect(report.instances).toMatchObject([{ instanceId, action: 'start-drain' }]);
    await world.sweepFor(MINUTE);
    expect(world.completion(instanceId)).toMatchObject({ by: 'call' });
  });

  it('of another group or another hook is left alone, and said so', async () => {
    await start();
    const { instanceId, nodeId } = world.addBuilder();
    await world.scaleIn(instanceId);

    const other = await world.wake(lifecycleEvent(instanceId, { LifecycleHookName: 'backup' }));

    expect(other).toMatchObject({ run: 'nothing', because: 'group builders with hook backup is not configured' });
    expect(world.nomad.node(nodeId).Drain).toBe(false);
  });

  it('that is none of ours is no error', async () => {
    await start();
    expect(
      await world.wake({ source: 'aws.ec2', 'detail-type': 'EC2 Spot Instance Interruption Warning' }),
    ).toMatchObject({
      run: 'nothing',
    });
    expect(
      await world.wake(
        lifecycleEvent('i-0123456789abcdef0', { LifecycleTransition: 'autoscaling:EC2_INSTANCE_LAUNCHING' }),
      ),
    ).toMatchObject({ run: 'nothing' });
  });

  it('that is malformed is refused with what is missing', async () => {
    await start();
    const event = { source: 'aws.autoscaling', 'detail-type': 'EC2 Instance-terminate Lifecycle Action', detail: {} };
    await expect(world.wake(event)).rejects.toThrow(
      'the lifecycle event lacks detail.EC2InstanceId, detail.AutoScalingGroupName, detail.LifecycleHookName',
    );
    await expect(world.wake(lifecycleEvent('i-1; drop'))).rejects.toThrow('is not a valid instance id');
    await expect(world.wake({ command: 'destroy' })).rejects.toThrow('unknown command "destroy"');
    await expect(world.wake('hello')).rejects.toThrow('not a JSON object');
  });
});

describe('the sweep', () => {
  it('leaves an instance alone that is launched into the warm pool and waits for another hook', async () => {
    await start({
      group: {
        warmPool: {},
        hooks: [
          { name: 'nomad-drain', heartbeatTimeoutSeconds: 1800 },
          { name: 'bootstrap', transition: 'autoscaling:EC2_INSTANCE_LAUNCHING' },
        ],
      },
    });
    const instanceId = world.aws.launch('builders', { into: 'WarmPool' });
    const { privateIp } = world.aws.instance(instanceId);
    const node = world.nomad.addNode({ instanceId, address: privateIp });
    await world.advance(5 * SECOND);
    expect(world.aws.instance(instanceId).state).toBe('Warmed:Pending:Wait');

    const report = await world.wake(SWEEP);

    expect(report.instances).toMatchObject([{ instanceId, action: 'wait' }]);
    expect(world.nomad.node(node.id).Drain).toBe(false);
  });

  it('does not mind that a drained instance waits for another hook of its group', async () => {
    await start({
      group: {
        hooks: [
          { name: 'nomad-drain', heartbeatTimeoutSeconds: 1800 },
          { name: 'backup', heartbeatTimeoutSeconds: 3600 },
        ],
      },
    });
    const { instanceId } = world.addBuilder();
    await world.scaleIn(instanceId);
    await world.deliver();
    const before = world.log.length;

    await world.sweepFor(3 * MINUTE);

    expect(world.aws.instance(instanceId).state).toBe('Terminating:Wait');
    const loud = world.log
      .slice(before)
      .filter(({ level, message }) => level !== 'debug' && !message.startsWith('run '));
    expect(loud).toEqual([]);
  });

  it('drains an instance that returns to the warm pool, and makes its node eligible when it is back in service', async () => {
    await start({ group: { warmPool: { reuse: true, state: 'Running' } } });
    const { instanceId, nodeId } = world.addBuilder();
    world.nomad.run({ id: 'build', type: 'batch', on: nodeId, runSeconds: 100 });
    await world.scaleIn(instanceId);
    expect(world.aws.instance(instanceId).state).toBe('Warmed:Pending:Wait');

    await world.deliver();
    await world.sweepFor(3 * MINUTE);
    expect(world.completion(instanceId)).toMatchObject({ by: 'call' });
    expect(world.killedBuilds).toEqual([]);
    expect(world.nomad.node(nodeId).SchedulingEligibility).toBe('ineligible');

    await world.sweepFor(2 * MINUTE);
    world.aws.startFromWarmPool(instanceId);
    await world.advance(5 * SECOND);
    expect(world.aws.instance(instanceId).state).toBe('InService');
    await world.sweepFor(MINUTE);
    expect(world.nomad.node(nodeId).SchedulingEligibility).toBe('eligible');
  });

  it('names an instance whose address two nodes have, drains neither, and fails the run after serving the others', async () => {
    await start();
    const twofold = world.addBuilder(UNNAMED);
    const other = world.addBuilder();
    const twin = world.nomad.addNode({ address: world.aws.instance(twofold.instanceId).privateIp });
    await world.scaleIn(twofold.instanceId, other.instanceId);

    await expect(world.wake(SWEEP)).rejects.toThrow(/1 of 2 instances not served: .*more than one node/);

    expect(world.completion(other.instanceId)).toMatchObject({ by: 'call' });
    expect(world.completion(twofold.instanceId)).toBeUndefined();
    for (const id of [twofold.nodeId, twin.id]) expect(world.nomad.node(id).Drain).toBe(false);
    const status = await world.wake(STATUS);
    expect(status.instances).toMatchObject([{ instanceId: twofold.instanceId, action: 'error' }]);
  });

  it('keeps an instance and fails while Nomad does not answer, and drains it when Nomad is back', async () => {
    await start({ heartbeatTimeoutSeconds: 180, policy: { deadlineSeconds: 3600 } });
    const { instanceId, nodeId } = world.addBuilder();
    world.nomad.run({ id: 'build', type: 'batch', on: nodeId, runSeconds: 30 });
    world.nomad.server.fault = () => 'hang-up';
    await world.scaleIn(instanceId);

    await expect(world.wake(world.events.shift())).rejects.toThrow('1 of 1 instances not served');
    for (let minute = 0; minute < 10; minute++) {
      await expect(world.sweepFor(MINUTE)).rejects.toThrow(instanceId);
    }
    expect(world.completion(instanceId)).toBeUndefined();
    expect(world.aws.heartbeats.length).toBeGreaterThanOrEqual(9);

    world.nomad.server.fault = undefined;
    await world.sweepFor(2 * MINUTE);
    expect(world.completion(instanceId)).toMatchObject({ result: 'CONTINUE', by: 'call' });
    expect(world.killedBuilds).toEqual([]);
  });
});

describe('a hook that cannot hold the drain deadline', () => {
  it('gets shorter drains, never lapses, and fails every run so that somebody lengthens it', async () => {
    await start({ heartbeatTimeoutSeconds: 30 });
    const { instanceId, nodeId } = world.addBuilder();
    world.nomad.run({ id: 'build', type: 'batch', on: nodeId, runSeconds: 200 });
    await world.scaleIn(instanceId);

    await expect(world.deliver()).rejects.toThrow('heartbeat timeout 30 s) cannot hold an instance');

    expect(world.nomad.node(nodeId).DrainStrategy?.Deadline).toBeLessThanOrEqual(2_700 * 1e9);
    for (let minute = 0; minute < 5 && !world.completion(instanceId); minute++) {
      await expect(world.sweepFor(MINUTE)).rejects.toThrow('cannot hold');
    }
    expect(world.completion(instanceId)).toMatchObject({ result: 'CONTINUE', by: 'call' });
    expect(world.killedBuilds).toEqual([]);
  });
});

describe('a throttled Auto Scaling', () => {
  it('is asked again until it lets the instance go', async () => {
    await start();
    const { instanceId } = world.addBuilder();
    await world.scaleIn(instanceId);
    let refusals = 3;
    world.aws.servers.autoScaling.fault = ({ body }) => {
      if (!body.includes('Action=CompleteLifecycleAction') || refusals-- <= 0) return undefined;
      return {
        status: 400,
        headers: { 'Content-Type': 'text/xml' },
        body: '<ErrorResponse><Error><Type>Sender</Type><Code>ResourceContention</Code><Message>busy</Message></Error></ErrorResponse>',
      };
    };

    const [report] = await world.deliver();

    expect(report?.instances).toMatchObject([{ action: 'complete', outcome: 'drained' }]);
    expect(world.completion(instanceId)).toMatchObject({ by: 'call' });
  });
});

describe('the log of the deployed function', () => {
  it('is one JSON object a line, and names instance, node and group from the first record on', async () => {
    await start();
    const { instanceId, nodeId } = world.addBuilder();
    await world.scaleIn(instanceId);

    const lines = await world.runAsDeployed(world.events[0]);

    const records = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(records[0]).toMatchObject({ message: 'run started', instanceId, nodeId: '-', group: 'builders' });
    expect(records.find(({ message }) => message === 'instance released')).toMatchObject({
      instanceId,
      nodeId,
      group: 'builders',
      outcome: 'drained',
    });
    expect(records.at(-1)).toMatchObject({ message: 'run ended', instanceId, nodeId, group: 'builders' });
    expect(lines.join()).not.toContain(String(world.events[0]?.detail.LifecycleActionToken));
  });
});
