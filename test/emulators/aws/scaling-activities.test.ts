import { DescribeScalingActivitiesCommand } from '@aws-sdk/client-auto-scaling';
import { describe, expect, test } from 'vitest';
import { aws, clients, clock, eachInItsOwnAccount } from './account.ts';

const GROUP = 'builders';
const SECOND = 1000;
const HOUR_SECONDS = 3600;

eachInItsOwnAccount();

/** The activities that name this instance, those in progress first, then the newest. */
async function activitiesOf(id: string) {
  const command = new DescribeScalingActivitiesCommand({ AutoScalingGroupName: GROUP });
  const { Activities = [] } = await clients.autoScaling.send(command);
  return Activities.filter(({ Description }) => Description?.includes(id));
}

const lifecycleEvents = () => aws.events.filter((event) => event['detail-type'].endsWith('Lifecycle Action'));

describe('behind a load balancer, the scaling activity', () => {
  test('begins before the wait, by as long as the load balancer takes to deregister the instance', async () => {
    aws.addGroup({ name: GROUP, hook: { name: 'nomad-drain' }, deregistrationSeconds: HOUR_SECONDS });
    const id = aws.addInstance(GROUP);
    const begunAt = clock.now();
    aws.scaleIn(GROUP, [id]);
    await clock.advance(HOUR_SECONDS * SECOND);
    expect(aws.instance(id).state).toBe('Terminating');
    expect([aws.waiting, lifecycleEvents()]).toEqual([[], []]);
    await clock.advance(SECOND);
    expect(aws.instance(id).state).toBe('Terminating:Wait');
    const [event] = lifecycleEvents();
    expect(Date.parse(event?.time ?? '')).toBe(begunAt + (HOUR_SECONDS + 1) * SECOND);
    expect(aws.waiting[0]?.expiresAt).toBe(begunAt + (2 * HOUR_SECONDS + 1) * SECOND);
    const [activity] = await activitiesOf(id);
    expect(activity).toMatchObject({ StatusCode: 'MidLifecycleAction', StartTime: new Date(begunAt) });
  });

  test('says that it waits for the load balancer, until the instance waits for its hook', async () => {
    aws.addGroup({ name: GROUP, hook: { name: 'nomad-drain' } });
    const id = aws.addInstance(GROUP);
    aws.scaleIn(GROUP, [id], { deregistrationSeconds: 300 });
    expect(await activitiesOf(id)).toMatchObject([
      {
        StatusCode: 'WaitingForELBConnectionDraining',
        Description: `Terminating EC2 instance: ${id} - Waiting For ELB Connection Draining.`,
      },
    ]);
    await clock.advance(301 * SECOND);
    expect(await activitiesOf(id)).toMatchObject([
      { StatusCode: 'MidLifecycleAction', Description: `Terminating EC2 instance: ${id}` },
    ]);
  });

  test('begins with the deregistration of an instance that returns to the warm pool, too', async () => {
    aws.addGroup({ name: GROUP, hook: { name: 'nomad-drain' }, warmPool: { reuse: true }, deregistrationSeconds: 60 });
    const id = aws.addInstance(GROUP);
    aws.scaleIn(GROUP, [id]);
    await clock.advance(60 * SECOND);
    expect(aws.instance(id).state).toBe('Warmed:Pending');
    await clock.advance(SECOND);
    expect(aws.instance(id).state).toBe('Warmed:Pending:Wait');
  });

  test('begins with the wait for an instance that is not in service: it is registered nowhere', async () => {
    aws.addGroup({ name: GROUP, hook: { name: 'nomad-drain' }, warmPool: {}, deregistrationSeconds: 60 });
    const id = aws.launch(GROUP, { into: 'WarmPool' });
    await clock.advance(60 * SECOND);
    aws.terminateFromWarmPool(id);
    await clock.advance(SECOND);
    expect(aws.instance(id).state).toBe('Warmed:Terminating:Wait');
  });

  test('is another one for an instance that EC2 ends while the load balancer lets it go', async () => {
    aws.addGroup({ name: GROUP, hook: { name: 'nomad-drain' }, deregistrationSeconds: 300 });
    const id = aws.addInstance(GROUP);
    aws.scaleIn(GROUP, [id]);
    aws.terminate(id);
    await clock.advance(301 * SECOND);
    expect(aws.instance(id)).toMatchObject({ state: 'Terminating:Wait', ec2State: 'terminated' });
    expect(await activitiesOf(id)).toHaveLength(1);
  });
});

