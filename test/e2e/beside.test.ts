import { describe, expect, it } from 'vitest';
import { failing, silent } from '../../emulators/aws/faults.ts';
import { autoScalingError } from '../../emulators/aws/services.ts';
import type { Fault } from '../../emulators/server.ts';
import { type LogRecord, MINUTE, SECOND, SWEEP } from '../../emulators/world/world.ts';
import { GROUP, HOOK } from '../../emulators/world/world-options.ts';
import { rebalanceRecommendation } from './notice-events.ts';
import { slowly } from './slowly.ts';
import { start, world } from './start.ts';

const calls = (action: string) => world.aws.requests.filter((request) => request.action === action).length;
const refused = autoScalingError('AccessDenied', 'not today');

/** A builder at work whose wait has begun. */
const waiting = async (runSeconds = 7200) => {
  const builder = world.addBuilder();
  world.nomad.run({ id: `build-${builder.nodeId}`, type: 'batch', on: builder.nodeId, runSeconds });
  await world.scaleIn(builder.instanceId);
  return builder;
};

describe('heartbeats', () => {
  it.each([30, 60])(
    'of a hook of %i seconds go on beside a Nomad that takes seconds for each answer',
    async (timeout) => {
      await start({ heartbeatTimeoutSeconds: timeout, policy: { deadlineSeconds: 900 } });
      const builders = Array.from({ length: 60 }, () => world.addBuilder());
      for (const { nodeId } of builders) world.nomad.run({ id: nodeId, type: 'batch', on: nodeId, runSeconds: 7200 });
      world.nomad.server.fault = slowly(world.clock, 4_500);
      await world.advance(MINUTE - (world.clock.now() % MINUTE) - 3 * SECOND);
      await world.scaleIn(...builders.map(({ instanceId }) => instanceId));

      await world.sweepOnFor(8 * MINUTE);

      expect(world.aws.completions).toEqual([]);
    },
  );

  it('follow a hook whose timeout was shortened since the function has read it', async () => {
    await start({ heartbeatTimeoutSeconds: 1800, tellsHeartbeatTimeout: true, policy: { deadlineSeconds: 900 } });
    await waiting();
    await world.deliver();
    await world.sweepOnFor(2 * MINUTE);
    world.aws.addHook(GROUP, { name: HOOK, heartbeatTimeoutSeconds: 60, defaultResult: 'CONTINUE' });
    const { instanceId } = await waiting();
    await world.deliver().catch(() => {});

    await world.sweepOnFor(5 * MINUTE);

    expect(world.completion(instanceId)).toBeUndefined();
  });

  it('keep to the timeout that a wait began with when the hook is lengthened', async () => {
    await start({ heartbeatTimeoutSeconds: 180, policy: { deadlineSeconds: 3600 } });
    const { instanceId } = await waiting();
    await world.deliver();
    await world.sweepOnFor(MINUTE);
    world.aws.addHook(GROUP, { name: HOOK, heartbeatTimeoutSeconds: 7200, defaultResult: 'CONTINUE' });

    await world.sweepOnFor(10 * MINUTE);

    expect(world.completion(instanceId)).toBeUndefined();
  });

  it('that were refused are sent again some seconds later', async () => {
    await start({ heartbeatTimeoutSeconds: 120, policy: { deadlineSeconds: 900 } });
    const { instanceId } = await waiting();
    await world.deliver();
    world.aws.servers.autoScaling.fault = failing({ action: 'RecordLifecycleActionHeartbeat', times: 3 }, refused);

    await world.wake(SWEEP);

    expect(world.aws.heartbeats.length).toBeGreaterThan(0);
    expect(world.completion(instanceId)).toBeUndefined();
  });

  it('go on beside a Nomad that refuses every connection, where sweeps would end early', async () => {
    await start({ heartbeatTimeoutSeconds: 30, policy: { deadlineSeconds: 900 } });
    const { instanceId } = await waiting();
    await world.deliver().catch(() => {});
    world.nomad.server.fault = () => 'hang-up';

    await world.sweepOnFor(10 * MINUTE);

    expect(world.completion(instanceId)).toBeUndefined();
  });
});

