import { CompleteLifecycleActionCommand } from '@aws-sdk/client-auto-scaling';
import { describe, expect, it } from 'vitest';
import { connect } from '../../emulators/aws/clients.ts';
import { autoScalingError } from '../../emulators/aws/services.ts';
import type { JobSpec } from '../../emulators/nomad/scheduler/jobs.ts';
import type { Fault, Loopback } from '../../emulators/server.ts';
import { HOUR, MINUTE, SECOND, SWEEP } from '../../emulators/world/world.ts';
import { GROUP, HOOK, type WorldOptions } from '../../emulators/world/world-options.ts';
import { start, world } from './start.ts';

const calls = (action: string) => world.aws.requests.filter((request) => request.action === action).length;

const cancelDrain = (nodeId: string) =>
  fetch(`${world.nomad.url}/v1/node/${nodeId}/drain`, {
    method: 'POST',
    body: JSON.stringify({ DrainSpec: null, MarkEligible: true }),
  });

/** A drain that looks like one of ours, of an instance that does not wait. */
const drainAsOurs = ({ instanceId, nodeId }: { instanceId: string; nodeId: string }) =>
  fetch(`${world.nomad.url}/v1/node/${nodeId}/drain`, {
    method: 'POST',
    body: JSON.stringify({
      DrainSpec: { Deadline: 3_600_000_000_000 },
      MarkEligible: false,
      Meta: { drained_by: 'nomad-drain-hook', aws_instance_id: instanceId },
    }),
  });

describe('an event', () => {
  it('of an idle instance lets it go once its node has been ineligible for three seconds', async () => {
    await start();
    const { instanceId } = world.addBuilder();
    await world.scaleIn(instanceId);
    const delivered = world.clock.now();

    await world.deliver();

    const waited = (world.completion(instanceId)?.at ?? 0) - delivered;
    expect(waited).toBeGreaterThanOrEqual(3 * SECOND);
    expect(waited).toBeLessThanOrEqual(3.5 * SECOND);
  });

  it('of an instance with a build costs a few questions, and no more where its run lasts', async () => {
    await start();
    const { nodeId, instanceId } = world.addBuilder();
    world.nomad.run({ id: 'build', type: 'batch', on: nodeId, runSeconds: 600 });
    await world.scaleIn(instanceId);
    const delivered = world.clock.now();
    const before = world.nomad.requests.length;

    await world.deliver();

    const inFirstSecond = world.nomad.requests.slice(before).filter(({ at }) => at < delivered + SECOND);
    expect(inFirstSecond.length).toBeLessThanOrEqual(12);
    expect(world.nomad.requests.length - before).toBeLessThanOrEqual(15);
  });
});

/** Who is asked first answers only when all of these have been asked, each its first question. */
const answerTogether = (servers: Record<string, Loopback>) => {
  const asked = new Set<string>();
  const all = Promise.withResolvers<void>();
  for (const [name, server] of Object.entries(servers)) {
    server.fault = async (request) => {
      if (asked.has(name)) return undefined;
      asked.add(name);
      if (asked.size === Object.keys(servers).length) all.resolve();
      request.park();
      await all.promise;
      request.resume();
      return undefined;
    };
  }
};

describe('before the drain of an event is asked for', () => {
  it('a warm function asks Auto Scaling, EC2 and Nomad at the same time, and then Nomad for the node and its leader', async () => {
    await start({ acl: true, nomad: { token: { parameter: '/nomad/token' } } });
    world.nomad.policy('drainer', 'node { policy = "write" }\nnamespace "*" { capabilities = ["read-job"] }');
    world.aws.putParameter('/nomad/token', world.nomad.token({ policies: ['drainer'] }), 'SecureString');
    await world.scaleIn(world.addBuilder().instanceId);
    await world.deliver();
    await world.advance(2 * MINUTE);
    const { instanceId, nodeId } = world.addBuilder();
    world.nomad.run({ id: 'build', type: 'batch', on: nodeId, runSeconds: 600 });
    await world.scaleIn(instanceId);
    const { autoScaling, ec2 } = world.aws.servers;
    answerTogether({ autoScaling, ec2, nomad: world.nomad.server });
    const [ofNomad, ofAws] = [world.nomad.requests.length, world.aws.requests.length];

    await world.deliver();

    const paths = world.nomad.requests.slice(ofNomad).map(({ path }) => path);
    const drain = `/v1/node/${nodeId}/drain`;
    const before = ['/v1/nodes', `/v1/node/${nodeId}`, '/v1/status/leader'];
    expect(paths.slice(0, paths.indexOf(drain) + 1)).toEqual([...before, drain]);
    const actions = world.aws.requests.slice(ofAws).map(({ action }) => action);
    const describes = actions.filter((action) => action.startsWith('Describe'));
    expect(describes.slice(0, 2).toSorted()).toEqual(['DescribeAutoScalingInstances', 'DescribeInstances']);
    // The hook only once the drain is on: it may be shorter by now than the configuration says.
    expect(describes.slice(2)).toEqual(['DescribeLifecycleHooks']);
  });
});

