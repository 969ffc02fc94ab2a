import { describe, expect, it } from 'vitest';
import { ec2Error } from '../../emulators/aws/services.ts';
import { jobOf } from '../../emulators/nomad/scheduler/jobs.ts';
import type { Fault } from '../../emulators/server.ts';
import { HOUR, MINUTE, SECOND, SWEEP, UNNAMED } from '../../emulators/world/world.ts';
import { start, world } from './start.ts';

const EVERYTHING = 'node { policy = "write" }\nnamespace "*" { capabilities = ["read-job"] }';
const ONE_NAMESPACE = 'node { policy = "write" }\nnamespace "ci" { capabilities = ["read-job"] }';

const ago = (ms: number) => new Date(world.clock.now() - ms).toISOString();

/** Drains a node by another tool, or another deployment of this one. */
const drainAs = (nodeId: string, Meta: Record<string, string> | null, seconds = 3600) =>
  fetch(`${world.nomad.url}/v1/node/${nodeId}/drain`, {
    method: 'POST',
    body: JSON.stringify({ DrainSpec: { Deadline: seconds * 1e9 }, MarkEligible: false, Meta }),
  });

/** The agent of an instance restarts, and its EC2 fingerprint fails: it is at an address that EC2 does not know. */
const loseFingerprint = (nodeId: string, address = '172.17.0.9') => {
  const node = world.nomad.node(nodeId);
  delete node.Attributes['unique.platform.aws.instance-id'];
  node.Attributes['unique.network.ip-address'] = address;
  node.HTTPAddr = `${address}:4646`;
};

const processesEnded = () => world.killedBuilds.filter(({ how }) => how === 'instance-died');

describe('an empty list of allocations', () => {
  it('counts only once the node has been ineligible for three seconds: what was planned before is waited for', async () => {
    await start();
    const { instanceId, nodeId } = world.addBuilder();
    world.nomad.planGapMs = 800;
    await world.scaleIn(instanceId);
    const jobs = Array.from({ length: 4 }, (_, index) => ({ id: `late-${index}`, type: 'batch' as const, on: nodeId }));
    for (const job of jobs) world.nomad.register(jobOf({ ...job, runSeconds: 90 }));

    await world.deliver();
    expect(world.nomad.allocationsOn(nodeId)).toHaveLength(4);
    expect(world.completion(instanceId)).toBeUndefined();

    await world.sweepFor(3 * MINUTE);
    expect(world.completion(instanceId)).toMatchObject({ by: 'call' });
    expect(processesEnded()).toEqual([]);
  });

  it('does not count just because the node was drained by somebody else a moment ago', async () => {
    await start();
    const { instanceId, nodeId } = world.addBuilder();
    world.nomad.planGapMs = 800;
    await world.scaleIn(instanceId);
    world.nomad.register(jobOf({ id: 'late', type: 'batch', on: nodeId, runSeconds: 90 }));
    await drainAs(nodeId, null);

    await world.deliver();
    await world.sweepFor(3 * MINUTE);
    expect(world.completion(instanceId)).toMatchObject({ by: 'call' });
    expect(processesEnded()).toEqual([]);
  });

  it('counts at once where the node has been ineligible for long, whoever made it so', async () => {
    await start();
    const { instanceId, nodeId } = world.addBuilder();
    await drainAs(nodeId, null);
    await world.advance(MINUTE);
    await world.scaleIn(instanceId);
    const delivered = world.clock.now();

    await world.deliver();

    expect((world.completion(instanceId)?.at ?? Number.NaN) - delivered).toBeLessThanOrEqual(SECOND);
  });

  it('does not count while Nomad works on an evaluation from before, for a minute at the most', async () => {
    await start();
    const { instanceId, nodeId } = world.addBuilder();
    world.nomad.planGapMs = 25 * SECOND;
    await world.scaleIn(instanceId);
    world.nomad.register(jobOf({ id: 'slow', type: 'batch', on: nodeId, runSeconds: 30 }));

    await world.deliver();
    await world.sweepFor(3 * MINUTE);

    expect(world.nomad.allocationsOn(nodeId)).toMatchObject([{ ClientStatus: 'complete' }]);
    expect(processesEnded()).toEqual([]);
    expect(world.completion(instanceId)).toMatchObject({ by: 'call' });
  });
});

