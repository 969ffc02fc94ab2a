import { describe, expect, it } from 'vitest';
import { HOUR, MINUTE } from '../../emulators/world/world.ts';
import type { PlanAnswer } from '../../lambda/core/queries/plan/plan.ts';
import { startWithCommands } from './command-world.ts';
import { start, world } from './start.ts';

const plan = (more: object = {}) => world.ask<'plan'>({ command: 'plan', ...more });
const ofInstance = (answer: PlanAnswer, { instanceId }: { instanceId: string }) =>
  answer.instances.find((each) => each.instanceId === instanceId);

let runs = 0;
/** One run of a dispatched job. */
const ci = (nodeId: string, runSeconds: number, more: object = {}) => {
  const id = `ci/dispatch-${1_700_000_000 + ++runs}-abcdef01`;
  world.nomad.run({ id, type: 'batch', on: nodeId, runSeconds, ...more });
  return id;
};

/** So many runs of ci that took from ten minutes on, each a minute longer; they have ended an hour and a half later. */
const history = async (nodeId: string, count: number) => {
  for (let index = 0; index < count; index++) ci(nodeId, 600 + index * 60);
  await world.advance(1.5 * HOUR);
};

describe('a plan', () => {
  it('says of each instance what a scale-in would mean for it, the cheapest first, and changes nothing', async () => {
    await start();
    const [idle, busy, serves] = [world.addBuilder(), world.addBuilder(), world.addBuilder()];
    const bare = world.aws.addInstance('builders');
    await history(busy.nodeId, 30);
    const id = ci(busy.nodeId, 1200);
    world.nomad.run({ id: 'web', type: 'service', constraints: [isNot(idle), isNot(busy)] });
    await world.advance(15 * MINUTE);

    const answer = await plan();

    expect(answer).toMatchObject({ run: 'plan', deadlineSeconds: 21_600, policyDeadlineSeconds: 21_600, notKnown: [] });
    expect(answer.instances.map(({ instanceId, verdict }) => [instanceId, verdict])).toEqual([
      [idle.instanceId, 'at-once'],
      [busy.instanceId, 'ends'],
      [bare, 'unknown'],
      [serves.instanceId, 'stops'],
    ]);
    expect(answer.verdicts).toMatchObject({ 'at-once': 1, ends: 1, unknown: 1, stops: 1, killed: 0 });
    expect(ofInstance(answer, busy)).toMatchObject({
      nodeId: busy.nodeId,
      group: 'builders',
      state: 'InService',
      because: `${id} has run for 15 min; of 25 runs of ci that took longer, half ended within 12 min more, 19 of 20 within 23 min`,
      deadlineSeconds: 21_600,
      expectedSeconds: 12 * 60 + 1,
      mostSeconds: 23 * 60 + 1,
      killChance: 0,
      builds: [{ job: id, runningSeconds: 900, basis: 25 }],
    });
    expect(ofInstance(answer, serves)?.because).toMatch(/^web has nowhere to go: of 2 eligible nodes .*rules out 1/);
    expect(world.writings()).toEqual([]);
  });

  it('knows that a max_run_duration ends a build, whatever earlier runs took, and where there are none', async () => {
    await start();
    const [builder, other] = [world.addBuilder(), world.addBuilder()];
    await history(builder.nodeId, 30);
    const began = Math.floor(world.clock.now() / 1000);
    world.nomad.run({ id: 'ci', type: 'batch', maxRunSeconds: 1200, count: 0 });
    const limited = { type: 'batch', maxRunSeconds: 1200 } as const;
    world.nomad.run({ ...limited, id: `ci/dispatch-${began + 1}-abcdef01`, on: builder.nodeId });
    world.nomad.run({ ...limited, id: 'first', maxRunSeconds: 8 * 3600, on: other.nodeId });
    await world.advance(15 * MINUTE);
    const answer = await plan();
    expect(ofInstance(answer, builder)).toMatchObject({
      verdict: 'ends',
      because: expect.stringMatching(/half ended within 12 min more, .*; its max_run_duration ends it within 5 min$/),
      expectedSeconds: 300,
      mostSeconds: 300,
      builds: [{ basis: 25, limitSeconds: 300 }],
    });
    expect(ofInstance(answer, other)).toMatchObject({ builds: [{ job: 'first', limitSeconds: 8 * 3600 - 900 }] });
  });

  it('says how long builds take here, and what other deadlines would mean', async () => {
    await start();
    const { nodeId } = world.addBuilder();
    await history(nodeId, 30);
    const { builds, deadlines } = await plan({ deadlineSeconds: 1500 });
    expect(builds).toMatchObject({ ended: 30, cutShort: 0, longestJob: 'ci', jobs: [{ job: 'ci', ended: 30 }] });
    expect(builds.medianSeconds).toBe(24 * 60 + 1);
    expect(builds.mostSeconds).toBe(38 * 60 + 1);
    expect(builds.longestSeconds).toBe(39 * 60 + 1);
    expect(deadlines.map(({ deadlineSeconds, is, spared }) => [deadlineSeconds / 60, is, spared])).toEqual([
      [5, undefined, 0],
      [15, undefined, 5],
      [25, 'asked', 15],
      [30, undefined, 20],
      [60, undefined, 30],
      [360, 'policy', 30],
    ]);
  });

  it('reckons with the deadline that is asked for, and with that of a drain that is on', async () => {
    await start({ policy: { deadlineSeconds: 4 * 3600 } });
    const [stays, goes] = [world.addBuilder(), world.addBuilder()];
    await history(stays.nodeId, 30);
    ci(stays.nodeId, 1800);
    ci(goes.nodeId, 1800);
    await world.scaleIn(goes.instanceId);
    await world.deliver();
    const answer = await plan({ deadlineSeconds: 300 });
    expect(answer).toMatchObject({ deadlineSeconds: 300, policyDeadlineSeconds: 4 * 3600 });
    expect(ofInstance(answer, stays)).toMatchObject({ verdict: 'killed', deadlineSeconds: 300, killChance: 1 });
    const going = ofInstance(answer, goes);
    expect(going).toMatchObject({ state: 'Terminating:Wait', verdict: 'ends' });
    expect(going?.deadlineSeconds).toBeGreaterThan(4 * 3600 - 60);
  });

  it('counts a build that a drain has killed as one that would have gone on, and one that failed as ended', async () => {
    await start({ policy: { deadlineSeconds: 600 } });
    const [leaves, stays] = [world.addBuilder(), world.addBuilder()];
    ci(leaves.nodeId, 3600);
    ci(stays.nodeId, 300, { exitCode: 1 });
    await world.scaleIn(leaves.instanceId);
    await world.deliver();
    await world.sweepFor(20 * MINUTE);
    expect(world.killedBuilds).toHaveLength(1);
    const { builds } = await plan();
    expect(builds).toMatchObject({ ended: 1, cutShort: 1, longestSeconds: 301 });
  });

  it('is of one group, if it is named, and says which there are if that is not served', async () => {
    await start({ moreGroups: [{ name: 'runners' }] });
    const { instanceId } = world.addBuilder();
    expect((await plan()).instances.map((each) => each.instanceId)).toEqual([instanceId]);
    expect((await plan({ group: 'runners' })).instances).toEqual([]);
    await expect(plan({ group: 'runner' })).rejects.toThrow(
      'group runner is not served here; there are builders, runners',
    );
    await expect(plan({ deadlineSeconds: 0 })).rejects.toThrow(
      'deadlineSeconds must be a whole number from 1 to 172800, not 0',
    );
  });

  it('knows of builds in the node pools of its instances alone', async () => {
    await start();
    const builder = world.addBuilder();
    const other = world.nomad.addNode({ pool: 'data' }).id;
    world.nomad.run({ id: 'etl', type: 'batch', on: other, pool: 'data', runSeconds: 7200 });
    ci(builder.nodeId, 60);
    await world.advance(3 * HOUR);
    expect((await plan()).builds).toMatchObject({ ended: 1, jobs: [{ job: 'ci' }] });
  });

  it('looks at what a service asks of a node: which nodes an attribute or metadata rules out Nomad is asked', async () => {
    await start();
    const [racked, full] = [world.addBuilder({ meta: { rack: 'a' } }), world.addBuilder({ meta: { rack: 'a' } })];
    world.addBuilder({ meta: { rack: 'b' } });
    ci(full.nodeId, 7200, { memoryMb: 24_000 });
    const linux = constraint('attr.kernel.name', '=', 'linux');
    world.nomad.run({
      id: 'web',
      type: 'service',
      memoryMb: 500,
      constraints: [linux, constraint('meta.rack', 'regexp', '^a$')],
    });
    await world.advance(MINUTE);
    expect(ofInstance(await plan(), racked)).toMatchObject({
      verdict: 'stops',
      because: `web has nowhere to go: of 2 eligible nodes in pool default, constraint \${meta.rack} regexp ^a$ rules out 1, memory is exhausted on 1; a drain stops it at once, and it runs nowhere until there is room`,
    });
  });

  it('does not promise room to a service of which it does not look at all', async () => {
    await start();
    const builder = world.addBuilder();
    const on = (id: string, ...constraints: ReturnType<typeof constraint>[]) =>
      world.nomad.run({ id, type: 'service', constraints });
    on('web', constraint('meta.rack', 'is_not_set', ''));
    on('api', constraint('attr.os.name', 'set_contains', 'debian'));
    await world.advance(MINUTE);
    world.addBuilder();
    expect(ofInstance(await plan(), builder)).toMatchObject({
      verdict: 'moves',
      because: `api has room elsewhere, as far as is known; not looked at: constraint \${attr.os.name} set_contains debian; web has room elsewhere`,
    });
  });

  it('believes the scheduler, where it says that a service has nowhere to go', async () => {
    await start();
    const [leaves, stays] = [world.addBuilder(), world.addBuilder()];
    world.nomad.run({
      id: 'web',
      type: 'service',
      count: 2,
      constraints: [{ LTarget: '', Operand: 'distinct_hosts', RTarget: '' }],
    });
    world.nomad.run({ id: 'api', type: 'service', on: stays.nodeId, count: 3, memoryMb: 10_000 });
    await world.advance(MINUTE);
    const answer = await plan();
    expect(ofInstance(answer, stays)?.because).toContain('api has nowhere to go: of ');
    expect(ofInstance(answer, leaves)).toBeDefined();
  });

  it.each([
    { count: 1, maxParallel: 1, verdict: 'stops', left: 0 },
    { count: 2, maxParallel: 2, verdict: 'stops', left: 0 },
    { count: 2, maxParallel: 1, verdict: 'nowhere', left: 1 },
  ])(
    'says whether a drain stops a service with nowhere to go, and the drain does it: $count of which $maxParallel may move',
    async ({ count, maxParallel, verdict, left }) => {
      await start();
      const [serves, other] = [world.addBuilder(), world.addBuilder()];
      world.nomad.run({ id: 'web', type: 'service', count, maxParallel, constraints: [isNot(other)] });
      await world.advance(MINUTE);
      expect(ofInstance(await plan(), serves)).toMatchObject({ verdict, serviceCount: count });
      await world.scaleIn(serves.instanceId);
      await world.deliver();
      await world.advance(MINUTE);
      const running = world.nomad.allocationsOn(serves.nodeId).filter(({ ClientStatus }) => ClientStatus === 'running');
      expect(running).toHaveLength(left);
      expect(world.nomad.allocationsOn(other.nodeId)).toEqual([]);
    },
  );

  it('knows which nodes have the host volume of a service', async () => {
    await start();
    const has = world.addBuilder({ hostVolumes: ['data'] });
    world.nomad.run({ id: 'db', type: 'service', hostVolume: { source: 'data' } });
    await world.advance(MINUTE);
    world.addBuilder({ hostVolumes: ['other'] });
    expect(ofInstance(await plan(), has)).toMatchObject({
      verdict: 'stops',
      because: expect.stringContaining(
        'constraint missing compatible host volumes rules out 1; a drain stops it at once',
      ),
    });
    world.addBuilder({ hostVolumes: ['data'] });
    expect(ofInstance(await plan(), has)).toMatchObject({ verdict: 'moves', because: 'db has room elsewhere' });
  });

  it('knows that a sticky volume made by Nomad stays where it is, and that any of its name will do for others', async () => {
    await start();
    const has = world.addBuilder({ dynamicVolumes: ['data'] });
    world.nomad.run({ id: 'db', type: 'service', hostVolume: { source: 'data', sticky: true } });
    world.nomad.run({ id: 'cache', type: 'service', hostVolume: { source: 'data' } });
    await world.advance(MINUTE);
    const other = world.addBuilder({ dynamicVolumes: ['data'] });
    const answer = ofInstance(await plan(), has);
    expect(answer?.services.map(({ job, goes }) => [job, goes])).toEqual([
      ['db', 'stopped'],
      ['cache', 'elsewhere'],
    ]);
    await world.scaleIn(has.instanceId);
    await world.deliver();
    await world.advance(MINUTE);
    expect(world.nomad.allocationsOn(other.nodeId).map(({ JobID }) => JobID)).toEqual(['cache']);
  });

  it('leaves out instances that a scale-in does not take: those in standby', async () => {
    await start();
    const [one, other] = [world.addBuilder(), world.addBuilder()];
    world.aws.standby(other.instanceId);
    await world.advance(MINUTE);
    expect((await plan()).instances.map(({ instanceId }) => instanceId)).toEqual([one.instanceId]);
  });

  it('asks Nomad few questions, however many instances there are, and for a thousand ended builds at most', async () => {
    await start();
    const builders = Array.from({ length: 20 }, () => world.addBuilder());
    for (const { nodeId } of builders) ci(nodeId, 600);
    await world.advance(HOUR);
    for (const { nodeId } of builders) ci(nodeId, 600);
    world.nomad.run({ id: 'web', type: 'service', count: 12 });
    const before = world.nomad.requests.length;
    await plan();
    const asked = world.nomad.requests.slice(before).map(({ path }) => path);
    // Their list, and who is who: six questions for twenty instances.
    expect(asked.filter((path) => path === '/v1/nodes')).toHaveLength(7);
    expect(asked.filter((path) => path !== '/v1/nodes').toSorted()).toEqual([
      '/v1/acl/token/self',
      '/v1/allocations',
      '/v1/allocations',
      '/v1/evaluations',
      '/v1/job/ci',
      '/v1/job/web',
    ]);
  });
});

