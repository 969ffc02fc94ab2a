import fc from 'fast-check';

/** What may happen in the world: to the group, to its builds, to Nomad, to AWS, and to the function itself. */
export type Step =
  | { what: 'scale-in'; builder: number; event: 'in time' | 'twice' | 'late' | 'lost' }
  | { what: 'build'; builder: number; seconds: number; kind: BuildKind }
  | { what: 'system job' }
  | { what: 'pass'; seconds: number }
  | { what: 'deliver'; backwards: boolean }
  | { what: 'sweep' }
  | { what: 'two sweeps' }
  | { what: 'killed run'; afterRequests: number }
  | { what: 'stray event'; builder: number }
  | { what: 'cancel drain'; builder: number; eligible: boolean }
  | { what: 'mark ineligible'; builder: number }
  | { what: 'Spot interruption'; builder: number; action: 'terminate' | 'stop'; event: 'in time' | 'late' | 'lost' }
  | { what: 'rebalance recommendation'; builder: number }
  | { what: 'maintenance'; builder: number; event: 'in time' | 'lost' }
  | { what: 'another way'; builder: number; how: Way }
  | { what: 'instance dies'; builder: number }
  | { what: 'client dies'; builder: number }
  | { what: 'agent goes away'; builder: number }
  | { what: 'agent comes back'; builder: number }
  | { what: 'agent comes back as another'; builder: number }
  | { what: 'another tool drains'; builder: number; seconds: number; ignoreSystemJobs: boolean }
  | { what: 'EC2 fails'; how: 'RequestLimitExceeded' | 'UnauthorizedOperation' | 'silence'; requests: number }
  | { what: 'no sweeps'; seconds: number }
  | { what: 'the clock jumps'; seconds: number }
  | { what: 'Nomad is away'; seconds: number }
  | { what: 'Nomad fails'; how: NomadFault; requests: number }
  | { what: 'the event bus fails'; requests: number }
  | { what: 'Auto Scaling fails'; how: 'Throttling' | 'ResourceContention'; requests: number };

/** Ways by which Auto Scaling takes an instance out of service, with a hook or without one. */
export type Way = 'refresh' | 'lifetime' | 'zones' | 'root volume' | 'standby' | 'back from standby' | 'detach';

export type NomadFault = 403 | 429 | 500 | 'garbage' | 'hang-up' | 'answer lost' | 'silence' | 'slow';

/** How a story ends: without faults, with Nomad failing for one node only, or with Nomad away for good. */
export type Ending =
  | { how: 'healed' }
  | { how: 'one stays sick'; builder: number; answer: 500 | 'silence' }
  | { how: 'Nomad stays away' };

/** It ends well; or fails, and uploads its artifacts; or Nomad keeps it while its client is away. */
export type BuildKind = 'plain' | 'fails and uploads' | 'outlives its agent';

export interface Story {
  /** The drain deadline: longer than the story, or so short that builds are killed in it. */
  deadline: 'long' | 'short';
  /** 1.8 keeps builds on nodes that are down; 2.0 keeps them on disconnected nodes, for a time. */
  version: '1.8.4' | '2.0.6';
  /** What is done about rebalance recommendations; scheduled maintenance is acted on unless it is off. */
  rebalance: 'off' | 'drain' | 'cordon';
  /** Nodes of terminated instances are purged. */
  purge: boolean;
  /** Instances whose time is up are abandoned, and the group retains those. */
  retain: boolean;
  steps: Step[];
  ending: Ending;
}

/** What a story is like unless it says otherwise. */
export const PLAIN = { deadline: 'long', version: '2.0.6', rebalance: 'off', purge: false, retain: false } as const;

export const BUILDERS = 4;

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
  { weight: 1, arbitrary: fc.record({ what: fc.constant('agent comes back as another' as const), builder }) },
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
      how: fc.constantFrom<NomadFault[]>(403, 429, 500, 'garbage', 'hang-up', 'answer lost', 'silence', 'slow'),
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
  steps: fc.array(step, { minLength: 4, maxLength: 24 }),
  ending,
});
