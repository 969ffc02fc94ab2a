import { describe, expect, it } from 'vitest';
import { loadBundle } from '../../emulators/world/bundle.ts';
import type { WorldOptions } from '../../emulators/world/world.ts';
import { FUNCTION_ARN, MINUTE, SECOND, UNNAMED } from '../../emulators/world/world.ts';
import { start, world } from './start.ts';

const POLICIES = [FUNCTION_ARN, 'Default'];

const startAsked = ({ group, ...options }: WorldOptions = {}) =>
  start({ group: { terminationPolicies: POLICIES, ...group }, ...options });

type Builder = ReturnType<typeof world.addBuilder>;

/** Builders, of which those at these places are idle; each of the others has a build of an hour. */
const builders = (count: number, idle: readonly number[]): Builder[] =>
  Array.from({ length: count }, (_, index) => {
    const builder = world.addBuilder();
    if (!idle.includes(index)) build(builder, 3600, `build-${index}`);
    return builder;
  });

const build = ({ nodeId }: Builder, runSeconds: number, id: string) => {
  world.nomad.run({ id, type: 'batch', on: nodeId, runSeconds });
};

const ids = (list: readonly (Builder | undefined)[]) => list.map((builder) => builder?.instanceId ?? '').sort();
const going = () => world.aws.asked.flatMap(({ taken }) => taken).toSorted();
const logged = (message: string) => world.log.filter((record) => record.message === message);
const at = <Fault>({ pathname }: URL, path: string, fault: Fault) => (pathname === path ? fault : undefined);
const lastAsked = () => world.aws.asked.at(-1);