describe('a group that Auto Scaling says nothing of', () => {
  const POOL = 'pool';

  it('stops no other: its warm pool alone is not read', async () => {
    await start({ moreGroups: [{ name: POOL, warmPool: { state: 'Running' } }] });
    const { instanceId } = world.addBuilder();
    await world.scaleIn(instanceId);
    world.aws.servers.autoScaling.fault = failing({ action: 'DescribeWarmPool' }, refused);

    await expect(world.wake(SWEEP)).rejects.toThrow(
      'Auto Scaling does not list the waiting instances of group pool: not today',
    );

    expect(world.completion(instanceId)).toMatchObject({ by: 'call' });
  });

  it('stops no other: of two hundred groups half are not read', async () => {
    const moreGroups = Array.from({ length: 199 }, (_, index) => ({ name: `runners-${index}` }));
    await start({ moreGroups });
    const { instanceId } = world.addBuilder();
    await world.scaleIn(instanceId);
    world.aws.servers.autoScaling.fault = failing(
      { action: 'DescribeAutoScalingGroups', group: 'runners-150' },
      refused,
    );

    await expect(world.wake(SWEEP)).rejects.toThrow('does not list the waiting instances of group runners-110');

    expect(world.completion(instanceId)).toMatchObject({ by: 'call' });
  });

  it('is kept waiting as far as the function remembers who waits there', async () => {
    await start({ heartbeatTimeoutSeconds: 180, policy: { deadlineSeconds: 3600 } });
    const { instanceId } = await waiting();
    await world.deliver();
    await world.sweepOnFor(MINUTE);
    world.aws.servers.autoScaling.fault = failing({ action: 'DescribeAutoScalingGroups' }, refused);

    await world.sweepOnFor(10 * MINUTE);

    expect(world.completion(instanceId)).toBeUndefined();
    world.aws.servers.autoScaling.fault = undefined;
    await world.sweepFor(MINUTE);
  });
});

describe('a silent EC2', () => {
  it.each([
    'DescribeAutoScalingGroups',
    'DescribeAutoScalingInstances',
    'DescribeLifecycleHooks',
    'DescribeScalingActivities',
    'RecordLifecycleActionHeartbeat',
  ] as const)('and one refusal of %s end no sweep: a build that ends is seen', async (action) => {
    await start();
    world.aws.servers.ec2.fault = silent();
    const { instanceId, nodeId } = await waiting(20);
    const refuse = failing({ action, times: 1 }, refused);
    let asked = 0;
    world.aws.servers.autoScaling.fault = (request) => (asked++ > 3 ? refuse(request) : undefined);

    await world.wake(SWEEP).catch(() => {});

    expect(world.nomad.node(nodeId).LastDrain?.Status).toBe('complete');
    const ended = world.log.filter(({ message }: LogRecord) => message === 'run ended').at(-1);
    expect(ended?.instances).toMatchObject([{ instanceId }]);
  });
});

describe('connections to AWS that died unheard while the function was frozen', () => {
  it('cost one try, not a sweep', async () => {
    const names = Array.from({ length: 5 }, (_, index) => `runners-${index}`);
    await start({ moreGroups: names.map((name) => ({ name, warmPool: { state: 'Running' as const } })) });
    await world.wake(SWEEP);
    for (const server of Object.values(world.aws.servers)) server.loseConnections();
    const { instanceId } = world.addBuilder();
    await world.scaleIn(instanceId);

    await world.wake(SWEEP);

    expect(world.completion(instanceId)).toMatchObject({ by: 'call' });
  });
});

