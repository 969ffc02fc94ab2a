import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Action, failing } from '../../emulators/aws/faults.ts';
import { autoScalingError } from '../../emulators/aws/services.ts';
import type { Fault, Mishap } from '../../emulators/server.ts';
import { type Invoke, MINUTE, SECOND, SWEEP, World } from '../../emulators/world/world.ts';
import { GROUP } from '../../emulators/world/world-options.ts';
import { slowly } from '../e2e/slowly.ts';
import { withoutChance } from './many.ts';

/** A tenth of the other stories: each is ten minutes of sweeps. */
const RUNS = Math.ceil(Number(process.env.MODEL_RUNS ?? 40) / 10);
const SEED = Number(process.env.MODEL_SEED ?? 20_261_124);
const LASTS = 10 * MINUTE;
const ANOTHER_GROUP = 'another';

/** Who fails, how, and when: all that is not Auto Scaling's word about our own group. */
const trouble = fc.record({
  who: fc.constantFrom(
    'Nomad' as const,
    'EC2' as const,
    'Parameter Store' as const,
    'event bus' as const,
    'another group' as const,
    'DescribeLifecycleHooks' as const,
    'DescribeScalingActivities' as const,
  ),
  how: fc.constantFrom<(Mishap | 'slow')[]>('silence', 'hang-up', 'half an answer', 'slow'),
  from: fc.integer({ min: 0, max: LASTS / SECOND }),
  seconds: fc.integer({ min: 1, max: 400 }),
});

const day = fc.record({
  hookSeconds: fc.constantFrom(60, 90, 120, 300, 1800),
  toldSeconds: fc.option(fc.constantFrom(300, 1800), { nil: undefined }),
  leaving: fc.array(fc.integer({ min: 0, max: LASTS / SECOND }), { minLength: 1, maxLength: 6 }),
  coldStarts: fc.array(fc.integer({ min: 0, max: 10 }), { maxLength: 10 }),
  troubles: fc.array(trouble, { maxLength: 6 }),
});

withoutChance();

it(`no hook lapses while a sweep comes each minute, whatever Nomad, EC2 or another group do (${RUNS} stories, seed ${SEED})`, {
  timeout: 3600 * SECOND,
}, async () => {
  await fc.assert(fc.asyncProperty(day, play), { numRuns: RUNS, seed: SEED });
});

async function play({
  hookSeconds,
  toldSeconds,
  leaving,
  coldStarts,
  troubles,
}: typeof day extends fc.Arbitrary<infer T> ? T : never) {
  const world = await World.start({
    heartbeatTimeoutSeconds: hookSeconds,
    ...(toldSeconds !== undefined && { tellsHeartbeatTimeout: toldSeconds }),
    policy: { deadlineSeconds: 1200 },
    moreGroups: [{ name: ANOTHER_GROUP, warmPool: { state: 'Running' } }],
    acl: true,
    nomad: { token: { parameter: '/nomad/token' } },
  });
  try {
    world.nomad.policy('drainer', 'node { policy = "write" }\nnamespace "*" { capabilities = ["read-job"] }');
    world.aws.putParameter('/nomad/token', world.nomad.token({ policies: ['drainer'] }), 'SecureString');
    const began = world.clock.now();
    for (const each of troubles) {
      // Nobody can know of a hook that was shortened and cannot be read.
      if (each.who !== 'DescribeLifecycleHooks' || toldSeconds === undefined) begin(world, each);
    }
    const runs = new Set<Promise<unknown>>();
    const idle: Invoke[] = await Promise.all(Array.from({ length: 12 }, () => world.environment()));
    /** In an environment that has nothing to do, the one that ran last if it may: as Lambda chooses. */
    const wake = (event: unknown, isCold = false) => {
      const environment = isCold ? idle.shift() : idle.pop();
      if (!environment) throw new Error('more runs at once than expected');
      const run = world.wake(event, environment).catch(() => {});
      const ended = run.then(() => {
        runs.delete(ended);
        if (isCold) idle.unshift(environment);
        else idle.push(environment);
      });
      runs.add(ended);
    };
    world.aws.onEvent(() => {
      for (const event of world.events.splice(0)) wake(event);
    });
    for (let minute = 0; minute <= LASTS / MINUTE; minute++) {
      world.clock.after(minute * MINUTE, () => wake(SWEEP, coldStarts.includes(minute)));
    }
    for (const second of leaving) {
      const { instanceId, nodeId } = world.addBuilder();
      world.nomad.run({ id: `build-${nodeId}`, type: 'batch', on: nodeId, runSeconds: 1100 });
      world.clock.after(second * SECOND, () => world.aws.scaleIn(GROUP, [instanceId]));
    }
    while (world.clock.now() < began + LASTS) {
      if (runs.size > 0) await Promise.race(runs);
      else if (!world.clock.step()) break;
    }
    await Promise.all(runs);
    const lapsed = world.aws.completions.filter(({ by, at }) => by !== 'call' && at <= began + LASTS);
    expect(lapsed).toEqual([]);
  } finally {
    await world.close();
  }
}

function begin(world: World, { who, how, from, seconds }: typeof trouble extends fc.Arbitrary<infer T> ? T : never) {
  const { autoScaling, ec2, ssm, eventBridge } = world.aws.servers;
  const mishap: Mishap | Fault = how !== 'slow' ? how : slowly(world.clock, 4_500);
  const all: Fault = (request) => (typeof mishap === 'function' ? mishap(request) : mishap);
  const ofAutoScaling = (): Fault =>
    who === 'another group'
      ? failing({ action: 'DescribeWarmPool' }, autoScalingError('AccessDenied', 'not today'))
      : failing({ action: who as Action }, mishap);
  const places = { Nomad: world.nomad.server, EC2: ec2, 'Parameter Store': ssm, 'event bus': eventBridge } as const;
  const server = who in places ? places[who as keyof typeof places] : autoScaling;
  const fault = server === autoScaling ? ofAutoScaling() : all;
  world.clock.after(from * SECOND, () => {
    server.fault = fault;
    world.clock.after(seconds * SECOND, () => {
      if (server.fault === fault) server.fault = undefined;
    });
  });
}
