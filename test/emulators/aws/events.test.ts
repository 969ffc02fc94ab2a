import { CompleteLifecycleActionCommand } from '@aws-sdk/client-auto-scaling';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AwsEmulator } from '../../../emulators/aws/aws.ts';
import { connect } from '../../../emulators/aws/clients.ts';
import type { EventBridgeEvent } from '../../../emulators/aws/events/events.ts';
import { ManualClock } from '../../../emulators/clock.ts';

const GROUP = 'builders';
const HOOK = 'nomad-drain';
const SECOND = 1000;
const RULE = { source: 'aws.autoscaling', detailType: 'EC2 Instance-terminate Lifecycle Action' } as const;

let clock: ManualClock;
let aws: AwsEmulator;

beforeEach(async () => {
  clock = new ManualClock();
  aws = await AwsEmulator.start({ clock });
});
afterEach(() => aws.close());

/** Scales in the only instance of a group, and notes when the rule matches. */
function scaleIn(notificationMetadata?: string): { id: string; arrivals: { at: number; event: EventBridgeEvent }[] } {
  aws.addGroup({ name: GROUP, hook: { name: HOOK, ...(notificationMetadata && { notificationMetadata }) } });
  const arrivals: { at: number; event: EventBridgeEvent }[] = [];
  aws.onEvent((event) => arrivals.push({ at: clock.now(), event }), RULE);
  const id = aws.addInstance(GROUP);
  aws.scaleIn(GROUP, [id]);
  return { id, arrivals };
}

describe('the lifecycle event', () => {
  test('is the document that EventBridge hands to a target', async () => {
    const { id, arrivals } = scaleIn();
    await clock.advance(SECOND);
    expect(arrivals.map(({ event }) => event)).toEqual([
      {
        version: '0',
        id: expect.stringMatching(/^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/),
        'detail-type': 'EC2 Instance-terminate Lifecycle Action',
        source: 'aws.autoscaling',
        account: '123456789012',
        time: '2026-03-01T09:00:01Z',
        region: 'us-east-1',
        resources: [
          expect.stringMatching(/^arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:.*\/builders$/),
        ],
        detail: {
          LifecycleActionToken: aws.waiting[0]?.token,
          AutoScalingGroupName: GROUP,
          LifecycleHookName: HOOK,
          EC2InstanceId: id,
          LifecycleTransition: 'autoscaling:EC2_INSTANCE_TERMINATING',
          Origin: 'AutoScalingGroup',
          Destination: 'EC2',
        },
      },
    ]);
  });

  test('carries the metadata of the hook, if there is any', async () => {
    const { arrivals } = scaleIn('be gentle');
    await clock.advance(SECOND);
    expect(arrivals[0]?.event.detail).toHaveProperty('NotificationMetadata', 'be gentle');
  });

  test('comes when the instance begins to wait, not before', async () => {
    const { id, arrivals } = scaleIn();
    await clock.advance(SECOND - 1);
    expect([aws.instance(id).state, arrivals.length]).toEqual(['Terminating', 0]);
    await clock.advance(1);
    expect([aws.instance(id).state, arrivals.length]).toEqual(['Terminating:Wait', 1]);
  });

  test('comes again when it is sent again, with any time, and begins no other wait', async () => {
    const { arrivals } = scaleIn();
    await clock.advance(SECOND);
    const [first] = arrivals.map(({ event }) => event);
    if (!first) throw new Error('no event');
    const waiting = aws.waiting;
    await clock.advance(60 * SECOND);
    aws.resend(first);
    aws.resend(first, { time: clock.now() - 16 * 3_600_000 });
    expect(arrivals.map(({ event }) => event)).toEqual([first, first, { ...first, time: '2026-02-28T17:01:01Z' }]);
    expect(aws.events.filter(({ id }) => id === first.id)).toHaveLength(1);
    expect(aws.waiting).toEqual(waiting);
  });

  test('is all that a rule for it matches', async () => {
    const { id, arrivals } = scaleIn();
    aws.launch(GROUP);
    aws.terminate(id);
    await clock.advance(60 * SECOND);
    expect(new Set(aws.events.map(({ source }) => source))).toEqual(new Set(['aws.autoscaling', 'aws.ec2']));
    expect(arrivals).toHaveLength(1);
  });
});

test('a termination that succeeded is an event of its own, as is each change of an EC2 state', async () => {
  const seen: string[] = [];
  const { id } = scaleIn();
  aws.onEvent(({ source, detail, ...event }) =>
    seen.push(`${source} ${event['detail-type']} ${detail.state ?? ''}`.trim()),
  );
  await clock.advance(SECOND);
  await connect(aws).autoScaling.send(
    new CompleteLifecycleActionCommand({
      AutoScalingGroupName: GROUP,
      LifecycleHookName: HOOK,
      InstanceId: id,
      LifecycleActionResult: 'CONTINUE',
    }),
  );
  await clock.advance(60 * SECOND);
  expect(seen).toEqual([
    'aws.autoscaling EC2 Instance-terminate Lifecycle Action',
    'aws.ec2 EC2 Instance State-change Notification shutting-down',
    'aws.ec2 EC2 Instance State-change Notification terminated',
    'aws.autoscaling EC2 Instance Terminate Successful',
  ]);
});
