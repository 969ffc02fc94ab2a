import fc from 'fast-check';
import type { Action } from '../../emulators/aws/faults.ts';
import {
  BUILDERS,
  type BuildKind,
  type Ending,
  type Joining,
  type NomadFault,
  type Saying,
  type Step,
  type Story,
  type Way,
} from './steps.ts';

const CALLS: Action[] = [
  'DescribeAutoScalingGroups',
  'DescribeAutoScalingInstances',
  'DescribeLifecycleHooks',
  'DescribeScalingActivities',
  'CompleteLifecycleAction',
  'RecordLifecycleActionHeartbeat',
  'DescribeInstances',
  'DescribeInstanceStatus',
  'DescribeSpotInstanceRequests',
  'GetParameters',
];

const builder = fc.nat({ max: BUILDERS - 1 });

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ what: fc.constant('pass' as const), seconds: fc.integer({ min: 1, max: 240 }) }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      what: fc.constant('scale-in' as const),
      builder,
      event: fc.constantFrom('in time' as const, 'twice' as const, 'late' as const, 'lost' as const),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      what: fc.constant('build' as const),
      builder,
      seconds: fc.integer({ min: 1, max: 900 }),
      kind: fc.constantFrom<BuildKind[]>('plain', 'fails and uploads', 'outlives its agent'),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ what: 'system job' as const }) },
  {
    weight: 1,
    arbitrary: fc.record({ what: fc.constant('service' as const), stopSeconds: fc.integer({ min: 1, max: 4 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      what: fc.constant('goes while builds are planned' as const),
      builder,
      gapMs: fc.integer({ min: 0, max: 2000 }),
      seconds: fc.integer({ min: 1, max: 300 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('job purged' as const), builder }) },
  { weight: 1, arbitrary: fc.constant({ what: 'garbage collection' as const }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('purged by another' as const), builder }) },
  {
    weight: 1,
    arbitrary: fc.record({
      what: fc.constant('another deployment drains' as const),
      named: fc.boolean(),
      after: fc.constantFrom('stays' as const, 'goes down' as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      what: fc.constant('token' as const),
      how: fc.constantFrom(
        'rotated' as const,
        'rotated to a narrow one' as const,
        'narrowed' as const,
        'widened' as const,
      ),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      what: fc.constant("the hook's timeout changes" as const),
      // An action keeps the timeout that it began with, and nobody tells it: hooks that differ more could let one lapse.
      seconds: fc.constantFrom(450, 480, 700),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      what: fc.constant('event comes again' as const),
      builder,
      hoursOld: fc.constantFrom(0, 1, 16, 40),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ what: 'another leader' as const }) },
  { weight: 4, arbitrary: fc.record({ what: fc.constant('deliver' as const), backwards: fc.boolean() }) },
  { weight: 6, arbitrary: fc.constant({ what: 'sweep' as const }) },
  { weight: 1, arbitrary: fc.constant({ what: 'two sweeps' as const }) },
  {
    weight: 2,
    arbitrary: fc.record({ what: fc.constant('killed run' as const), afterRequests: fc.integer({ min: 1, max: 30 }) }),
  },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('stray event' as const), builder }) },
  {
    weight: 1,
    arbitrary: fc.record({ what: fc.constant('cancel drain' as const), builder, eligible: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('mark ineligible' as const), builder }) },
  {
    weight: 2,
    arbitrary: fc.record({
      what: fc.constant('Spot interruption' as const),
      builder,
      action: fc.constantFrom('terminate' as const, 'stop' as const),
      event: fc.constantFrom('in time' as const, 'in time' as const, 'late' as const, 'lost' as const),
    }),
  },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('rebalance recommendation' as const), builder }) },
  {
    weight: 1,
    arbitrary: fc.record({
      what: fc.constant('maintenance' as const),
      builder,
      event: fc.constantFrom('in time' as const, 'lost' as const),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      what: fc.constant('another way' as const),
      builder,
      how: fc.constantFrom<Way[]>(
        'refresh',
        'lifetime',
        'zones',
        'root volume',
        'standby',
        'back from standby',
        'detach',
      ),
    }),
  },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('instance dies' as const), builder }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('client dies' as const), builder }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('agent goes away' as const), builder }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('agent comes back' as const), builder }) },
  {
    weight: 1,
    arbitrary: fc.record({
      what: fc.constant('agent comes back as another' as const),
      builder,
      saying: fc.constantFrom<Saying[]>('its instance', 'its instance', 'its address', 'nothing'),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      what: fc.constant('agent restarts' as const),
      builder,
      saying: fc.constantFrom('its address' as const, 'nothing' as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      what: fc.constant('another tool drains' as const),
      builder,
      seconds: fc.integer({ min: 30, max: 900 }),
      ignoreSystemJobs: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      what: fc.constant('EC2 fails' as const),
      how: fc.constantFrom('RequestLimitExceeded' as const, 'UnauthorizedOperation' as const, 'silence' as const),
      requests: fc.integer({ min: 1, max: 20 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ what: fc.constant('no sweeps' as const), seconds: fc.integer({ min: 60, max: 120 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      what: fc.constant('the clock jumps' as const),
      seconds: fc.integer({ min: -30, max: 90 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      what: fc.constant('Nomad fails' as const),
      how: fc.constantFrom<NomadFault[]>(
        403,
        404,
        429,
        500,
        502,
        504,
        'garbage',
        'hang-up',
        'answer lost',
        'silence',
        'slow',
        'hollow',
      ),
      requests: fc.integer({ min: 1, max: 40 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      what: fc.constant('Nomad is away' as const),
      seconds: fc.integer({ min: 20, max: 300 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      what: fc.constant('the event bus fails' as const),
      requests: fc.integer({ min: 1, max: 20 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      what: fc.constant('Auto Scaling fails' as const),
      how: fc.constantFrom('Throttling' as const, 'ResourceContention' as const),
      requests: fc.integer({ min: 1, max: 6 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      what: fc.constant('one call is silent' as const),
      call: fc.constantFrom(...CALLS),
      requests: fc.integer({ min: 1, max: 3 }),
    }),
  },
);

/** What the agents of new instances do. */
export const joining: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      what: fc.constant('agent joins' as const),
      builder,
      as: fc.constantFrom<Joining[]>('ready', 'initializing', 'ineligible', 'unhealthy', 'unhealthy', 'nameless'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('agent gets ready' as const), builder }) },
  {
    weight: 2,
    arbitrary: fc.record({
      what: fc.constant('build' as const),
      builder,
      seconds: fc.integer({ min: 1, max: 900 }),
      kind: fc.constant('plain' as const),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ what: fc.constant('pass' as const), seconds: fc.integer({ min: 60, max: 400 }) }),
  },
);

const ending: fc.Arbitrary<Ending> = fc.oneof(
  { weight: 72, arbitrary: fc.constant({ how: 'healed' as const }) },
  {
    weight: 7,
    arbitrary: fc.record({
      how: fc.constant('one stays sick' as const),
      builder,
      answer: fc.constantFrom(500 as const, 'silence' as const),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ how: 'Nomad stays away' as const }) },
);

export const story: fc.Arbitrary<Story> = fc.record({
  deadline: fc.constantFrom('long' as const, 'short' as const),
  version: fc.constantFrom('1.8.4' as const, '2.0.6' as const),
  rebalance: fc.constantFrom('off' as const, 'drain' as const, 'cordon' as const),
  purge: fc.boolean(),
  retain: fc.boolean(),
  skewSeconds: fc.constantFrom(0, 0, 0, 0, -150, 150, 300),
  steps: fc.array(step, { minLength: 4, maxLength: 24 }),
  ending,
});
