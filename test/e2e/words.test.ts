import { CompleteLifecycleActionCommand } from '@aws-sdk/client-auto-scaling';
import { describe, expect, it, onTestFinished } from 'vitest';
import { connect } from '../../emulators/aws/clients.ts';
import { MINUTE, SECOND, STATUS, SWEEP } from '../../emulators/world/world.ts';
import { GROUP, HOOK } from '../../emulators/world/world-options.ts';
import { start, world } from './start.ts';

/** CloudWatch takes a record of 256 kB, and cuts off the rest. */
const RECORD = 256_000;
const bytes = (value: unknown) => Buffer.byteLength(JSON.stringify(value));
const largest = (values: readonly unknown[]) => Math.max(0, ...values.map(bytes));
const LONG = 'x'.repeat(100_000);

describe('four jobs with ids of 100,000 characters', () => {
  const startWithThem = async () => {
    await start({ policy: { deadlineSeconds: 120, killMarginSeconds: 60 } });
    const builder = world.addBuilder();
    for (const n of [1, 2, 3, 4]) {
      world.nomad.run({ id: `${n}${LONG}`, type: 'batch', on: builder.nodeId, runSeconds: 7200, stderr: 'hanging' });
    }
    return builder;
  };

  it('are named in short in the log, the report and the events, and each is still told from the others', async () => {
    const { instanceId } = await startWithThem();
    await world.scaleIn(instanceId);
    await world.deliver();
    await world.sweepFor(MINUTE);
    const status = await world.wake(STATUS);
    expect(status.instances[0]?.because).toMatch(
      /^the drain waits for 4 allocations: 1x{200,}… \(task group .*, 2x+… .*, 3x+…/,
    );
    expect(status.instances[0]?.remaining.map(({ job }) => job[0])).toEqual(['1', '2', '3', '4']);
    await world.sweepFor(3 * MINUTE);
    expect(world.outcome(instanceId)).toBe('forced');
    expect(largest(world.log)).toBeLessThan(10_000);
    expect(largest(world.reports)).toBeLessThan(20_000);
    expect(largest(world.told)).toBeLessThan(20_000);
  });

  it.each([
    ['jobs', { command: 'jobs' }],
    ['plan', { command: 'plan' }],
    ['capacity', { command: 'capacity', cpu: 1, memoryMb: 1 }],
    ['doctor', { command: 'doctor' }],
  ])('are named in short in the answer of %s', async (_, command) => {
    await startWithThem();
    await world.advance(5 * SECOND);
    expect(bytes(await world.ask(command))).toBeLessThan(20_000);
  });

  it('have their logs in full', async () => {
    const { nodeId } = await startWithThem();
    const line = 'y'.repeat(5_000);
    world.nomad.run({ id: 'talks', type: 'batch', on: nodeId, runSeconds: 7200, stderr: line });
    await world.advance(5 * SECOND);
    const answer = await world.ask<'logs'>({ command: 'logs', node: nodeId, job: 'talks' });
    expect(answer.logs[0]?.tasks).toMatchObject([{ text: line }]);
  });

  it('a question that is nonsense is refused in short', async () => {
    await start();
    const refused = world.ask({ command: LONG }).catch(({ message }: Error) => message.length);
    expect(await refused).toBeLessThan(1_000);
  });
});

describe('an instance that could not be served, and no longer waits', () => {
  it('fails no run: it went by itself, or by somebody else', async () => {
    await start();
    const { instanceId } = world.addBuilder();
    await world.scaleIn(instanceId);
    world.events.length = 0;
    world.nomad.server.fault = () => ({ status: 500, body: 'No cluster leader' });
    const { autoScaling } = connect(world.aws);
    onTestFinished(() => autoScaling.destroy());
    const byHand = new CompleteLifecycleActionCommand({
      AutoScalingGroupName: GROUP,
      LifecycleHookName: HOOK,
      InstanceId: instanceId,
      LifecycleActionResult: 'CONTINUE',
    });
    world.clock.after(15 * SECOND, () => void autoScaling.send(byHand));
    const report = await world.wake(SWEEP);
    expect(report.instances).toMatchObject([{ instanceId, because: 'it no longer waits for our hook' }]);
    expect(report.instances[0]).not.toHaveProperty('unserved');
  });
});

describe('800 instances that cannot be served', () => {
  it('are one sentence a reason, in the error and in the log', { timeout: 240_000 }, async () => {
    await start();
    const builders = Array.from({ length: 800 }, () => world.addBuilder());
    await world.scaleIn(...builders.map(({ instanceId }) => instanceId));
    world.events.length = 0;
    world.nomad.server.fault = () => ({ status: 500, body: 'No cluster leader' });

    const error = await world.wake(SWEEP).catch((each: Error) => each);

    const { message } = error as Error;
    expect(message).toMatch(
      /^800 of 800 instances not served: i-\w+, i-\w+, i-\w+, i-\w+, i-\w+ and 795 more: Nomad at .*No cluster leader; its log records: requestId [0-9a-f-]{36}$/,
    );
    expect(world.log.filter(({ message: said }) => said === 'instance cannot be served')).toMatchObject([
      { level: 'error', instances: 800, because: expect.stringContaining('No cluster leader') },
    ]);
    // What the message of a failed run says leads to all that the run has logged.
    const [requestId] = message.match(/[0-9a-f-]{36}$/) ?? [];
    expect(world.log.filter((record) => record.requestId !== requestId)).toEqual([]);
    expect(largest(world.log)).toBeLessThan(RECORD);
    expect(bytes(world.log)).toBeLessThan(2 * RECORD);
  });

  it('name five reasons and count the others, where each has one of its own', async () => {
    await start();
    const builders = Array.from({ length: 8 }, () => world.addBuilder());
    await world.scaleIn(...builders.map(({ instanceId }) => instanceId));
    world.events.length = 0;
    world.nomad.server.fault = ({ url }) =>
      url.pathname.startsWith('/v1/node/') ? { status: 500, body: url.pathname } : undefined;

    await expect(world.wake(SWEEP)).rejects.toThrow(
      /^8 of 8 instances not served: .* and 3 more reasons; its log records/,
    );
  });
});