describe('an HTTP status', () => {
  /** A failed build uploads its artifacts for two minutes. */
  const uploading = async () => {
    await start();
    const { instanceId, nodeId } = world.addBuilder();
    world.nomad.run({ id: 'build', type: 'batch', on: nodeId, runSeconds: 1, exitCode: 1, poststopSeconds: 120 });
    await world.scaleIn(instanceId);
    await world.deliver();
    return { instanceId, nodeId };
  };
  const notFound = { status: 404, body: '404 page not found', headers: { 'Content-Type': 'text/plain' } };

  it('404 of a load balancer says nothing of a node', async () => {
    const { instanceId, nodeId } = await uploading();
    let asked = 0;
    world.nomad.server.fault = ({ url }) => {
      if (url.pathname !== `/v1/node/${nodeId}` && url.pathname !== `/v1/node/${nodeId}/allocations`) return undefined;
      asked += 1;
      return notFound;
    };

    await expect(world.wake(SWEEP)).rejects.toThrow('404 page not found');

    expect(asked).toBeGreaterThan(0);
    expect(world.completion(instanceId)).toBeUndefined();
  });

  const hollow: Fault = ({ url, method }) => {
    if (method !== 'GET') return undefined;
    const headers = { 'X-Nomad-Index': '0', 'X-Nomad-Knownleader': 'false', 'Content-Type': 'application/json' };
    if (/^\/v1\/(nodes|allocations|evaluations)$|\/allocations$/.test(url.pathname)) {
      return { status: 200, headers, body: '[]' };
    }
    return /^\/v1\/node\//.test(url.pathname) ? { status: 404, headers, body: 'node not found' } : undefined;
  };

  it('200 of an agent that shuts down, and knows no leader, says nothing of anything', async () => {
    const { instanceId } = await uploading();
    world.nomad.server.fault = hollow;

    await expect(world.wake(SWEEP)).rejects.toThrow('the agent that answered knows no leader');
    await world.sweepFor(10 * MINUTE).catch(() => {});

    expect(world.completion(instanceId)).toBeUndefined();
  });

  it('200 of such an agent to the request for a drain is no drain: it is asked for again', async () => {
    await start();
    const { instanceId, nodeId } = world.addBuilder();
    world.nomad.run({ id: 'build', type: 'batch', on: nodeId, runSeconds: 90 });
    await world.scaleIn(instanceId);
    world.nomad.hollow = ({ method }) => method !== 'GET';

    await expect(world.deliver()).rejects.toThrow('no leader has accepted the request');
    expect(world.nomad.node(nodeId).LastDrain).toBeNull();

    world.nomad.hollow = false;
    await world.sweepFor(3 * MINUTE);
    expect(world.completion(instanceId)).toMatchObject({ by: 'call' });
    expect(processesEnded()).toEqual([]);
  });

  it('200 without the headers that say who answers says nothing either, and tells a person which they are', async () => {
    const { instanceId } = await uploading();
    world.nomad.server.fault = ({ url }) =>
      url.pathname.endsWith('/allocations') || url.pathname === '/v1/nodes' ? { status: 200, body: '[]' } : undefined;

    await expect(world.wake(SWEEP)).rejects.toThrow('a proxy in front of Nomad must forward its response headers');

    expect(world.completion(instanceId)).toBeUndefined();
  });
});