describe('a sweep that is awake', () => {
  /** One builder whose build ends in the third minute. */
  const drainOne = async (runSeconds: number, options: WorldOptions = {}, job: Partial<JobSpec> = {}) => {
    await start(options);
    const builder = world.addBuilder();
    world.nomad.run({ id: 'build', type: 'batch', on: builder.nodeId, runSeconds, ...job });
    await world.scaleIn(builder.instanceId);
    await world.deliver();
    return builder;
  };
  /** Milliseconds from when Nomad heard of the end of the build until the instance was let go. */
  const sinceEnd = ({ instanceId, nodeId }: { instanceId: string; nodeId: string }) => {
    const [build] = world.nomad.allocationsOn(nodeId);
    return (world.completion(instanceId)?.at ?? Number.NaN) - (build?.ModifyTime ?? 0) / 1e6;
  };

  it('lets an instance go the moment that Nomad says that it is drained', async () => {
    const builder = await drainOne(150);

    await world.sweepFor(4 * MINUTE);

    expect(sinceEnd(builder)).toBeLessThanOrEqual(50);
  });

  it('lets an instance go the moment that Nomad says that a killed build has stopped', async () => {
    const policy = { deadlineSeconds: 150, killMarginSeconds: 60 };
    const builder = await drainOne(3600, { policy }, { stopSeconds: 17.3, killTimeoutSeconds: 20 });

    await world.sweepFor(4 * MINUTE);

    expect(sinceEnd(builder)).toBeLessThanOrEqual(50);
  });

  it('does not go by what Nomad said before it fell silent', async () => {
    const builder = await drainOne(3600, { heartbeatTimeoutSeconds: 120, policy: { deadlineSeconds: 7200 } });
    const [build] = world.nomad.allocationsOn(builder.nodeId);
    const other = world.addBuilder();
    await world.sweepFor(2 * MINUTE);
    let asked = 0;
    world.nomad.server.fault = ({ url }) => (url.searchParams.has('index') && asked++ > 0 ? 'silence' : undefined);
    const began = world.clock.now();
    world.clock.after(5 * SECOND, () => world.nomad.run({ id: 'other', on: other.nodeId, type: 'service' }));
    world.clock.after(10 * SECOND, () => world.nomad.finish(build?.ID ?? ''));

    await world.wake(SWEEP);

    expect((world.completion(builder.instanceId)?.at ?? Number.NaN) - began).toBeLessThanOrEqual(45 * SECOND);
  });

  it('asks a busy cluster once a second, and is at most that late', async () => {
    const builder = await drainOne(150);
    const other = world.addBuilder();
    let builds = 0;
    const another = () => {
      world.nomad.run({ id: `other-${++builds}`, type: 'batch', on: other.nodeId, runSeconds: 1 });
      if (!world.completion(builder.instanceId)) world.clock.after(200, another);
    };
    another();
    const before = world.nomad.requests.length;

    await world.sweepFor(2 * MINUTE);

    expect(world.nomad.requests.length - before).toBeLessThanOrEqual(2 * 60 + 60);
    await world.sweepFor(2 * MINUTE);
    expect(sinceEnd(builder)).toBeLessThanOrEqual(1_500);
  });
});

