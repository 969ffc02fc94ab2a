import { expect, test } from 'vitest';
import {
  type Behaviour,
  type ContractTask,
  ends,
  fails,
  ignoresSignals,
  job,
  obeys,
  stopsIn,
} from './contract-jobs.ts';
import { list, type Nomad, object } from './nomad-under-test.ts';
import type { Json, JsonObject } from './recording.ts';

const HOUR = { Deadline: 3600e9 };
const upload = (seconds: number): ContractTask => ({ name: 'post', hook: 'poststop', behaviour: ends(seconds) });

/** A task's state, as Nomad has it: `dead` of one that ended well, `dead failed` of one that did not. */
const taskOf = (allocation: JsonObject | undefined, name: string): string => {
  const tasks = allocation?.TaskStates;
  const task = tasks ? object(object(tasks)[name]) : undefined;
  return task ? `${task.State}${task.Failed ? ' failed' : ''}` : 'none';
};

const eventsOf = (allocation: JsonObject | undefined, name: string): Json[] =>
  list(object(object(allocation?.TaskStates)[name]).Events ?? []).map(({ Type }) => Type ?? null);

/** Allocations of several tasks: how Nomad sums them up, and what still runs. */
export const taskCases = (the: () => Nomad): void => {
  const run = async (id: string, main: Behaviour, tasks: ContractTask[], group: object = {}) => {
    await the().run(job(id, 'batch', main, { on: the().under.nodes[0]?.id ?? '', tasks, group }));
  };
  const look = async (id: string) => (await the().allocations(0, id))[0];
  const until = (id: string, limitMs: number, holds: (allocation: JsonObject | undefined) => boolean) =>
    the().until(limitMs, () => look(id), holds);

  test('a failed build counts as failed, and its drain as complete, while its poststop task still runs', async () => {
    await run('uploads-failed', fails(2), [upload(5)]);
    await the().drain(0, HOUR);
    const failed = await until('uploads-failed', 6000, (seen) => taskOf(seen, 'post') === 'running');
    expect(failed).toMatchObject({ ClientStatus: 'failed', ClientDescription: 'Failed tasks', DesiredStatus: 'run' });
    expect(taskOf(failed, 't')).toBe('dead failed');
    // Nomad writes an end time for every task of a failed allocation, even the one that still runs.
    expect(object(object(failed?.TaskStates).post)).toMatchObject({ FinishedAt: expect.any(String) });
    expect(await the().untilDrained(0, 1500)).toMatchObject({ LastDrain: { Status: 'complete' } });
    expect(taskOf(await look('uploads-failed'), 'post')).toBe('running');
    const over = await until('uploads-failed', 8000, (seen) => taskOf(seen, 'post') === 'dead');
    expect(over).toMatchObject({ ClientStatus: 'failed' });
  });

  test('a build that ended well counts as running while its poststop task runs, and the drain waits', async () => {
    await run('uploads', ends(2), [upload(4)]);
    await the().drain(0, HOUR);
    const seen = await until('uploads', 6000, (each) => taskOf(each, 'post') === 'running');
    expect(seen).toMatchObject({ ClientStatus: 'running' });
    expect(taskOf(seen, 't')).toBe('dead');
    expect(await the().node(0)).toMatchObject({ Drain: true });
    await the().untilDrained(0, 8000);
    expect(await look('uploads')).toMatchObject({ ClientStatus: 'complete' });
  });

  test('a build that is told to stop still runs its poststop task', async () => {
    await run('told', obeys, [upload(4)]);
    await the().drain(0, { Deadline: 1e9 });
    await the().untilDrained(0, 5000);
    const seen = await until('told', 3000, (each) => taskOf(each, 'post') === 'running');
    expect(seen).toMatchObject({ ClientStatus: 'running', DesiredStatus: 'stop' });
    expect(taskOf(seen, 't')).toBe('dead');
    expect(eventsOf(seen, 't').slice(0, 4)).toEqual(['Received', 'Task Setup', 'Started', 'Killing']);
    const over = await until('told', 6000, (each) => each?.ClientStatus !== 'running');
    expect(over).toMatchObject({ ClientStatus: 'complete', DesiredStatus: 'stop' });
  });

  test('a prestart task runs first, and a sidecar is stopped when the main task ends', async () => {
    const tasks: ContractTask[] = [
      { name: 'pre', hook: 'prestart', behaviour: ends(2) },
      { name: 'side', hook: 'prestart', sidecar: true, behaviour: stopsIn(2) },
      { name: 'after', hook: 'poststart', behaviour: ends(1) },
      upload(2),
    ];
    await run('stages', ends(4), tasks);
    // Both begin at once, in either order.
    const begun = (seen: Parameters<typeof taskOf>[0]) => [taskOf(seen, 'pre'), taskOf(seen, 'side')].join();
    const first = await until('stages', 4000, (seen) => begun(seen) === 'running,running');
    expect([taskOf(first, 't'), taskOf(first, 'after')]).toEqual(['pending', 'pending']);
    const then = await until('stages', 6000, (seen) => taskOf(seen, 'after') === 'dead');
    expect([taskOf(then, 'pre'), taskOf(then, 't'), taskOf(then, 'side')]).toEqual(['dead', 'running', 'running']);
    const last = await until('stages', 10_000, (seen) => taskOf(seen, 'post') === 'running');
    expect([taskOf(last, 't'), taskOf(last, 'side')]).toEqual(['dead', 'dead']);
    expect(eventsOf(last, 'side')).toContain('Main Tasks Dead');
    await until('stages', 6000, (seen) => seen?.ClientStatus === 'complete');
  });

  test('if one of two tasks fails, Nomad says running until the other is stopped', async () => {
    await run('siblings', ignoresSignals(4), [{ name: 'bad', behaviour: fails(2) }]);
    await the().under.wait(3500);
    expect(await look('siblings')).toMatchObject({ ClientStatus: 'running' });
    const failed = await until('siblings', 6000, (seen) => seen?.ClientStatus === 'failed');
    expect([taskOf(failed, 't'), taskOf(failed, 'bad')]).toEqual(['dead', 'dead failed']);
    expect(eventsOf(failed, 't').slice(0, 5)).toEqual([
      'Received',
      'Task Setup',
      'Started',
      'Sibling Task Failed',
      'Killing',
    ]);
  });

  test('a task that will be restarted is pending, and so is its allocation', async () => {
    const RestartPolicy = { Attempts: 1, Delay: 3e9, Interval: 600e9, Mode: 'fail' };
    await run('restarts', fails(1), [upload(2)], { RestartPolicy });
    const resting = await until('restarts', 4000, (seen) => taskOf(seen, 't') === 'pending');
    expect(resting).toMatchObject({ ClientStatus: 'pending', ClientDescription: 'No tasks have started' });
    expect(object(object(resting?.TaskStates).t)).toMatchObject({ Failed: false, Restarts: 1 });
    expect(eventsOf(resting, 't').at(-1)).toBe('Restarting');
    const failed = await until('restarts', 8000, (seen) => taskOf(seen, 'post') === 'running');
    expect(failed).toMatchObject({ ClientStatus: 'failed' });
    expect(eventsOf(failed, 't').at(-1)).toBe('Not Restarting');
  });
};