describe('what the token may see', () => {
  const withToken = async () => {
    await start({ acl: true, nomad: { token: { parameter: '/nomad/token' } }, policy: { killMarginSeconds: 300 } });
    world.nomad.namespace('ci');
    world.nomad.policy('drainer', EVERYTHING);
    world.nomad.policy('narrow', ONE_NAMESPACE);
    const token = world.nomad.token({ policies: ['drainer'] });
    world.aws.putParameter('/nomad/token', token, 'SecureString');
    const { instanceId, nodeId } = world.addBuilder();
    world.nomad.run({ id: 'build', type: 'batch', on: nodeId, runSeconds: 900 });
    await world.scaleIn(instanceId);
    await world.deliver();
    await world.sweepFor(2 * MINUTE);
    return { instanceId, nodeId, token };
  };

  it('is read anew before a release: the policy was narrowed since a warm function read it', async () => {
    const { instanceId } = await withToken();
    world.nomad.policy('drainer', ONE_NAMESPACE);

    await world.sweepFor(2 * MINUTE);

    expect(world.completion(instanceId)).toBeUndefined();
    expect(world.reports.at(-1)?.warnings.join()).toContain('the Nomad token is too narrow');
  });

  it('is read anew in the middle of a sweep, which has read it when it began', async () => {
    const { instanceId, nodeId } = await withToken();
    const [build = ''] = world.nomad.allocationsOn(nodeId).map(({ ID }) => ID);
    world.clock.after(10 * SECOND, () => world.nomad.policy('drainer', ONE_NAMESPACE));
    world.clock.after(15 * SECOND, () =>
      world.nomad.run({ id: 'elsewhere', type: 'batch', on: world.addBuilder().nodeId }),
    );
    await world.sweepFor(MINUTE);

    expect(world.nomad.allocation(build).ClientStatus).toBe('running');
    expect(world.completion(instanceId)).toBeUndefined();
  });

  it('is read by the token that reads the lists: it was rotated to a narrower one, and the old one revoked', async () => {
    const { instanceId, token } = await withToken();
    world.aws.putParameter('/nomad/token', world.nomad.token({ policies: ['narrow'] }), 'SecureString');
    world.nomad.revoke(token);

    await world.sweepFor(2 * MINUTE);

    expect(world.completion(instanceId)).toBeUndefined();
  });

  it('is not known where a policy cannot be read: it may deny', async () => {
    const { instanceId } = await withToken();
    world.nomad.server.fault = ({ url }) =>
      url.pathname.startsWith('/v1/acl/policy/') ? { status: 404, body: '404 page not found' } : undefined;

    await world.sweepFor(MINUTE);

    expect(world.reports.at(-1)?.warnings.join()).toContain('cannot be read and may deny');
    expect(world.completion(instanceId)).toBeUndefined();
  });
});

