import { afterEach, expect, test } from 'vitest';
import { since } from '../../emulators/nomad/version.ts';
import { ends, job, obeys } from './contract-jobs.ts';
import { eventsOf, list, type Nomad, object } from './nomad-under-test.ts';
import type { JsonObject } from './recording.ts';

const HOUR = { Deadline: 3600e9 };
const SECOND = 1e9;

/**
 * What task groups ask for while their client is away, and what each Nomad does: an `unknown` allocation may come back. Given
 * are the first release that knows it, and the first that ignores it.
 */
const GROUPS: Record<string, { group: object; unknown: [from: string, until: string] }> = {
  plain: { group: {}, unknown: ['9', '9'] },
  prevented: { group: { PreventRescheduleOnLost: true }, unknown: ['1.7.2', '1.10.0'] },
  kept: { group: { Disconnect: { Replace: false } }, unknown: ['1.8.0', '1.11.2'] },
  awaited: { group: { Disconnect: { Replace: false, LostAfter: 60 * SECOND } }, unknown: ['1.8.0', '9'] },
  'awaited-old': { group: { MaxClientDisconnect: 60 * SECOND }, unknown: ['1.6.0', '1.10.0'] },
};

/** A client whose agent is away while its machine and its tasks run on. */
export const awayCases = (the: () => Nomad): void => {
  const from = (release: string) => since(the().under.version, release);
  const unknownHere = (how: string) => {
    const [first, never] = GROUPS[how]?.unknown ?? ['9', '9'];
    return from(first) && !from(never);
  };
  let away = false;
  /** The first one: another may replace it when the client is back. */
  const first = new Map<string, string>();

  const run = async (id: string, group: object) => {
    const [allocation] = await the().run(job(id, 'batch', obeys, { on: the().under.nodes[0]?.id ?? '', group }));
    first.set(id, String(allocation?.ID));
  };
  const leave = async () => {
    away = true;
    await the().under.stopClient(0);
    return the().until(
      45_000,
      () => the().node(0),
      ({ Status }) => Status !== 'ready',
    );
  };
  const comeBack = async () => {
    away = false;
    await the().under.startClient(0);
    await the().until(
      20_000,
      () => the().node(0),
      ({ Status }) => Status === 'ready',
    );
  };
  const look = async (id: string): Promise<JsonObject | undefined> =>
    (await the().allocations(0, id)).find(({ ID }) => ID === first.get(id));
  const statusOf = async (id: string) => {
    const allocation = await look(id);
    return `${allocation?.ClientStatus}, ${allocation?.DesiredStatus}`;
  };
  const until = (limitMs: number, id: string, status: string) =>
    the().until(
      limitMs,
      () => statusOf(id),
      (seen) => seen === status,
    );

  afterEach(async () => {
    if (away) await comeBack();
    // Lost allocations are reported as running for a while: the next test must start without them.
    await the().under.wait(2500);
  });

  test('what happens to allocations depends on their group, and on the version of Nomad', async () => {
    for (const [id, { group }] of Object.entries(GROUPS)) await run(id, group);
    // Nomad waits for at least one of them, so the node is not down.
    expect((await leave()).Status).toBe('disconnected');
    await the().under.wait(1500);
    for (const id of Object.keys(GROUPS)) {
      const expected = unknownHere(id) ? 'unknown, run' : 'lost, stop';
      expect(`${id}: ${await statusOf(id)}`).toBe(`${id}: ${expected}`);
    }
    const known = Object.keys(GROUPS).find(unknownHere) ?? '';
    expect(await look(known)).toMatchObject({ TaskStates: { t: { State: 'running', FinishedAt: null } } });
    await comeBack();
    await until(5000, known, 'running, run');
    expect(list(object(object((await look(known))?.TaskStates).t).Events ?? []).at(-1)?.Type).toBe('Reconnected');
    // A lost allocation runs until the agent has stopped it.
    await until(15_000, 'plain', 'complete, stop');
  });

  test.each(['prevented', 'kept'])(
    'before a drain: a node that is down has a %s build, which lives on where Nomad keeps it',
    async (how) => {
      const id = `${how}-before`;
      await run(id, GROUPS[how]?.group ?? {});
      expect(await leave()).toMatchObject({ Status: 'down' });
      await the().under.wait(1500);
      await the().drain(0, HOUR);
      await the().under.wait(2000);
      if (unknownHere(how)) {
        expect(await statusOf(id)).toBe('unknown, run');
        expect(await the().node(0)).toMatchObject({ Status: 'down', Drain: true, LastDrain: { Status: 'draining' } });
        await comeBack();
        await until(5000, id, 'running, run');
        expect(await the().node(0)).toMatchObject({ Status: 'ready', Drain: true });
      } else {
        expect(await statusOf(id)).toBe('lost, stop');
        expect(await the().node(0)).toMatchObject({ Status: 'down', Drain: false, LastDrain: { Status: 'complete' } });
      }
    },
  );

  test.each(['prevented', 'kept'])('in the middle of a drain too: a %s build', async (how) => {
    const id = `${how}-drained`;
    await run(id, GROUPS[how]?.group ?? {});
    await the().drain(0, HOUR);
    expect(await leave()).toMatchObject({ Status: 'down', SchedulingEligibility: 'ineligible' });
    const kept = unknownHere(how);
    if (kept) await the().under.wait(2000);
    else await the().untilDrained(0, 10_000);
    expect(await statusOf(id)).toBe(kept ? 'unknown, run' : 'lost, stop');
    const node = await the().node(0);
    expect(node).toMatchObject({ Drain: kept, LastDrain: { Status: kept ? 'draining' : 'complete' } });
    if (!kept) expect(eventsOf(node).at(-1)).toEqual(['Node drain complete', null]);
    await comeBack();
    await until(15_000, id, kept ? 'running, run' : 'complete, stop');
    expect(await the().node(0)).toMatchObject({ Drain: kept });
  });

  test('a node that is down takes a drain, which is complete at once, and is ineligible when its agent is back', async () => {
    await run('gone', {});
    await leave();
    await the().until(
      45_000,
      () => the().node(0),
      ({ Status }) => Status === 'down',
    );
    expect((await the().drain(0, HOUR)).status).toBe(200);
    const drained = await the().untilDrained(0, 5_000);
    expect(drained).toMatchObject({ SchedulingEligibility: 'ineligible', LastDrain: { Status: 'complete' } });
    await comeBack();
    expect(await the().node(0)).toMatchObject({ SchedulingEligibility: 'ineligible', Drain: false });
  });

  test('a build that Nomad waits for holds the drain until its time is up, and is lost then, though it still runs', async () => {
    if (!from('1.8.0')) return;
    await run('late', { Disconnect: { Replace: false, LostAfter: 12 * SECOND } });
    await the().drain(0, HOUR);
    await leave();
    await until(3000, 'late', 'unknown, run');
    expect(await the().node(0)).toMatchObject({ Status: 'disconnected', Drain: true });
    await until(20_000, 'late', 'lost, stop');
    const node = await the().until(
      3000,
      () => the().node(0),
      ({ Drain }) => Drain === false,
    );
    expect(node).toMatchObject({ Status: 'disconnected', LastDrain: { Status: 'complete' } });
    await comeBack();
    await until(15_000, 'late', 'complete, stop');
  });

  test('a deadline that is reached while the client is away completes the drain, and stops nothing', async () => {
    if (!from('1.8.0')) return;
    await run('due', { Disconnect: { Replace: false, LostAfter: 120 * SECOND } });
    await the().drain(0, { Deadline: 30 * SECOND });
    await leave();
    const node = await the().untilDrained(0, 40_000);
    expect(eventsOf(node).map(([, details]) => details)).toContainEqual({ deadline_reached: 'true' });
    await the().under.wait(500);
    // Since 1.11.2 it decides about the allocations only when the node is back, or down.
    expect(await statusOf('due')).toBe(from('1.11.2') ? 'unknown, run' : 'unknown, stop');
    await comeBack();
    await until(15_000, 'due', 'complete, stop');
  });

  test('a client whose data is gone comes back as another node of its instance, eligible, beside the old one', async () => {
    const { nodes } = the().under;
    const old = nodes[0]?.id ?? '';
    await run('forgotten', {});
    await the().drain(0, HOUR);
    await the().mark(1, 'ineligible');
    await the().under.newIdentity(0);
    const fresh = nodes[0]?.id ?? '';
    expect(fresh).not.toBe(old);
    const filter = `Attributes["unique.platform.aws.instance-id"] == "${nodes[0]?.instanceId}"`;
    const found = list((await the().nodes(filter)).body);
    expect(found).toHaveLength(2);
    // It still drains if the agent is back before its heartbeat is missed.
    expect(found.find(({ ID }) => ID === old)).toMatchObject({ SchedulingEligibility: 'ineligible' });
    expect(found.find(({ ID }) => ID === fresh)).toMatchObject({
      Name: nodes[0]?.name ?? '',
      Status: 'ready',
      SchedulingEligibility: 'eligible',
      Drain: false,
      LastDrain: null,
    });
    const [build] = await the().run(job('next', 'batch', ends(300)));
    expect(build?.NodeID).toBe(fresh);
    const gone = await the().until(
      45_000,
      async () => object((await the().get(`/v1/node/${old}`)).body),
      ({ Status, Drain }) => Status === 'down' && Drain === false,
    );
    expect(gone).toMatchObject({ LastDrain: { Status: 'complete' }, SchedulingEligibility: 'ineligible' });
    const [lost] = list((await the().get(`/v1/node/${old}/allocations`)).body).filter(
      ({ JobID }) => JobID === 'forgotten',
    );
    expect(lost).toMatchObject({ ClientStatus: 'lost', DesiredStatus: 'stop' });
    expect((await the().send('POST', `/v1/node/${old}/purge`, {})).status).toBe(200);
  });
};