describe('each way out has a scaling activity, in progress while the instance waits for its hook:', () => {
  const ways: [string, string, (id: string) => void][] = [
    ['scale-in', 'Terminating EC2 instance:', (id) => aws.scaleIn(GROUP, [id])],
    ['an instance refresh', 'Terminating EC2 instance:', (id) => aws.refresh(id)],
    ['the maximum lifetime', 'Terminating EC2 instance:', (id) => aws.exceedLifetime(id)],
    ['a failed health check', 'Terminating EC2 instance:', (id) => aws.failHealthCheck(id)],
    ['zones out of balance', 'Terminating EC2 instance:', (id) => aws.rebalanceZones(id)],
    ['a Spot interruption', 'Terminating EC2 instance:', (id) => aws.interruptSpot(id)],
    ['TerminateInstances', 'Terminating EC2 instance:', (id) => aws.terminate(id)],
    ['another root volume', 'Replacing root volume of EC2 instance:', (id) => aws.replaceRootVolume(id)],
  ];

  test.each(ways)('%s', async (_, description, leave) => {
    aws.addGroup({ name: GROUP, hook: { name: 'nomad-drain' } });
    const id = aws.addInstance(GROUP, { market: 'spot' });
    leave(id);
    for (let minutes = 0; minutes < 5 && aws.waiting.length === 0; minutes++) await clock.advance(60 * SECOND);
    const [action] = aws.waiting;
    const [activity, ...others] = await activitiesOf(id);
    expect(others).toEqual([]);
    expect(activity).toMatchObject({ Description: `${description} ${id}`, StatusCode: 'MidLifecycleAction' });
    expect(activity?.EndTime).toBeUndefined();
    const waitsSince = (action?.expiresAt ?? 0) - HOUR_SECONDS * SECOND;
    expect(waitsSince - (activity?.StartTime?.getTime() ?? 0)).toBe(SECOND);
  });

  test('a return to the warm pool, and an end in it', async () => {
    aws.addGroup({ name: GROUP, hook: { name: 'nomad-drain', defaultResult: 'CONTINUE' }, warmPool: { reuse: true } });
    const id = aws.addInstance(GROUP);
    aws.scaleIn(GROUP, [id]);
    await clock.advance(2 * HOUR_SECONDS * SECOND);
    expect(await activitiesOf(id)).toMatchObject([
      { Description: `Returning EC2 instance to warm pool: ${id}`, StatusCode: 'Successful' },
    ]);
    aws.terminateFromWarmPool(id);
    await clock.advance(SECOND);
    const [activity] = await activitiesOf(id);
    expect(activity).toMatchObject({
      Description: `Terminating EC2 instance from warm pool: ${id}`,
      StatusCode: 'MidLifecycleAction',
    });
  });

  test('an abandoned replacement of a root volume has failed, and the termination that follows is another wait', async () => {
    aws.addGroup({ name: GROUP, hook: { name: 'nomad-drain' } });
    const id = aws.addInstance(GROUP);
    aws.replaceRootVolume(id);
    // The hook lapses with AWS's default result, which is ABANDON.
    await clock.advance((HOUR_SECONDS + 10) * SECOND);
    expect(aws.instance(id)).toMatchObject({ state: 'Terminating:Wait', ec2State: 'running' });
    expect(await activitiesOf(id)).toMatchObject([
      { Description: `Terminating EC2 instance: ${id}`, StatusCode: 'MidLifecycleAction' },
      { Description: `Replacing root volume of EC2 instance: ${id}`, StatusCode: 'Failed' },
    ]);
    expect(lifecycleEvents().map(({ detail }) => [detail.Action, detail.Destination])).toEqual([
      ['ReplaceRootVolume', 'AutoScalingGroup'],
      [undefined, 'EC2'],
    ]);
    expect(new Set(lifecycleEvents().map(({ detail }) => detail.LifecycleActionToken)).size).toBe(2);
  });
});