describe('a node that no longer says which instance it is', () => {
  it('is the one that was drained for the instance: its upload is waited for', async () => {
    await start();
    const { instanceId, nodeId } = world.addBuilder();
    world.nomad.run({ id: 'build', type: 'batch', on: nodeId, runSeconds: 40, exitCode: 1, poststopSeconds: 300 });
    await world.scaleIn(instanceId);
    await world.deliver();
    loseFingerprint(nodeId);
    await world.coldStart();

    await world.sweepFor(4 * MINUTE);
    expect(world.completion(instanceId)).toBeUndefined();

    await world.sweepFor(4 * MINUTE);
    expect(world.outcome(instanceId)).toBe('drained');
    expect(processesEnded()).toEqual([]);
  });

  it('is looked for beside one that has only just lost its agent, and still seems to live', async () => {
    await start();
    const { instanceId, nodeId } = world.addBuilder();
    await world.scaleIn(instanceId);
    await drainAs(nodeId, null);
    await world.advance(15 * SECOND);
    const anew = world.newIdentity(instanceId);
    delete world.nomad.node(anew).Attributes['unique.platform.aws.instance-id'];
    world.nomad.run({ id: 'build', type: 'batch', on: anew, runSeconds: 200 });
    expect(world.nomad.node(nodeId).Status).toBe('ready');

    await world.deliver();
    await world.sweepFor(6 * MINUTE);

    expect(world.completion(instanceId)).toMatchObject({ by: 'call' });
    expect(processesEnded()).toEqual([]);
  });

  it('is looked for by its name beside one that still seems to live, where it has no address that EC2 knows', async () => {
    await start();
    const { instanceId, nodeId } = world.addBuilder();
    const { id } = world.nomad.newIdentity(nodeId, { withoutFingerprint: true, address: '10.66.0.1' });
    world.nomad.run({ id: 'build', type: 'batch', on: id, runSeconds: 3600 });
    await world.scaleIn(instanceId);

    const failures: string[] = [];
    const note = (error: Error) => void failures.push(error.message);
    await world.deliver().catch(note);
    expect(world.nomad.node(nodeId).Status).toBe('ready');
    await world.sweepFor(10 * MINUTE).catch(note);

    expect(failures.join()).toContain(`its agent may have just come back as node client-1 (${id})`);
    expect(world.completion(instanceId)).toBeUndefined();
  });

  it('is not looked for for longer than Nomad takes to miss a client: another of its name is another', async () => {
    await start();
    const { instanceId, nodeId } = world.addBuilder();
    const { Name: name } = world.nomad.node(nodeId);
    await world.scaleIn(instanceId);
    world.nomad.addNode({ name, address: '10.66.0.1' });

    await world.deliver().catch(() => {});
    await world.sweepOnFor(4 * MINUTE);
    expect(world.completion(instanceId)).toBeUndefined();

    await world.sweepOnFor(3 * MINUTE);
    expect(world.outcome(instanceId)).toBe('drained');
  });

  it('is not taken for another of its name that has the address of another instance, however lately that has joined', async () => {
    await start();
    const { instanceId, nodeId } = world.addBuilder(UNNAMED);
    world.nomad.node(nodeId).Name = 'client';
    await world.scaleIn(instanceId);
    world.addBuilder({ ...UNNAMED, name: 'client' });

    await world.deliver();
    await world.sweepFor(2 * MINUTE);

    expect(world.outcome(instanceId)).toBe('drained');
  });

  it('is looked for by its addresses, which only EC2 knows, where all that is known of it is down', async () => {
    await start();
    const { instanceId, nodeId } = world.addBuilder();
    const anew = world.newIdentity(instanceId);
    delete world.nomad.node(anew).Attributes['unique.platform.aws.instance-id'];
    world.nomad.run({ id: 'build', type: 'batch', on: anew, runSeconds: 300 });
    await world.advance(MINUTE);
    expect(world.nomad.node(nodeId).Status).toBe('down');
    world.aws.servers.ec2.fault = () => ec2Error('RequestLimitExceeded', 'busy', 503);
    await world.scaleIn(instanceId);

    await world.deliver().catch(() => {});
    await world.sweepFor(2 * MINUTE).catch(() => {});
    expect(world.completion(instanceId)).toBeUndefined();

    world.aws.servers.ec2.fault = undefined;
    await world.sweepFor(6 * MINUTE);
    expect(world.completion(instanceId)).toMatchObject({ by: 'call' });
    expect(processesEnded()).toEqual([]);
  });
});

