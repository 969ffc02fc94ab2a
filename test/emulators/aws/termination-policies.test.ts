import { afterEach, beforeEach, describe, expect, it, test } from 'vitest';
import type { TerminationFunction } from '../../../emulators/aws/auto-scaling/termination-policies.ts';
import { AwsEmulator } from '../../../emulators/aws/aws.ts';
import { ManualClock } from '../../../emulators/clock.ts';

const GROUP = 'builders';
const ARN = 'arn:aws:lambda:us-east-1:123456789012:function:who-goes';

let clock: ManualClock;
let aws: AwsEmulator;
let ids: string[];

beforeEach(async () => {
  clock = new ManualClock();
  aws = await AwsEmulator.start({ clock });
});
afterEach(() => aws.close());

/** Six instances; the function answers so. */
const six = (answer: TerminationFunction, policies: readonly string[] = [ARN, 'Default']) => {
  aws.addGroup({ name: GROUP, terminationPolicies: policies });
  ids = Array.from({ length: 6 }, (_, index) =>
    aws.addInstance(GROUP, { zone: index % 2 === 0 ? 'us-east-1a' : 'us-east-1b' }),
  );
  aws.onTerminationPolicy(ARN, answer);
};
const answering =
  (...places: number[]) =>
  async () => ({ InstanceIDs: places.map((place) => ids[place]) });
/** Who is on the way out, by their places. */
const going = () => aws.instances(GROUP).flatMap(({ id, state }) => (state === 'InService' ? [] : [ids.indexOf(id)]));
const shrink = async (by: number) => {
  aws.shrink(GROUP, by);
  await new Promise((resolve) => setImmediate(resolve));
};

describe('the function of a termination policy', () => {
  it('is asked with how many of each zone go, and who may', async () => {
    six(answering(0, 1));
    await shrink(2);
    expect(aws.asked[0]?.event).toEqual({
      AutoScalingGroupARN: expect.stringMatching(/^arn:aws:autoscaling:.*:autoScalingGroupName\/builders$/),
      AutoScalingGroupName: GROUP,
      CapacityToTerminate: [
        { AvailabilityZone: 'us-east-1a', Capacity: 1, InstanceMarketOption: 'on-demand' },
        { AvailabilityZone: 'us-east-1b', Capacity: 1, InstanceMarketOption: 'on-demand' },
      ],
      Instances: ids.map((InstanceId, index) => ({
        AvailabilityZone: index % 2 === 0 ? 'us-east-1a' : 'us-east-1b',
        InstanceId,
        InstanceType: 'm7g.large',
        InstanceMarketOption: 'on-demand',
      })),
      Cause: 'SCALE_IN',
    });
    expect(going()).toEqual([0, 1]);
  });

  it('that names more than needed leaves the choice to the next policy, whatever its order', async () => {
    six(answering(4, 5, 2, 3));
    await shrink(2);
    expect(going()).toEqual([2, 3]);
  });

  it('and then the newest go, where that is the next policy', async () => {
    six(answering(0, 1, 2, 3), [ARN, 'NewestInstance']);
    await shrink(2);
    expect(going()).toEqual([2, 3]);
  });

  it('that names fewer is asked again for the rest', async () => {
    const answers = [[5], [], [3]];
    six(async () => ({ InstanceIDs: (answers.shift() ?? []).map((place) => ids[place]) }));
    await shrink(2);
    expect(going()).toEqual([5]);
    await clock.advance(30_000);
    expect(going()).toEqual([5]);
    expect(aws.asked.at(-1)?.event.CapacityToTerminate).toMatchObject([
      { AvailabilityZone: 'us-east-1a', Capacity: 1 },
    ]);
    await clock.advance(30_000);
    expect(going()).toEqual([3]);
    await clock.advance(60_000);
    expect(aws.asked).toHaveLength(3);
  });

  it('that names instances of other zones is heard all the same', async () => {
    six(answering(0, 2));
    await shrink(2);
    expect(going()).toEqual([0, 2]);
  });

  it('that names strangers, and those that are protected, has named nobody', async () => {
    six(async () => ({ InstanceIDs: ['i-0fedcba9876543210', guarded] }));
    const guarded = aws.addInstance(GROUP, { protectedFromScaleIn: true });
    await shrink(1);
    expect(going()).toEqual([]);
    expect(aws.asked[0]?.event.Instances.map(({ InstanceId }) => InstanceId)).not.toContain(guarded);
  });

  test.each<[string, TerminationFunction]>([
    ['fails', () => Promise.reject(new Error('Unhandled'))],
    ['answers something else', async () => ({ instances: [] })],
    ['answers nothing', async () => null],
    ['takes longer than two seconds', () => clock.sleep(2_500).then(() => ({ InstanceIDs: ids }))],
  ])('that %s is asked again, for as long as the group is too large', async (_, answer) => {
    six(answer);
    await shrink(1);
    await clock.advance(100_000);
    expect(aws.asked.length).toBeGreaterThan(2);
    expect(aws.asked.map((asked) => asked.answer)).not.toContainEqual(expect.any(Array));
    expect(going()).toEqual([]);
    aws.shrink(GROUP, -1);
    const before = aws.asked.length;
    await clock.advance(100_000);
    expect(aws.asked.length).toBeLessThanOrEqual(before + 1);
  });

  it('has to be the first policy, the only function, and not $LATEST; Default has to be the last', () => {
    const refused = (...terminationPolicies: string[]) =>
      expect(() => aws.addGroup({ name: terminationPolicies.join(), terminationPolicies })).toThrow();
    refused('OldestInstance', ARN);
    refused(ARN, ARN);
    refused(`${ARN}:$LATEST`);
    refused('Default', 'OldestInstance');
    refused('Oldest');
    aws.addGroup({ name: 'alias', terminationPolicies: [`${ARN}:live`, 'OldestInstance', 'Default'] });
  });
});
