import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FUNCTION_ARN, MINUTE, STATUS, SWEEP } from '../../emulators/world/world.ts';
import { GROUP, HOOK } from '../../emulators/world/world-options.ts';
import { spotWarning } from './notice-events.ts';
import { start, world } from './start.ts';

/** Each of these is a line of docs/security.md, by its first words, and says whether that is so. */
const TESTS: Record<string, () => Promise<boolean>> = {
  'drain the node of an instance of the groups that is in service': async () => {
    const { nodeId, instanceId } = await builder();
    await world.wake(spotWarning(instanceId));
    const drained = world.nomad.node(nodeId).Drain;
    await world.advance(2 * MINUTE);
    expect(world.killedBuilds).toHaveLength(1);
    return drained;
  },
  'drain a node that is no instance of the groups': async () => {
    await builder();
    const stranger = world.nomad.addNode({ instanceId: 'i-0123456789abcdef0' }).id;
    await world.wake(spotWarning('i-0123456789abcdef0'));
    await world.wake(lifecycle('i-0123456789abcdef0')).catch(() => {});
    return world.nomad.node(stranger).Drain;
  },
  'begin a drain for a termination that does not take place': async () => {
    const { nodeId, instanceId } = await builder();
    await world.wake(lifecycle(instanceId)).catch(() => {});
    return world.nomad.node(nodeId).Drain;
  },
  'release an instance': async () => {
    const inService = await builder();
    const leaving = world.addBuilder();
    world.nomad.run({ id: 'other', type: 'batch', on: leaving.nodeId, runSeconds: 9_999 });
    await world.scaleIn(leaving.instanceId);
    for (const { instanceId } of [inService, leaving]) {
      for (const event of [lifecycle(instanceId), SWEEP, QUESTION(instanceId)]) await world.wake(event).catch(() => {});
    }
    return world.aws.completions.length > 0;
  },
  'read which nodes, jobs and allocations there are, and why each waits': async () => {
    const { nodeId } = await builder();
    const told = [STATUS, ...['capacity', 'jobs', 'plan', 'doctor'].map((command) => ({ command }))];
    const answers = await Promise.all(told.map((event) => world.wake(event)));
    expect(changes()).toEqual([]);
    return [nodeId, 'build'].every((each) => JSON.stringify(answers).includes(each));
  },
  'read what builds have written': async () => {
    const { instanceId } = await builder();
    return JSON.stringify(await world.ask({ command: 'logs', instanceId })).includes('written by a build');
  },
  'learn which instances would go, and put an event about it on the bus': async () => {
    const { instanceId } = await builder();
    const answer = await world.wake(QUESTION(instanceId));
    expect(changes()).toEqual([]);
    const event = world.told.some((each) => each['detail-type'] === 'Nomad Client Chosen');
    return event && JSON.stringify(answer).includes(instanceId);
  },
  'read another field of a node or a job, the ACL token, or anything of Parameter Store': async () => {
    const { instanceId } = await builder();
    await world.wake(QUESTION(`${instanceId}" or SecretID matches "^a`)).catch(() => {});
    for (const node of ['"', '.', '.*']) await world.wake({ command: 'logs', node }).catch(() => {});
    const answers = JSON.stringify([world.log, world.told]);
    return answers.includes('SecretID') || world.nomad.requests.some(({ query }) => query.filter?.includes('SecretID'));
  },
  'change anything by a question, or by an event with `"dryRun": true`': async () => {
    const { instanceId } = await builder();
    await world.scaleIn(instanceId);
    for (const event of [lifecycle(instanceId), SWEEP, spotWarning(instanceId)]) {
      await world.wake({ ...event, dryRun: true });
    }
    return changes().length > 0;
  },
};

/** An instance in service with a build of hours, in a group that asks the function who goes. */
const builder = async () => {
  await start();
  const made = world.addBuilder();
  world.nomad.run({ id: 'build', type: 'batch', on: made.nodeId, runSeconds: 9_999, stderr: 'written by a build' });
  await world.advance(MINUTE);
  return made;
};

const lifecycle = (instanceId: string) => ({
  source: 'aws.autoscaling',
  'detail-type': 'EC2 Instance-terminate Lifecycle Action',
  time: new Date(world.clock.now()).toISOString(),
  detail: {
    LifecycleTransition: 'autoscaling:EC2_INSTANCE_TERMINATING',
    EC2InstanceId: instanceId,
    AutoScalingGroupName: GROUP,
    LifecycleHookName: HOOK,
  },
});

const POOL = { AvailabilityZone: 'us-east-1a', InstanceMarketOption: 'on-demand' };
const QUESTION = (InstanceId: string) => ({
  AutoScalingGroupARN: 'arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:x:autoScalingGroupName/builders',
  AutoScalingGroupName: GROUP,
  CapacityToTerminate: [{ ...POOL, Capacity: 1 }],
  Instances: [{ ...POOL, InstanceId }],
  Cause: 'SCALE_IN',
});

/** What was changed in Nomad or AWS; an event on the bus is none. */
const changes = () => [
  ...world.nomad.requests.filter(({ method }) => method !== 'GET'),
  ...world.aws.requests.filter(({ action }) => !/^(Describe|Get|PutEvents)/.test(action)),
];

const page = readFileSync(new URL('../../docs/security.md', import.meta.url), 'utf8');
const [, table = ''] = page.split('### What a caller of the function can do');
const LINES = [...table.split('\n## ')[0]!.matchAll(/^\| (?!can they|---)(.*?) \| (yes|no)\b.*$/gm)].map(
  ([, can = '', answer]) => [can, answer === 'yes'] as const,
);

describe('docs/security.md says what a caller of the function can do', () => {
  it('in a line for each test', () => {
    expect(LINES.map(([can]) => can)).toEqual(Object.keys(TESTS));
  });

  it.each(LINES)('%s: %s', async (can, answer) => {
    expect(await TESTS[can]?.()).toBe(answer);
  });
});

describe('through the alias query', () => {
  const QUERY = `${FUNCTION_ARN}:query`;

  it('the function answers queries and does dry runs, as through its name', async () => {
    const { instanceId } = await builder();
    await world.scaleIn(instanceId);
    await world.deliver();
    const asked = [
      STATUS,
      { command: 'capacity' },
      { command: 'jobs' },
      { command: 'plan' },
      { ...SWEEP, dryRun: true },
    ];
    const changed = changes().length;
    for (const command of asked) {
      expect(JSON.stringify(await world.ask(command, QUERY))).toContain('"run":');
    }
    // Whose drain it is, is known as well.
    expect(await world.ask(STATUS, QUERY)).toMatchObject({ instances: [{ instanceId, action: 'wait' }], warnings: [] });
    expect(changes()).toHaveLength(changed);
  });

  it('it refuses everything else, before anything is asked or changed', async () => {
    const { instanceId } = await builder();
    const [before, requests] = [changes().length, world.nomad.requests.length];
    for (const event of [SWEEP, lifecycle(instanceId), spotWarning(instanceId), { command: 'warm' }]) {
      await expect(world.ask(event, QUERY)).rejects.toThrow('the alias query answers queries and dry runs alone');
    }
    await expect(world.ask(QUESTION(instanceId), QUERY)).rejects.toThrow('the alias query does not choose instances');
    expect(world.told).toEqual([]);
    expect(changes()).toHaveLength(before);
    expect(world.nomad.requests).toHaveLength(requests);
  });
});