describe('an instance that Nomad seems not to have', () => {
  const unattributed = async (options: Parameters<typeof start>[0] = {}) => {
    await start(options);
    const { instanceId, nodeId } = world.addBuilder();
    loseFingerprint(nodeId);
    world.nomad.run({ id: 'build', type: 'batch', on: nodeId, runSeconds: 3600 });
    await world.advance(3 * HOUR);
    await world.scaleIn(instanceId);
    return { instanceId, nodeId };
  };

  it('is kept while a live node may be it, and a person is told which node, and what to set', async () => {
    const { instanceId, nodeId } = await unattributed();

    await world.deliver().catch(() => {});
    const failure = await world.sweepFor(5 * MINUTE).catch((error: Error) => error.message);

    expect(failure).toContain(`any of these nodes may be it: client-1 (${nodeId})`);
    expect(failure).toContain('outsideEc2');
    expect(world.completion(instanceId)).toBeUndefined();
  });

  it('is released after the grace where every live node is somebody else', async () => {
    await start();
    const others = [world.addBuilder(), world.addBuilder(UNNAMED)];
    const { instanceId, nodeId } = world.addBuilder();
    world.nomad.removeNode(nodeId);
    await world.scaleIn(instanceId);

    await world.deliver();
    await world.sweepFor(4 * MINUTE);

    expect(others).toHaveLength(2);
    expect(world.outcome(instanceId)).toBe('not-a-node');
  });

  it('is released after the grace where the settings say that the other nodes are not on EC2', async () => {
    await start({ nomad: { outsideEc2: { datacenters: ['office'] } } });
    world.nomad.addNode({ datacenter: 'office', address: '192.168.7.7' });
    const instanceId = world.aws.addInstance('builders');
    await world.scaleIn(instanceId);

    await world.deliver();
    await world.sweepFor(4 * MINUTE);

    expect(world.outcome(instanceId)).toBe('not-a-node');
  });
});

describe('allocations that the servers forget while they run', () => {
  const processesOn = (nodeId: string) => world.nomad.processes().filter((each) => each.nodeId === nodeId);
  /** Sweeps until the instance is released, and says what still ran there then. */
  const runningAtRelease = async ({ instanceId, nodeId }: { instanceId: string; nodeId: string }) => {
    let running = processesOn(nodeId);
    while (!world.completion(instanceId)) {
      running = processesOn(nodeId);
      await world.sweepFor(SECOND);
    }
    return running;
  };
  const drainingWith = async (count: number, job: Partial<Parameters<typeof jobOf>[0]> = {}) => {
    await start({ policy: { killMarginSeconds: 30 } });
    const { instanceId, nodeId } = world.addBuilder();
    for (let index = 0; index < count; index++) {
      const build = { id: `build-${index}`, type: 'batch' as const, on: nodeId, runSeconds: 3600 };
      world.nomad.run({ ...build, killTimeoutSeconds: 60, stopSeconds: 59, ...job });
    }
    await world.scaleIn(instanceId);
    await world.deliver();
    await world.sweepFor(2 * MINUTE);
    return { instanceId, nodeId };
  };

  it('because their jobs are purged: their clients stop two at a time, and the instance waits for all', async () => {
    const builder = await drainingWith(4);
    for (let index = 0; index < 4; index++) {
      await fetch(`${world.nomad.url}/v1/job/build-${index}?purge=true`, { method: 'DELETE' });
    }
    await world.advance(SECOND);
    expect(world.nomad.allocationsOn(builder.nodeId)).toEqual([]);

    expect(await runningAtRelease(builder)).toEqual([]);
    expect(processesEnded()).toEqual([]);
  });

  it('because of a garbage collection, while a failed build uploads for longer than the kill margin', async () => {
    const builder = await drainingWith(1, { runSeconds: 100, exitCode: 1, poststopSeconds: 500, stopSeconds: 1 });
    await fetch(`${world.nomad.url}/v1/system/gc`, { method: 'PUT' });
    await world.sweepFor(10 * MINUTE);

    expect(processesOn(builder.nodeId)).toEqual([]);
    expect(processesEnded()).toEqual([]);
    expect(world.reports.at(-1)?.instances[0]?.stuck).toContain('Nomad has forgotten 1 allocation');
  });

  it('because of a garbage collection, while a failed build uploads', async () => {
    const builder = await drainingWith(1, { runSeconds: 100, exitCode: 1, poststopSeconds: 50, stopSeconds: 1 });
    await fetch(`${world.nomad.url}/v1/system/gc`, { method: 'PUT' });
    await world.advance(SECOND);

    expect(await runningAtRelease(builder)).toEqual([]);
    expect(processesEnded()).toEqual([]);
  });
});