describe('a sweep that is awake for one instance while the event of another comes', () => {
  /** One instance drains for an hour, and sweeps have been awake for it. */
  const startAwake = async (options: WorldOptions = {}) => {
    await start(options);
    const { instanceId, nodeId } = world.addBuilder();
    world.nomad.run({ id: 'long', type: 'batch', on: nodeId, runSeconds: 3600 });
    await world.scaleIn(instanceId);
    await world.deliver();
    await world.sweepFor(2 * MINUTE);
    world.wakeByEvents();
  };
  /** An instance that has to go in a while, in seconds, and whose build ends some seconds later. */
  const goesIn = (second: number, endsIn: number) => {
    const builder = world.addBuilder();
    world.nomad.run({ id: builder.nodeId, type: 'batch', on: builder.nodeId, runSeconds: endsIn });
    const ends = world.clock.now() + endsIn * SECOND;
    world.clock.after(second * SECOND, () => world.aws.scaleIn(GROUP, [builder.instanceId]));
    return { ...builder, ends };
  };
  const afterEnd = ({ instanceId, ends }: { instanceId: string; ends: number }) =>
    (world.completion(instanceId)?.at ?? Number.POSITIVE_INFINITY) - ends;

  it('lets it go at once when its build has ended', async () => {
    await startAwake();
    const builder = goesIn(8, 20);
    const before = calls('DescribeAutoScalingGroups');

    await world.wake(SWEEP);

    expect(afterEnd(builder)).toBeLessThanOrEqual(500);
    expect(calls('DescribeAutoScalingGroups') - before).toBeLessThanOrEqual(6);
  });

  it('asks who waits every ten seconds at the most, however many come, and lets all go within that time', async () => {
    await startAwake();
    const builders = Array.from({ length: 20 }, (_, second) => goesIn(5 + second, 14 + second));
    const before = calls('DescribeAutoScalingGroups');

    await world.wake(SWEEP);

    for (const builder of builders) expect(afterEnd(builder)).toBeLessThanOrEqual(10 * SECOND);
    expect(calls('DescribeAutoScalingGroups') - before).toBeLessThanOrEqual(6);
    expect(world.failed).toEqual([]);
  });

  it('goes on with those it knows where Auto Scaling does not say who else waits, and asks again', async () => {
    await startAwake();
    const builder = goesIn(8, 20);
    const until = world.clock.now() + 15 * SECOND;
    let asked = 0;
    world.aws.servers.autoScaling.fault = ({ body }) => {
      if (!body.includes('Action=DescribeAutoScalingGroups')) return undefined;
      asked += 1;
      return asked > 1 && world.clock.now() < until ? autoScalingError('AccessDenied', 'denied', 403) : undefined;
    };

    const report = await world.wake(SWEEP);

    expect(asked).toBeGreaterThan(2);
    expect(report.instances).toMatchObject([{ action: 'wait' }, { action: 'complete' }]);
    expect(afterEnd(builder)).toBeLessThanOrEqual(500);
  });

  it('does not ask again and again about one that is drained and does not wait', async () => {
    await startAwake();
    const builder = world.addBuilder();
    world.nomad.run({ id: 'build', type: 'batch', on: builder.nodeId, runSeconds: 600 });
    world.clock.after(10 * SECOND, () => void drainAsOurs(builder));
    const before = calls('DescribeAutoScalingGroups');

    await world.wake(SWEEP);

    expect(world.nomad.node(builder.nodeId).LastDrain).not.toBeNull();
    expect(calls('DescribeAutoScalingGroups') - before).toBeLessThanOrEqual(6);
  });
});

describe('an instance whose event comes while no sweep is awake', () => {
  it('is left to the next sweep after five seconds: a storm of events holds no connections', async () => {
    await start();
    const builder = world.addBuilder();
    world.nomad.run({ id: 'build', type: 'batch', on: builder.nodeId, runSeconds: 40 });
    await world.scaleIn(builder.instanceId);
    const began = world.clock.now();

    await world.deliver();

    expect(world.clock.now() - began).toBeLessThanOrEqual(5 * SECOND);
    expect(world.completion(builder.instanceId)).toBeUndefined();
    await world.sweepFor(MINUTE);
    expect(world.completion(builder.instanceId)).toMatchObject({ by: 'call' });
  });
});