describe('nodes that are given back', () => {
  const cordoned = async (count: number) => {
    await start({ notices: { rebalance: 'cordon', restoreSeconds: 600 } });
    const builders = Array.from({ length: count }, () => world.addBuilder());
    for (const { instanceId } of builders) await world.wake(rebalanceRecommendation(instanceId));
    await world.advance(11 * MINUTE);
    return builders;
  };

  it('hold up no release: twelve clients that do not answer', async () => {
    await cordoned(12);
    const { instanceId } = world.addBuilder();
    await world.scaleIn(instanceId);
    world.nomad.server.fault = ({ url, method }) =>
      url.pathname === '/v1/client/metadata' && method !== 'GET' ? 'silence' : undefined;
    const before = world.clock.now();

    await world.wake(SWEEP).catch(() => {});

    const { at = Number.POSITIVE_INFINITY } = world.completion(instanceId) ?? {};
    expect(at - before).toBeLessThan(12 * SECOND);
  });

  it('are given back each by itself: one that cannot be read keeps no other', async () => {
    const builders = await cordoned(4);
    const sick = builders[1]?.nodeId ?? '';
    world.nomad.server.fault = ({ url }) =>
      url.pathname === `/v1/node/${sick}` ? { status: 500, body: 'sick' } : undefined;

    await world.wake(SWEEP);

    const eligible = builders.filter(({ nodeId }) => world.nomad.node(nodeId).SchedulingEligibility === 'eligible');
    expect(eligible).toHaveLength(3);
  });

  it('stay drained where an operator has begun another drain in that very second', async () => {
    await start({ notices: { rebalance: 'drain', restoreSeconds: 600 } });
    const { instanceId, nodeId } = world.addBuilder();
    world.nomad.run({ id: 'build', type: 'batch', on: nodeId, runSeconds: 7200 });
    await world.wake(rebalanceRecommendation(instanceId));
    await world.advance(11 * MINUTE);
    const isLookup: Fault = ({ url }) => {
      if (url.pathname !== `/v1/node/${nodeId}`) return undefined;
      world.nomad.server.fault = undefined;
      const drain = { DrainSpec: { Deadline: 0, IgnoreSystemJobs: false }, MarkEligible: false, Meta: { by: 'me' } };
      return fetch(`${world.nomad.url}/v1/node/${nodeId}/drain`, { method: 'POST', body: JSON.stringify(drain) }).then(
        () => undefined,
      );
    };
    world.nomad.server.fault = isLookup;

    await world.sweepFor(2 * MINUTE);

    expect(world.nomad.node(nodeId)).toMatchObject({ Drain: true, LastDrain: { Meta: { by: 'me' } } });
  });

  it('stay ineligible while a killed build still stops: Nomad would start a second copy of it', async () => {
    await start({
      version: '1.8.4',
      notices: { rebalance: 'drain', restoreSeconds: 600 },
      policy: { deadlineSeconds: 570, killMarginSeconds: 300 },
    });
    const { instanceId, nodeId } = world.addBuilder();
    const build = {
      id: 'build',
      type: 'batch',
      on: nodeId,
      runSeconds: 7200,
      killTimeoutSeconds: 200,
      stopSeconds: 200,
    };
    world.nomad.run(build as never);
    await world.wake(rebalanceRecommendation(instanceId));

    await world.sweepFor(12 * MINUTE);
    expect(world.nomad.node(nodeId).SchedulingEligibility).toBe('ineligible');

    await world.sweepFor(4 * MINUTE);
    expect(world.nomad.node(nodeId).SchedulingEligibility).toBe('eligible');
    expect(world.nomad.processes().length).toBeLessThanOrEqual(1);
  });
});

describe('an instance that is launched into the warm pool under a launching hook', () => {
  it('costs a few calls, and keeps no sweep awake', async () => {
    await start({
      group: {
        warmPool: {},
        hooks: [
          { name: HOOK, heartbeatTimeoutSeconds: 1800 },
          { name: 'bootstrap', transition: 'autoscaling:EC2_INSTANCE_LAUNCHING' },
        ],
      },
    });
    for (let index = 0; index < 20; index++) {
      const instanceId = world.aws.launch(GROUP, { into: 'WarmPool' });
      world.nomad.addNode({ instanceId, address: world.aws.instance(instanceId).privateIp });
    }
    await world.advance(5 * SECOND);
    const before = world.clock.now();

    await world.wake(SWEEP);

    expect(world.clock.now() - before).toBeLessThan(15 * SECOND);
    expect(calls('RecordLifecycleActionHeartbeat')).toBeLessThanOrEqual(40);
  });
});
