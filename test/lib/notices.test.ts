import { readFileSync } from 'node:fs';
import { Duration } from 'aws-cdk-lib';
import { describe, expect, test } from 'vitest';
import type { NomadDrainHookProps } from '../../lib/props.ts';
import {
  environmentOf,
  firstGroupOf,
  type Json,
  only,
  problemsOf,
  resources,
  statementsOf,
  templateOf,
  thrownProblems,
} from './stacks.ts';

const RULE = 'AWS::Events::Rule';

/** The rules that are there for what is asked, by their detail types. Those of every hook are left out. */
function rulesOf(props: Partial<NomadDrainHookProps>): Record<string, Json[]> {
  const rules = Object.values(resources(templateOf(props), RULE)).map(({ Properties: properties }) => properties);
  const others = rules.filter(
    ({ EventPattern: pattern }) => pattern && !pattern['detail-type'][0].endsWith('Lifecycle Action'),
  );
  return Object.groupBy(others, ({ EventPattern: pattern }) => pattern['detail-type'].join()) as Record<string, Json[]>;
}

const SPOT = 'EC2 Spot Instance Interruption Warning,EC2 Capacity Reservation Instance Interruption Warning';
const REBALANCE = 'EC2 Instance Rebalance Recommendation';
const HEALTH = 'AWS Health Event';

describe('the function is invoked', () => {
  test.each<[string, Partial<NomadDrainHookProps>, string[]]>([
    ['by interruption warnings of Spot and of capacity reservations, where nothing is said', {}, [SPOT]],
    ['by nothing else than ever, where Spot warnings are not acted on', { notices: { spot: false } }, []],
    ['by rebalance recommendations, to drain', { notices: { rebalance: 'drain' } }, [SPOT, REBALANCE]],
    ['by rebalance recommendations, to cordon', { notices: { rebalance: 'cordon' } }, [SPOT, REBALANCE]],
    ['by scheduled maintenance, if asked', { notices: { maintenance: true } }, [SPOT, HEALTH]],
    ['by no end of an instance: a sweep removes its node', { purgeNodes: true }, [SPOT]],
  ])('%s', (_, props, expected) => {
    expect(Object.keys(rulesOf(props)).toSorted()).toEqual(expected.toSorted());
  });

  const everything = rulesOf({ notices: { rebalance: 'drain', maintenance: true }, purgeNodes: true });

  test('for every Spot instance of the account: the events name no group', () => {
    expect(everything[SPOT]).toEqual([
      expect.objectContaining({ EventPattern: { source: ['aws.ec2'], 'detail-type': SPOT.split(',') } }),
    ]);
    expect(everything[REBALANCE]).toEqual([
      expect.objectContaining({ EventPattern: { source: ['aws.ec2'], 'detail-type': [REBALANCE] } }),
    ]);
  });

  test('only by maintenance that ends, stops, reboots or cuts off an instance', () => {
    const [{ EventPattern: pattern }] = everything[HEALTH]!;
    expect(pattern).toMatchObject({
      source: ['aws.health'],
      detail: { service: ['EC2'], eventTypeCategory: ['scheduledChange'] },
    });
    const begins = (code: string) =>
      pattern.detail.eventTypeCode.some(({ prefix }: { prefix: string }) => code.startsWith(prefix));
    const page = readFileSync(new URL('../../docs/leaving.md', import.meta.url), 'utf8');
    const documented = page.match(/AWS_EC2_\w+_(SCHEDULED|EXPEDITED)/g) ?? [];
    expect(documented.length).toBeGreaterThanOrEqual(12);
    expect(documented.filter((code) => !begins(code))).toEqual([]);
    for (const other of ['AWS_EC2_DEDICATED_HOST_RETIREMENT_SCHEDULED', 'AWS_EC2_OPERATIONAL_ISSUE']) {
      expect(begins(other)).toBe(false);
    }
  });

  test.each([
    [SPOT, 2, Duration.minutes(2)],
    [REBALANCE, 2, Duration.hours(1)],
    [HEALTH, 4, Duration.hours(24)],
  ])('by no event that is too old to be of use: %s', (type, attempts, age) => {
    for (const { Targets: targets } of everything[type]!) {
      expect(targets.map(({ RetryPolicy: policy }: Json) => policy)).toEqual([
        { MaximumRetryAttempts: attempts, MaximumEventAgeInSeconds: age.toSeconds() },
      ]);
    }
  });

  test('and what could not be delivered lies in the same queue as what else could not', () => {
    const template = templateOf({ notices: { rebalance: 'drain', maintenance: true }, purgeNodes: true });
    const rules = Object.values(resources(template, RULE));
    const queues = rules.map(({ Properties }) => Properties.Targets[0].DeadLetterConfig.Arn['Fn::GetAtt'][0]);
    expect(rules.length).toBe(5);
    expect(new Set(queues).size).toBe(1);
    template.resourceCountIs('AWS::Lambda::Permission', 5);
  });
});

