import fc from 'fast-check';

/** What may happen in the world: to the group, to its builds, to Nomad, to AWS, and to the function itself. */
export type Step =
  | { what: 'scale-in'; builder: number; event: 'in time' | 'twice' | 'late' | 'lost' }
  | { what: 'build'; builder: number; seconds: number }
  | { what: 'pass'; seconds: number }
  | { what: 'deliver'; backwards: boolean }
  | { what: 'sweep' }
  | { what: 'two sweeps' }
  | { what: 'killed run'; afterRequests: number }
  | { what: 'stray event'; builder: number }
  | { what: 'cancel drain'; builder: number; eligible: boolean }
  | { what: 'mark ineligible'; builder: number }
  | { what: 'instance dies'; builder: number }
  | { what: 'client dies'; builder: number }
  | { what: 'Nomad fails'; how: NomadFault; requests: number }
  | { what: 'Auto Scaling fails'; how: 'Throttling' | 'ResourceContention'; requests: number };

export type NomadFault = 403 | 429 | 500 | 'garbage' | 'hang-up';

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
    }),
  },
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
  { weight: 1, arbitrary: fc.record({ what: fc.constant('instance dies' as const), builder }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('client dies' as const), builder }) },
  {
    weight: 2,
    arbitrary: fc.record({
      what: fc.constant('Nomad fails' as const),
      how: fc.constantFrom<NomadFault[]>(403, 429, 500, 'garbage', 'hang-up'),
      requests: fc.integer({ min: 1, max: 40 }),
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

export const story: fc.Arbitrary<Step[]> = fc.array(step, { minLength: 4, maxLength: 24 });