describe('a plan that lacks something', () => {
  const refuse = (path: string, holds = (_: URL) => true) => {
    world.nomad.server.fault = ({ url }) =>
      url.pathname.startsWith(path) && holds(url) ? { status: 500, body: 'no leader' } : undefined;
  };

  it('says that it does not know how long earlier builds took, and of no build when it ends', async () => {
    await start();
    const { nodeId } = world.addBuilder();
    await history(nodeId, 3);
    const job = ci(nodeId, 3600);
    await world.advance(MINUTE);
    refuse('/v1/allocations', ({ searchParams }) => searchParams.has('reverse'));
    const { notKnown, instances, builds } = await plan();
    expect(notKnown).toEqual([expect.stringMatching(/^how long earlier builds took: .*no leader/)]);
    expect(instances).toMatchObject([
      { verdict: 'unknown', because: expect.stringContaining(`${job} has run for 60 s, and no`) },
    ]);
    expect(builds).toMatchObject({ ended: 0 });
  });

  it('says that it does not know which services Nomad cannot place, nor what a job asks for', async () => {
    await start();
    const [one] = [world.addBuilder(), world.addBuilder()];
    world.nomad.run({ id: 'web', type: 'service' });
    await world.advance(MINUTE);
    refuse('/v1/evaluations');
    expect((await plan()).notKnown).toEqual([expect.stringMatching(/^which services Nomad cannot place: .*no leader/)]);
    refuse('/v1/job/');
    expect(ofInstance(await plan(), one)).toMatchObject({
      verdict: 'moves',
      because: 'web has room elsewhere, as far as is known; not looked at: what its job asks for',
    });
  });

  it('is not given where Nomad or Auto Scaling is silent, or the token does not see every namespace', async () => {
    await start({ acl: true, nomad: { token: { parameter: '/nomad/drain-token' } } });
    world.addBuilder();
    world.nomad.policy('narrow', 'node { policy = "write" }\nnamespace "ci" { capabilities = ["read-job"] }');
    world.aws.putParameter('/nomad/drain-token', world.nomad.token({ policies: ['narrow'] }), 'SecureString');
    await expect(plan()).rejects.toThrow('the Nomad token is too narrow');
    refuse('/v1/nodes');
    await expect(plan()).rejects.toThrow('no leader');
  });
});

describe('a plan without a network path to Nomad', () => {
  it('is given in time, and reads no job: SSM keeps what was answered', async () => {
    const { others } = await startWithCommands();
    const [builder] = others;
    world.nomad.run({ id: 'web', type: 'service', on: builder?.nodeId ?? '' });
    world.nomad.run({ id: 'build', type: 'batch', on: others[1]?.nodeId ?? '', maxRunSeconds: 600 });
    await world.advance(MINUTE);
    const answer = await plan();
    expect(answer.instances).toHaveLength(3);
    expect(ofInstance(answer, builder ?? { instanceId: '' })).toMatchObject({
      because: 'web has room elsewhere, as far as is known; not looked at: what its job asks for',
    });
    expect(world.nomad.requests.filter(({ path }) => path.startsWith('/v1/job/'))).toEqual([]);
  });
});

const constraint = (target: string, Operand: string, RTarget: string) => ({
  LTarget: `\${${target}}`,
  Operand,
  RTarget,
});
const isNot = ({ nodeId }: { nodeId: string }) => constraint('node.unique.id', '!=', nodeId);