describe('a group that asks the function who goes', () => {
  it('ends the three idle ones of ten, within the runs of their events, and no build is waited for', async () => {
    await startAsked();
    const all = builders(10, [4, 7, 9]);
    await world.advance(MINUTE);
    const began = world.clock.now();

    await world.shrink(3);
    const idle = [all[4], all[7], all[9]];
    expect(going()).toEqual(ids(idle));
    await world.deliver();

    for (const instanceId of ids(idle)) expect(world.completion(instanceId)).toMatchObject({ by: 'call' });
    expect(world.clock.now() - began).toBeLessThan(15 * SECOND);
    expect(world.aws.completions).toHaveLength(3);
    expect(world.killedBuilds).toEqual([]);
  });

  it('is answered with exactly as many as have to go, and the log says of each why', async () => {
    await startAsked();
    builders(10, [4, 7, 9]);
    await world.shrink(2);
    expect(lastAsked()?.event).toMatchObject({ CapacityToTerminate: [{ Capacity: 2 }], Cause: 'SCALE_IN' });
    expect(lastAsked()?.answer).toHaveLength(2);
    expect(logged('instance chosen')).toEqual([
      expect.objectContaining({
        group: 'builders',
        place: 'empty',
        because: expect.stringContaining('nothing runs on'),
      }),
      expect.objectContaining({ place: 'empty' }),
    ]);
    const told = world.told.filter((event) => event['detail-type'] === 'Nomad Client Chosen');
    expect(told.map(({ detail }) => detail.instanceId)).toEqual(lastAsked()?.answer);
    expect(told[0]?.detail).toMatchObject({ place: 'empty', because: expect.stringContaining('nothing runs on') });
  });

  it('asks Nomad two questions, once it is known which node is which instance', async () => {
    await startAsked();
    builders(20, [3]);
    const questions = async () => {
      const before = world.nomad.requests.length;
      await world.shrink(1);
      return world.nomad.requests.slice(before).filter(({ path }) => /^\/v1\/(nodes|allocations)/.test(path)).length;
    };
    // The list of nodes, that of allocations, and six about who is who.
    expect(await questions()).toBe(8);
    // The others are busy: earlier runs are asked for too.
    expect(await questions()).toBe(3);
  });

  it('knows a node that came meanwhile', async () => {
    await startAsked();
    const [first] = builders(8, []);
    await world.shrink(1);
    const late = world.addBuilder();
    await world.shrink(1);
    expect(lastAsked()?.taken).toEqual(ids([late]));
    expect(first).toBeDefined();
  });

  it('knows an agent that has come back under another id: its builds are on the new node', async () => {
    await startAsked();
    const [first, again, other] = builders(8, [0, 1, 2]) as [Builder, Builder, Builder];
    await world.shrink(1);
    expect(going()).toEqual(ids([first]));
    build({ ...again, nodeId: world.newIdentity(again.instanceId) }, 3600, 'after');
    await world.shrink(1);
    expect(lastAsked()?.taken).toEqual(ids([other]));
  });

  it('ends the one whose build ends first, by what earlier runs of the same job took', async () => {
    await startAsked();
    const [before, long, short] = [world.addBuilder(), world.addBuilder(), world.addBuilder()];
    build(before, 600, 'lint/dispatch-1700000000-aaaaaaaa');
    build(before, 1800, 'suite/dispatch-1700000000-bbbbbbbb');
    build(before, 7200, 'release');
    await world.advance(31 * MINUTE);
    build(short, 600, 'lint/dispatch-1700002000-dddddddd');
    await world.advance(SECOND);
    build(long, 1800, 'suite/dispatch-1700002000-cccccccc');
    await world.advance(8 * MINUTE);
    await world.shrink(1);
    expect(going()).toEqual(ids([short]));
    expect(logged('instance chosen')[0]).toMatchObject({
      because: expect.stringContaining('expected to take 119 s more'),
    });
  });

  describe('and builds of a job with a max_run_duration', () => {
    const limited = { id: 'suite', type: 'batch', maxRunSeconds: 1800 } as const;
    /** Two runs of it have five minutes left; another build, of which nothing is known, has run for six, and would go. */
    const started = async () => {
      await startAsked();
      const [ends, endsToo, other] = [world.addBuilder(), world.addBuilder(), world.addBuilder()];
      world.nomad.run({ ...limited, count: 0 });
      await world.advance(SECOND);
      for (const { nodeId } of [ends, endsToo]) {
        const id = `suite/dispatch-${Math.floor(world.clock.now() / 1000)}-${nodeId.slice(0, 8)}`;
        world.nomad.run({ ...limited, id, on: nodeId });
      }
      await world.advance(19 * MINUTE);
      build(other, 3600, 'other');
      await world.advance(6 * MINUTE);
      return { ends, endsToo, other };
    };

    it('takes the one whose limit comes first, by one question for its job', async () => {
      const { ends } = await started();
      await world.shrink(1);
      expect(going()).toEqual(ids([ends]));
      expect(logged('instance chosen')[0]?.because).toMatch(
        /^the max_run_duration of suite\/dispatch-\S+ on node \S+ ends it within 5 min$/,
      );
      const paths = world.nomad.requests.map(({ path }) => path).filter((path) => path.startsWith('/v1/job/'));
      expect(paths.toSorted()).toEqual(['/v1/job/other', '/v1/job/suite']);
    });

    it.each([
      ['its job cannot be read', () => (world.nomad.server.fault = ({ url }) => at(url, '/v1/job/suite', 'hang-up'))],
      ['Nomad is silent about it', () => (world.nomad.server.fault = ({ url }) => at(url, '/v1/job/suite', 'silence'))],
      ['its job was registered anew since', () => world.nomad.run({ ...limited, count: 0 })],
      [
        'their clients are too old for it',
        () => {
          for (const node of world.nomad.state.nodes.values()) node.Attributes['nomad.version'] = '2.0.2';
        },
      ],
    ])('assumes nothing where %s, and answers in time', async (_, happen) => {
      const { other } = await started();
      happen();
      const began = world.clock.now();
      await world.shrink(1);
      expect(going()).toEqual(ids([other]));
      expect(lastAsked()?.answeredAt ?? Number.POSITIVE_INFINITY).toBeLessThanOrEqual(began + 1500);
    });
  });

  it('takes of each zone and market option as many as are wanted there', async () => {
    await startAsked({ group: { onDemandPercentage: 50 } });
    const of = (zone: string, market: 'spot' | 'on-demand', busy: boolean) => {
      const builder = world.addBuilder({}, { zone, market });
      if (busy) build(builder, 3600, `of-${builder.nodeId}`);
      return builder;
    };
    const [a, b] = ['us-east-1a', 'us-east-1b'] as const;
    for (const zone of [a, a, b, b]) of(zone, 'on-demand', zone === b);
    const idle = of(b, 'on-demand', false);
    const [busy] = [of(a, 'spot', true), of(a, 'spot', true), of(a, 'spot', true)];
    for (const zone of [b, b]) of(zone, 'spot', false);
    await world.shrink(2);
    expect(lastAsked()?.event.CapacityToTerminate).toEqual([
      { AvailabilityZone: a, Capacity: 1, InstanceMarketOption: 'spot' },
      { AvailabilityZone: b, Capacity: 1, InstanceMarketOption: 'on-demand' },
    ]);
    expect(lastAsked()?.answer.length).toBe(2);
    // Zone a has no idle Spot Instance: one with a build goes, though there are idle ones elsewhere.
    expect(going()).toEqual(ids([idle, busy]));
  });

  it('takes a busy one of one zone rather than a second idle one of another: the zones stay balanced', async () => {
    await startAsked();
    const busy = ['old', 'older'].map((id) => {
      const builder = world.addBuilder({}, { zone: 'us-east-1a' });
      build(builder, 3600, id);
      return builder;
    });
    const idle = [1, 2].map(() => world.addBuilder({}, { zone: 'us-east-1b' }));
    await world.shrink(2);
    expect(going()).toEqual(ids([busy[0], idle[0]]));
  });

  it('never names an instance that is protected from scale-in', async () => {
    await startAsked();
    world.addBuilder({}, { protectedFromScaleIn: true });
    const busy = world.addBuilder();
    build(busy, 3600, 'build');
    await world.shrink(1);
    expect(going()).toEqual(ids([busy]));
  });

  it('takes what no node names before a build, and after what is idle', async () => {
    await startAsked();
    const unnamed = world.addBuilder(UNNAMED);
    builders(4, []);
    const idle = world.addBuilder();
    await world.shrink(1);
    expect(going()).toEqual(ids([idle]));
    await world.shrink(1);
    expect(lastAsked()?.taken).toEqual(ids([unnamed]));
  });

  it('knows clients by a key of their own metadata, too', async () => {
    await startAsked({ nomad: { nodeMetaKey: 'instance' } });
    const instances = Array.from({ length: 8 }, (_, index) => {
      const builder = world.addBuilder(UNNAMED);
      const node = world.nomad.node(builder.nodeId);
      node.Meta.instance = builder.instanceId;
      if (index !== 5) build(builder, 3600, `build-${index}`);
      return builder;
    });
    await world.shrink(1);
    expect(going()).toEqual(ids([instances[5]]));
  });
});