describe('the function may ask EC2 which maintenance is scheduled', () => {
  test('only where it drains before that', () => {
    const asked = (props: Partial<NomadDrainHookProps>) => statementsOf(templateOf(props)).ReadMaintenance;
    expect(asked({ notices: { maintenance: true } })).toMatchObject({
      Action: 'ec2:DescribeInstanceStatus',
      Resource: '*',
    });
    for (const props of [{}, { notices: { rebalance: 'drain' as const } }, { purgeNodes: true }]) {
      expect(asked(props)).toBeUndefined();
    }
  });

  test('and which Spot instances it interrupts, only where that is acted on', () => {
    const asked = (props: Partial<NomadDrainHookProps>) => statementsOf(templateOf(props)).ReadSpotRequests;
    expect(asked({})).toMatchObject({ Action: 'ec2:DescribeSpotInstanceRequests', Resource: '*' });
    expect(asked({ notices: { spot: false } })).toBeUndefined();
  });

  test('and nothing in AWS changes with the other options', () => {
    const policy = (props: Partial<NomadDrainHookProps>) =>
      only(templateOf(props), 'AWS::IAM::Policy').Properties.PolicyDocument;
    const others = { notices: { rebalance: 'cordon' as const }, purgeNodes: true };
    expect(policy(others)).toEqual(policy({}));
  });
});

describe('the configuration', () => {
  const written = (props: Partial<NomadDrainHookProps>) => {
    const { notices, purge } = JSON.parse(environmentOf(templateOf(props)).NOMAD_DRAIN_HOOK!);
    return { notices, purge };
  };

  test('says nothing of notices that are by default: the environment is small', () => {
    const nothing = { notices: undefined, purge: undefined };
    expect(written({})).toEqual(nothing);
    const notices = { spot: true, maintenance: false, restoreAfter: Duration.hours(1) };
    expect(written({ notices, purgeNodes: false })).toEqual(nothing);
  });

  test('says what differs, and nothing else', () => {
    expect(written({ notices: { spot: false }, purgeNodes: true })).toEqual({ notices: { spot: false }, purge: true });
    expect(written({ notices: { rebalance: 'cordon', restoreAfter: Duration.minutes(20) } }).notices).toEqual({
      rebalance: 'cordon',
      restoreSeconds: 1200,
    });
  });

  test('is what the function reads', () => {
    const notices = { spot: false, rebalance: 'drain', maintenance: true, restoreAfter: Duration.minutes(1) } as const;
    const { notices: read, purge } = firstGroupOf(templateOf({ notices, purgeNodes: true }));
    expect(read).toEqual({ spot: false, rebalance: 'drain', maintenance: true, restoreSeconds: 60 });
    expect(purge).toBe(true);
  });
});

describe('at synth is refused', () => {
  test.each([Duration.seconds(59), Duration.days(7).plus(Duration.seconds(1)), Duration.millis(60_500)])(
    'a time until nodes are restored of %s',
    (restoreAfter) => {
      const refused = () => templateOf({ notices: { rebalance: 'cordon', restoreAfter } });
      expect(thrownProblems(refused).map(({ path, id }) => [...path, id])).toEqual([
        ['notices', 'restoreAfter', 'nomad-drain-hook:restoreOutOfRange'],
      ]);
    },
  );

  test('what TypeScript would not take, by the name of its property', () => {
    const wrong = {
      notices: { rebalance: 'ignore' as 'drain', spot: 0 as unknown as boolean },
      purgeNodes: 1 as never,
    };
    expect(problemsOf(() => templateOf(wrong)).map((problem) => problem.split(':')[0])).toEqual([
      'notices.spot',
      'notices.rebalance',
      'purgeNodes',
    ]);
  });
});
