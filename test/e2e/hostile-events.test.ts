import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GROUP, HOOK } from '../../emulators/world/world-options.ts';
import { healthEvent, rebalanceRecommendation, spotWarning } from './notice-events.ts';
import { start, world } from './start.ts';

/** Another account's, or gone: nothing here may be done about it. */
const STRANGER = 'i-0123456789abcdef0';
const QUESTION = {
  AutoScalingGroupARN: `arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:x:autoScalingGroupName/${GROUP}`,
  AutoScalingGroupName: GROUP,
  CapacityToTerminate: [{ AvailabilityZone: 'us-east-1a', Capacity: 1, InstanceMarketOption: 'on-demand' }],
  Instances: [
    {
      AvailabilityZone: 'us-east-1a',
      InstanceId: STRANGER,
      InstanceType: 'm5.large',
      InstanceMarketOption: 'on-demand',
    },
  ],
  Cause: 'SCALE_IN',
};

/** What the function has asked Nomad for by a filter. */
const filters = () => world.nomad.requests.map(({ query }) => query.filter ?? '');

/** The attack of a stranger who may invoke the function: a field of every node, asked for a digit at a time. */
const INJECTION = `${STRANGER}" or SecretID matches "^a`;

describe('whoever may invoke the function', () => {
  it.each([
    ['InstanceId', { Instances: [{ ...QUESTION.Instances[0], InstanceId: INJECTION }] }],
    ['InstanceId', { Instances: [null] }],
    ['AvailabilityZone', { Instances: [{ ...QUESTION.Instances[0], AvailabilityZone: { toString: 'x' } }] }],
    [
      'InstanceMarketOption',
      { CapacityToTerminate: [{ ...QUESTION.CapacityToTerminate[0], InstanceMarketOption: 1 }] },
    ],
    ['Capacity', { CapacityToTerminate: [{ ...QUESTION.CapacityToTerminate[0], Capacity: 0.5 }] }],
    ['Capacity', { CapacityToTerminate: [{ ...QUESTION.CapacityToTerminate[0], Capacity: -1 }] }],
    ['AutoScalingGroupName', { AutoScalingGroupName: 'x'.repeat(256) }],
    ['Cause', { Cause: ['SCALE_IN'] }],
  ])('asks who goes by a question whose %s is what it has to be, or Nomad is not asked: %j', async (field, wrong) => {
    await start();
    world.addBuilder();
    await expect(world.wake({ ...QUESTION, ...wrong })).rejects.toThrow(field);
    expect(world.nomad.requests).toEqual([]);
  });

  it('gets no write, no release and no secret by any field of any event that is not what it has to be', async () => {
    await start({
      notices: { rebalance: 'drain', maintenance: true },
      acl: true,
      nomad: { token: { parameter: '/t' } },
    });
    world.nomad.policy('p', 'node { policy = "write" }\nnamespace "*" { capabilities = ["read-job", "read-logs"] }');
    const token = world.nomad.token({ policies: ['p'] });
    world.aws.putParameter('/t', token, 'SecureString');
    const { nodeId } = world.addBuilder();
    const [allocation = ''] = world.nomad.run({ id: 'build', type: 'batch', on: nodeId, runSeconds: 9_999 });
    const lifecycle = {
      source: 'aws.autoscaling',
      'detail-type': 'EC2 Instance-terminate Lifecycle Action',
      time: new Date(world.clock.now()).toISOString(),
      detail: {
        LifecycleTransition: 'autoscaling:EC2_INSTANCE_TERMINATING',
        EC2InstanceId: STRANGER,
        AutoScalingGroupName: GROUP,
        LifecycleHookName: HOOK,
      },
    };
    const events: object[] = [
      lifecycle,
      QUESTION,
      spotWarning(STRANGER),
      rebalanceRecommendation(STRANGER),
      healthEvent([STRANGER], { startTime: world.clock.now() + 60_000 }),
      { command: 'dryRun', instanceId: STRANGER },
      { command: 'logs', allocation: allocation.slice(0, 8), task: 't', stream: 'stderr', bytes: 10, offset: '0:1' },
      { command: 'logs', node: 'builder-1', job: 'build' },
      { command: 'logs', instanceId: STRANGER },
      { command: 'jobs', namespace: 'default', status: 'running' },
      { command: 'capacity', cpu: 1, memoryMb: 1 },
      { command: 'plan', group: GROUP, deadlineSeconds: 60 },
    ];
    const hostile = fc.oneof(
      fc.constantFrom<unknown[]>(
        INJECTION,
        `${STRANGER}|.*`,
        '.*',
        '"',
        '`',
        '\\',
        '..',
        '%2e%2e/',
        '../../v1/acl/tokens?',
        '\0',
        '\ud800',
        '1',
        '0000-01-01T00:00:00Z',
        '+275760-09-13T00:00:00Z',
        '9999-12-31T23:59:59Z',
        'constructor',
        '__proto__',
        'x'.repeat(100_000),
        Number.MAX_VALUE,
        -1,
        null,
        true,
        [],
        {},
        [STRANGER],
        { toString: null },
      ),
      fc.string({ unit: 'binary' }),
      fc.jsonValue() as fc.Arbitrary<unknown>,
    );
    const input = fc.constantFrom(...events).chain((event) => {
      const paths = pathsOf(event);
      return fc.tuple(fc.constantFrom(...paths), hostile).map(([path, value]) => withAt(event, path, value));
    });
    let inputs = 0;
    await fc.assert(
      fc.asyncProperty(input, async (event) => {
        inputs += 1;
        const answer = await world.wake(event).catch((error: Error) => `${error.name}: ${error.message}`);
        const told = JSON.stringify([answer, world.log.splice(0)]);
        expect(told).not.toContain(token);
        expect(told.length).toBeLessThan(20_000);
        expect(filters().filter((filter) => filter.includes('SecretID'))).toEqual([]);
        expect(world.nomad.requests.filter(({ path }) => /\/v1\/(acl\/tokens|jobs)/.test(path))).toEqual([]);
        expect(world.nomad.requests.filter(({ method }) => method !== 'GET')).toEqual([]);
        expect(world.aws.completions).toEqual([]);
      }),
      { numRuns: RUNS },
    );
    expect(inputs).toBe(RUNS);
  });
});

/** Inputs in `npm test`; `HOSTILE_RUNS` says another number. */
const RUNS = Number(process.env.HOSTILE_RUNS ?? 300);

type Path = readonly (string | number)[];

const pathsOf = (value: unknown, at: Path = []): Path[] =>
  typeof value === 'object' && value !== null
    ? [
        ...(at.length > 0 ? [at] : []),
        ...Object.keys(value).flatMap((key) => pathsOf((value as Record<string, unknown>)[key], [...at, key])),
      ]
    : [at];

function withAt<T>(value: T, [key, ...rest]: Path, given: unknown): T {
  if (key === undefined) return given as T;
  const copy = (Array.isArray(value) ? [...value] : { ...value }) as Record<string | number, unknown>;
  copy[key] = withAt(copy[key], rest, given);
  return copy as T;
}