describe('records of another deployment', () => {
  it('purge nothing: the instance is living in another account', async () => {
    await start({ purge: true });
    const nodeId = world.nomad.addNode({ instanceId: 'i-0ffffffffffffffff', address: '10.9.9.9' }).id;
    const theirs = { drained_by: 'nomad-drain-hook', aws_instance_id: 'i-0ffffffffffffffff', deployment: '2/eu/other' };
    await drainAs(nodeId, theirs);
    world.nomad.stopClient(nodeId);

    await world.sweepFor(3 * MINUTE);

    expect(world.nomad.node(nodeId).Status).toBe('down');
    expect(world.reports.flatMap(({ purged = [] }) => purged)).toEqual([]);
  });
});

describe('a node whose metadata contradicts its fingerprint', () => {
  it('is the instance that its fingerprint names, and keeps running', async () => {
    await start({ nomad: { nodeMetaKey: 'instance' } });
    const { instanceId } = world.addBuilder();
    const { nodeId } = world.addBuilder({ meta: { instance: instanceId } });
    await world.scaleIn(instanceId);

    await world.deliver();
    await world.sweepFor(2 * MINUTE);

    expect(world.nomad.node(nodeId).SchedulingEligibility).toBe('eligible');
    expect(world.completion(instanceId)).toMatchObject({ by: 'call' });
  });
});

describe('dates', () => {
  it('of an event that is sent again, hours old, end no wait', async () => {
    await start();
    const { instanceId, nodeId } = world.addBuilder();
    world.nomad.run({ id: 'build', type: 'batch', on: nodeId, runSeconds: 1800 });
    await world.scaleIn(instanceId);
    const [event] = world.events;
    await world.deliver();
    await world.advance(5 * MINUTE);

    await world.wake({ ...event, time: ago(44 * HOUR) });
    await world.wake({ ...event, time: ago(16 * HOUR) });

    expect(world.completion(instanceId)).toBeUndefined();
    expect(world.killedBuilds).toEqual([]);
  });

  it('of an event that comes a day late shorten no drain', async () => {
    await start({ heartbeatTimeoutSeconds: 900, policy: { deadlineSeconds: 3600 } });
    const { instanceId, nodeId } = world.addBuilder();
    world.nomad.run({ id: 'build', type: 'batch', on: nodeId, runSeconds: 3000 });
    await world.scaleIn(instanceId);
    const [event] = world.events;

    await world.wake({ ...event, time: ago(24.5 * HOUR) });

    expect(world.nomad.node(nodeId).DrainStrategy?.Deadline).toBe(3600e9);
  });

  it("of yesterday's record end no wait of today, where Auto Scaling does not say when it began", async () => {
    await start({ heartbeatTimeoutSeconds: 900, policy: { deadlineSeconds: 3600 } });
    const { instanceId, nodeId } = world.addBuilder();
    await drainAs(nodeId, {
      drained_by: 'nomad-drain-hook',
      aws_instance_id: instanceId,
      deployment: 'DrainHook-Function-0123456789AB',
      waiting_since: ago(25 * HOUR),
      deadline_at: ago(24 * HOUR),
    });
    world.nomad.run({ id: 'build', type: 'batch', runSeconds: 1 });
    await world.advance(SECOND);
    world.aws.servers.autoScaling.fault = ({ body }) =>
      body.includes('DescribeScalingActivities') ? { status: 403, body: 'denied' } : undefined;
    world.aws.deliver = () => [];
    await world.scaleIn(instanceId);
    await world.coldStart();

    await world.sweepFor(MINUTE);

    expect(world.outcome(instanceId)).not.toBe('timed-out');
  });
});
