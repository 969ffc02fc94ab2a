import { expect, test } from 'vitest';
import { hasMaxRunDuration } from '../../emulators/nomad/version.ts';
import { ends, ignoresSignals, job, obeys } from './contract-jobs.ts';
import { list, type Nomad, object } from './nomad-under-test.ts';
import type { JsonObject } from './recording.ts';

const EXCEEDED = 'allocation exceeded max_run_duration';
const UPLOAD = { name: 'post', hook: 'poststop', behaviour: ends(2) } as const;

/** Builds whose group has a `max_run_duration`, which Nomad has had since 2.0.3. */
export const limitCases = (the: () => Nomad): void => {
  const limits = () => hasMaxRunDuration(the().under.version);
  const on = () => the().under.nodes[0]?.id ?? '';
  const limited = (seconds: number) => ({ MaxRunDuration: seconds * 1e9 });
  const look = async (id: string) => (await the().allocations(0, id))[0];
  const until = (id: string, limitMs: number, holds: (allocation: JsonObject | undefined) => boolean) =>
    the().until(limitMs, () => look(id), holds);
  const taskOf = (allocation: JsonObject | undefined, name: string) =>
    object(object(allocation?.TaskStates)[name] ?? null);
  const isDead = (allocation: JsonObject | undefined, name: string) => taskOf(allocation, name).State === 'dead';
  const killingsOf = (allocation: JsonObject | undefined, name: string) =>
    list(taskOf(allocation, name).Events ?? []).flatMap(({ Type, DisplayMessage }) =>
      Type === 'Killing' ? [DisplayMessage] : [],
    );

  test('only builds may have one; an older Nomad ignores it', async () => {
    for (const type of ['service', 'system'] as const) {
      const { status, text } = await the().send('POST', '/v1/jobs', {
        Job: job(`unlimited-${type}`, type, obeys, { on: on(), group: limited(600) }),
      });
      const problem = `Job type "${type}" does not allow max_run_duration`;
      const refused = `1 error occurred:\n\t* Task group g validation failed: 1 error occurred:\n\t* ${problem}\n\n\n\n`;
      if (limits()) expect([status, text]).toEqual([500, refused]);
      else expect(status).toBe(200);
    }
    await the().run(job('limit', 'batch', obeys, { on: on(), group: limited(600) }));
    const [group = {}] = list(object((await the().get('/v1/job/limit')).body).TaskGroups ?? []);
    expect(group.MaxRunDuration).toBe(limits() ? 600e9 : undefined);
    const [ofAllocation = {}] = list(object((await look('limit'))?.Job ?? null).TaskGroups ?? []);
    expect(ofAllocation.MaxRunDuration).toBe(limits() ? 600e9 : undefined);
  });

  test('past it a build is complete at once, and the drain too, while its task takes its kill timeout', async () => {
    await the().run(job('over', 'batch', ignoresSignals(5), { on: on(), group: limited(4), tasks: [UPLOAD] }));
    await the().drain(0, { Deadline: 3600e9 });
    if (!limits()) {
      await the().under.wait(5000);
      expect(await look('over')).toMatchObject({ ClientStatus: 'running' });
      return;
    }
    const over = await until('over', 5500, (seen) => seen?.ClientStatus !== 'running');
    expect(over).toMatchObject({ ClientStatus: 'complete', ClientDescription: EXCEEDED, DesiredStatus: 'run' });
    expect(taskOf(over, 't')).toMatchObject({ State: 'running', FinishedAt: expect.any(String) });
    expect(killingsOf(over, 't')).toEqual([EXCEEDED]);
    // It is dead without having run.
    expect(taskOf(over, 'post')).toMatchObject({ State: 'dead', StartedAt: null });
    expect(killingsOf(over, 'post')).toEqual([EXCEEDED]);
    const [{ Time = 0 } = {}] = list(taskOf(over, 't').Events ?? []).slice(-1);
    expect((Number(Time) - Number(over?.CreateTime)) / 1e9).toBeCloseTo(4, 0);
    expect(await the().untilDrained(0, 1500)).toMatchObject({ LastDrain: { Status: 'complete' } });
    expect(isDead(await look('over'), 't')).toBe(false);
    const ended = await until('over', 8000, (seen) => isDead(seen, 't'));
    expect(ended).toMatchObject({ ClientStatus: 'complete', ClientDescription: EXCEEDED });
  });

  test('past it a build that is being stopped is complete too, and does not run its poststop task', async ({
    skip,
  }) => {
    if (!limits()) skip();
    await the().run(job('stopping', 'batch', ignoresSignals(6), { on: on(), group: limited(5), tasks: [UPLOAD] }));
    await the().drain(0, { Deadline: 1e9 });
    const over = await until('stopping', 7000, (seen) => seen?.ClientStatus !== 'running');
    expect(over).toMatchObject({ ClientStatus: 'complete', ClientDescription: EXCEEDED, DesiredStatus: 'stop' });
    expect(killingsOf(over, 't')).toEqual(['Sent interrupt. Waiting 6s before force killing', EXCEEDED]);
    expect(isDead(over, 't')).toBe(false);
    const ended = await until('stopping', 8000, (seen) => isDead(seen, 't'));
    expect(taskOf(ended, 'post')).toMatchObject({ State: 'dead', StartedAt: null });
  });
};