describe('Auto Scaling chooses in its own order, in time, and the log says why', () => {
  const suggestedIn = async (began: number) => {
    const asked = lastAsked();
    expect(asked?.answer).toEqual(asked?.event.Instances.map(({ InstanceId }) => InstanceId));
    expect(asked?.taken).toEqual([asked?.event.Instances[0]?.InstanceId]);
    expect((asked?.at ?? 0) - began).toBeLessThan(1.5 * SECOND);
  };
  const shrinkOne = async () => {
    const began = world.clock.now();
    world.aws.shrink('builders', 1);
    await world.shrink(0);
    expect(lastAsked()?.answeredAt ?? Number.POSITIVE_INFINITY).toBeLessThanOrEqual(began + 1500);
    await suggestedIn(began);
    return logged('Auto Scaling chooses').map(({ because }) => String(because));
  };

  it('where Nomad is silent', async () => {
    await startAsked();
    builders(5, [4]);
    world.nomad.server.fault = () => 'silence';
    expect(await shrinkOne()).toEqual([expect.stringContaining('no answer within the time limit')]);
  });

  it('where Nomad is silent about allocations alone', async () => {
    await startAsked();
    builders(5, [4]);
    world.nomad.server.fault = ({ url }) => (url.pathname === '/v1/allocations' ? 'silence' : undefined);
    expect(await shrinkOne()).toEqual([expect.stringContaining('GET /v1/allocations: no answer')]);
  });

  it('where Nomad takes too long', async () => {
    await startAsked();
    builders(5, [4]);
    world.nomad.server.fault = async (request) => {
      request.park();
      await world.clock.sleep(SECOND);
      request.resume();
      return undefined;
    };
    expect(await shrinkOne()).toHaveLength(1);
  });

  it('where the token does not see every namespace: an empty list proves nothing', async () => {
    await startAsked({ acl: true, nomad: { token: { parameter: '/nomad/drain-token' } } });
    world.nomad.policy('narrow', 'node { policy = "write" }\nnamespace "default" { capabilities = ["read-job"] }');
    world.aws.putParameter('/nomad/drain-token', world.nomad.token({ policies: ['narrow'] }), 'SecureString');
    const idle = builders(5, [4])[4];
    expect(await shrinkOne()).toEqual([expect.stringContaining('the Nomad token is too narrow')]);
    // The function notices when that is mended.
    world.nomad.policy('narrow', 'node { policy = "write" }\nnamespace "*" { capabilities = ["read-job"] }');
    await world.shrink(1);
    expect(lastAsked()?.taken).toEqual(ids([idle]));
  });

  it('and where the event bus is silent, the choice is in time all the same', async () => {
    await startAsked();
    const idle = builders(5, [4])[4];
    world.aws.servers.eventBridge.fault = () => 'silence';
    await world.shrink(1);
    expect(lastAsked()?.taken).toEqual(ids([idle]));
  });

  it('where Parameter Store is silent', async () => {
    await startAsked({ acl: true, nomad: { token: { parameter: '/nomad/drain-token' } } });
    builders(5, [4]);
    world.aws.servers.ssm.fault = () => 'silence';
    expect(await shrinkOne()).toHaveLength(1);
  });

  const QUESTION = {
    AutoScalingGroupARN: 'arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:x:autoScalingGroupName/others',
    AutoScalingGroupName: 'others',
    CapacityToTerminate: [{ AvailabilityZone: 'us-east-1a', Capacity: 1, InstanceMarketOption: 'on-demand' }],
    Instances: ['i-00000000000000001', 'i-00000000000000002'].map((InstanceId) => ({
      AvailabilityZone: 'us-east-1a',
      InstanceId,
      InstanceType: 'm7g.large',
      InstanceMarketOption: 'on-demand',
    })),
    Cause: 'SCALE_IN',
  };
  const SUGGESTED = { InstanceIDs: ['i-00000000000000001', 'i-00000000000000002'] };

  it('where the group is none of ours', async () => {
    await startAsked();
    expect(await (await world.environment())(QUESTION)).toEqual(SUGGESTED);
    expect(logged('Auto Scaling chooses')).toMatchObject([{ because: 'group others is not configured' }]);
  });

  it('where our own configuration cannot be read', async () => {
    await startAsked();
    const { makeHandler } = await loadBundle();
    const said: unknown[] = [];
    const note = (message: string, fields: object) => void said.push({ message, ...fields });
    const logger = { debug: note, info: note, warn: note, error: note };
    const printed: string[] = [];
    const print = (line: string) => void printed.push(line);
    expect(await makeHandler({ logger, print, environment: { NOMAD_DRAIN_HOOK: '{' } })(QUESTION)).toEqual(SUGGESTED);
    expect(JSON.parse(printed.join())).toMatchObject({ ChoicesFellBack: 1 });
    expect(said).toMatchObject([{ because: expect.stringContaining('is not JSON') }]);
  });

  it('but not where its question cannot be understood', async () => {
    await startAsked();
    const invoke = await world.environment();
    for (const missing of ['AutoScalingGroupName', 'CapacityToTerminate', 'Instances']) {
      await expect(invoke({ ...QUESTION, [missing]: undefined })).rejects.toThrow(missing);
    }
    expect(world.nomad.requests).toEqual([]);
  });

  it('but a build is not unknown only because nobody knows how long it takes', async () => {
    await startAsked();
    const [old, young] = [world.addBuilder(), world.addBuilder()];
    build(old, 3600, 'old');
    await world.advance(MINUTE);
    build(young, 3600, 'young');
    world.nomad.server.fault = ({ url }) => (url.searchParams.has('per_page') ? 'silence' : undefined);
    await world.shrink(1);
    expect(going()).toEqual(ids([young]));
    expect(logged('earlier runs are unknown')).toHaveLength(1);
  });
});