describe('an hour in which a hundred nodes drain', () => {
  it('costs Nomad at most 480 requests, and AWS one of each question a sweep, and every sweep says what is waited for', async () => {
    await start();
    const builders = Array.from({ length: 100 }, () => world.addBuilder());
    for (const { nodeId } of builders) {
      world.nomad.run({ id: `b-${nodeId}`, type: 'batch', on: nodeId, runSeconds: 3 * 3600 });
    }
    world.aws.deliver = () => [];
    await world.scaleIn(...builders.map(({ instanceId }) => instanceId));
    await world.sweepFor(2 * MINUTE);
    const questions = ['DescribeAutoScalingGroups', 'DescribeInstances', 'DescribeScalingActivities'];
    const [groups = 0, instances = 0, activities = 0] = questions.map(calls);
    const began = world.clock.now();

    await world.sweepFor(HOUR);

    expect(world.nomad.requests.filter(({ at }) => at >= began).length).toBeLessThanOrEqual(480);
    expect(calls('DescribeAutoScalingGroups') - groups).toBe(60);
    expect(calls('DescribeInstances') - instances).toBe(60);
    // A page of them has a hundred.
    expect(calls('DescribeScalingActivities') - activities).toBeLessThanOrEqual(120);
    const last = world.reports.at(-1)?.instances ?? [];
    expect(last.filter(({ because }) => /^the drain waits for 1 allocation: b-/.test(because))).toHaveLength(100);
  });
});

describe('a sweep that goes on for most of its minute', () => {
  it('drains no node whose instance has come back into service meanwhile', async () => {
    await start();
    const { instanceId, nodeId } = world.addBuilder();
    world.nomad.run({ id: 'build', type: 'batch', on: nodeId, runSeconds: 600 });
    world.aws.replaceRootVolume(instanceId);
    await world.advance(5 * SECOND);
    await world.deliver();
    const { autoScaling } = connect(world.aws);
    const action = { AutoScalingGroupName: GROUP, LifecycleHookName: HOOK, InstanceId: instanceId };
    const complete = new CompleteLifecycleActionCommand({ ...action, LifecycleActionResult: 'CONTINUE' });
    const states: unknown[] = [];
    const began = world.clock.now();
    world.clock.after(10 * SECOND, () => void autoScaling.send(complete));
    world.clock.after(40 * SECOND, () => {
      states.push(world.aws.instance(instanceId).state);
      void cancelDrain(nodeId);
    });

    await world.wake(SWEEP);

    expect(states).toEqual(['InService']);
    expect(world.nomad.requests.filter(({ path, at }) => path.endsWith('/drain') && at > began)).toHaveLength(1);
    expect(world.nomad.node(nodeId).SchedulingEligibility).toBe('eligible');
  });
});

describe('an instance that is empty after a long drain', () => {
  const waitAfterEmpty = async (runSeconds: number, fault?: Fault) => {
    await start();
    world.nomad.server.fault = fault;
    const { instanceId, nodeId } = world.addBuilder();
    world.nomad.run({ id: 'build', type: 'batch', on: nodeId, runSeconds });
    const ends = world.clock.now() + runSeconds * SECOND;
    await world.scaleIn(instanceId);
    await world.deliver();
    await world.sweepFor(runSeconds * SECOND + 2 * MINUTE);
    return (world.completion(instanceId)?.at ?? Number.POSITIVE_INFINITY) - ends;
  };

  for (const second of [3, 20, 40, 57, 59]) {
    it(`goes within five seconds, where its build ends in second ${second} of a minute`, async () => {
      expect(await waitAfterEmpty(3600 + second)).toBeLessThanOrEqual(5 * SECOND);
    });
  }

  it('goes within some five seconds where blocking queries fail', async () => {
    const fails: Fault = ({ url }) => (url.searchParams.has('index') ? { status: 504, body: 'a proxy' } : undefined);
    expect(await waitAfterEmpty(3630, fails)).toBeLessThanOrEqual(6 * SECOND);
  });
});