describe('a group that waits for idle instances', () => {
  const waiting = () => startAsked({ chooses: { onlyIdle: true, onlyIdleForSeconds: 600 } });

  it('ends what is idle at once, and the next one when its build has ended', async () => {
    await waiting();
    const all = builders(3, [0]);
    const quick = world.addBuilder();
    build(quick, 200, 'quick');
    await world.shrink(2);
    expect(going()).toEqual(ids([all[0]]));
    expect(logged('waiting for idle instances')).toHaveLength(1);
    await world.advance(3 * MINUTE);
    expect(going()).toEqual(ids([all[0]]));
    await world.advance(MINUTE);
    expect(going()).toEqual(ids([all[0], quick]));
  });

  it('does not wait for longer than it was told', async () => {
    await waiting();
    builders(3, []);
    await world.shrink(1);
    await world.advance(9 * MINUTE);
    expect(going()).toEqual([]);
    await world.advance(2 * MINUTE);
    expect(going()).toHaveLength(1);
  });

  it('waits for the next ones too, after a time that has run out', async () => {
    await waiting();
    builders(4, []);
    await world.shrink(1);
    await world.advance(11 * MINUTE);
    expect(going()).toHaveLength(1);
    await world.advance(3 * MINUTE);
    await world.shrink(1);
    await world.advance(8 * MINUTE);
    expect(going()).toHaveLength(1);
    await world.advance(3 * MINUTE);
    expect(going()).toHaveLength(2);
  });

  it('waits anew if a function starts cold meanwhile, and ends all the same', async () => {
    await waiting();
    builders(3, []);
    await world.shrink(1);
    await world.advance(9 * MINUTE);
    await world.coldStart();
    await world.advance(9 * MINUTE);
    expect(going()).toEqual([]);
    await world.advance(2 * MINUTE);
    expect(going()).toHaveLength(1);
  });

  it('has waited for nothing after a pause: the next scale-in has its whole time', async () => {
    await waiting();
    const [busy] = builders(2, []);
    await world.shrink(1);
    world.aws.shrink('builders', -1);
    await world.advance(20 * MINUTE);
    await world.shrink(1);
    await world.advance(9 * MINUTE);
    expect(going()).toEqual([]);
    expect(busy).toBeDefined();
  });
});
