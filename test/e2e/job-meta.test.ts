import { describe, expect, it } from 'vitest';
import { HOUR, MINUTE, SECOND, STATUS, SWEEP } from '../../emulators/world/world.ts';
import { start, world } from './start.ts';

const KEY = 'nomad_drain_hook_drain';
const policy = { deadlineSeconds: 600, jobMeta: true };

/** A builder with builds that take this long, each with what its job says of drains, if it says anything. */
function busy(...builds: [runSeconds: number, drain?: string][]) {
  const builder = world.addBuilder();
  const ids = builds.map(([runSeconds, drain], index) => {
    const meta = drain === undefined ? {} : { meta: { [KEY]: drain } };
    return world.nomad.run({ id: `build-${index}`, type: 'batch', on: builder.nodeId, runSeconds, ...meta })[0] ?? '';
  });
  return { ...builder, ids };
}

const statusOf = (id: string) => world.nomad.allocation(id).ClientStatus;
const deadlineOf = (nodeId: string) => (world.nomad.node(nodeId).DrainStrategy?.Deadline ?? 0) / 1e9;

async function leave({ instanceId }: { instanceId: string }) {
  await world.scaleIn(instanceId);
  await world.deliver();
}

describe('a job says how long a drain waits for it', () => {
  it('until it is done: the deadline does not end it', async () => {
    await start({ policy });
    const builder = busy([3 * 3600, 'until-done']);
    await leave(builder);
    expect(deadlineOf(builder.nodeId)).toBe(48 * 3600 - 300 - 1);
    const started = world.log.find(({ message }) => message === 'drain started');
    expect(started?.because).toMatch(
      /the deadline is longer for job build-0 \(nomad_drain_hook_drain = until-done\), as far as/,
    );
    expect((await world.wake(STATUS)).instances[0]?.remaining).toMatchObject([{ drain: 'until-done' }]);

    await world.sweepFor(3 * HOUR + MINUTE);
    expect(world.outcome(builder.instanceId)).toBe('drained');
    expect(world.killedBuilds).toEqual([]);
  });

  it('two hours: so long it has, and then Nomad ends it', async () => {
    await start({ policy });
    const builder = busy([3 * 3600, '2h']);
    await leave(builder);
    expect(deadlineOf(builder.nodeId)).toBe(7200);
    await world.sweepFor(119 * MINUTE);
    expect(world.completion(builder.instanceId)).toBeUndefined();
    await world.sweepFor(3 * MINUTE);
    expect(world.outcome(builder.instanceId)).toBe('forced');
  });

  it('until it is done: what runs beside it has that time too, and the time of the policy when that has ended', async () => {
    await start({ policy });
    const builder = busy([900, 'until-done'], [3 * 3600]);
    await leave(builder);
    await world.sweepFor(14 * MINUTE);
    expect(builder.ids.map(statusOf)).toEqual(['running', 'running']);
    await world.sweepFor(4 * MINUTE);
    expect(statusOf(builder.ids[0] ?? '')).toBe('complete');
    expect(world.outcome(builder.instanceId)).toBe('forced');
  });

  it('two minutes: nothing is waited for longer, though the policy would', async () => {
    await start({ policy });
    const builder = busy([3 * 3600, '2m']);
    await leave(builder);
    await world.sweepFor(4 * MINUTE);
    expect(world.outcome(builder.instanceId)).toBe('forced');
    expect(world.nomad.killed().map(({ how }) => how)).toEqual(['stopped']);
  });

  it('two minutes, beside a build that says nothing: both run until that has ended', async () => {
    await start({ policy });
    const builder = busy([3 * 3600, '2m'], [360]);
    await leave(builder);
    await world.sweepFor(5 * MINUTE);
    expect(builder.ids.map(statusOf)).toEqual(['running', 'running']);
    await world.sweepFor(3 * MINUTE);
    expect(statusOf(builder.ids[1] ?? '')).toBe('complete');
    expect(world.outcome(builder.instanceId)).toBe('forced');
  });

  it('now: it is stopped when the drain begins, and a build beside it has its time', async () => {
    await start({ policy });
    const builder = busy([3 * 3600, 'now'], [120]);
    await leave(builder);
    await world.advance(10 * SECOND);
    expect(world.nomad.allocation(builder.ids[0] ?? '').DesiredStatus).toBe('stop');
    expect(statusOf(builder.ids[1] ?? '')).toBe('running');
    await world.sweepFor(3 * MINUTE);
    expect(world.outcome(builder.instanceId)).toBe('drained');
    expect(statusOf(builder.ids[1] ?? '')).toBe('complete');
  });

  it('now, with a token that may stop nothing: that is reported, nothing waits for it, and system jobs are still stopped', async () => {
    await start({ policy, acl: true, nomad: { token: { parameter: '/nomad/drain-token' } } });
    world.nomad.policy('drains', 'node { policy = "write" }\nnamespace "*" { capabilities = ["read-job"] }');
    world.aws.putParameter('/nomad/drain-token', world.nomad.token({ policies: ['drains'] }), 'SecureString');
    world.nomad.run({ id: 'logs', type: 'system' });
    const builder = busy([3 * 3600, 'now']);
    await leave(builder);
    expect(world.log).toContainEqual(
      expect.objectContaining({
        level: 'warn',
        message: 'allocation not stopped: it ends with its instance',
        job: 'build-0',
        because: expect.stringMatching(/Permission denied \(it takes alloc-lifecycle\)/),
      }),
    );
    await world.sweepFor(3 * MINUTE);
    expect(world.completion(builder.instanceId)).toMatchObject({ by: 'call' });
  });

  it('and what is left has had its time, as far as a token sees that was narrowed since: nothing is stopped', async () => {
    await start({ policy, acl: true, nomad: { token: { parameter: '/nomad/drain-token' } } });
    const drains = (namespace: string) =>
      world.nomad.policy(
        'drains',
        `node { policy = "write" }\nnamespace "${namespace}" { capabilities = ["read-job"] }`,
      );
    drains('*');
    world.aws.putParameter('/nomad/drain-token', world.nomad.token({ policies: ['drains'] }), 'SecureString');
    const builder = busy([3 * 3600, '40s']);
    world.nomad.namespace('ci');
    const hidden = { id: 'hidden', type: 'batch', namespace: 'ci', on: builder.nodeId, runSeconds: 420 } as const;
    const [unseen = ''] = world.nomad.run(hidden);
    await world.scaleIn(builder.instanceId);
    await world.wake(SWEEP);
    await world.advance(2 * MINUTE);
    drains('default');
    // An event has no time to read what its token may see.
    await world.deliver().catch(() => {});
    await world.advance(30 * SECOND);
    expect([builder.ids[0] ?? '', unseen].map(statusOf)).toEqual(['running', 'running']);

    drains('*');
    await world.sweepFor(8 * MINUTE);
    expect(statusOf(unseen)).toBe('complete');
    expect(world.killedBuilds.map(({ jobId }) => jobId)).toEqual(['build-0']);
    expect(world.completion(builder.instanceId)).toMatchObject({ by: 'call' });
  });

  it('in its task group, which counts before the job', async () => {
    await start({ policy });
    const builder = world.addBuilder();
    const job = { id: 'b', type: 'batch', on: builder.nodeId, runSeconds: 3 * 3600 } as const;
    world.nomad.run({ ...job, meta: { [KEY]: 'now' }, groupMeta: { [KEY]: '1h' } });
    await leave(builder);
    expect(deadlineOf(builder.nodeId)).toBe(3600);
  });

  it('in words that mean nothing: a warning names job and value, and the policy holds', async () => {
    await start({ policy });
    const builder = busy([3 * 3600, 'tomorrow']);
    await leave(builder);
    const { warnings } = await world.wake(STATUS);
    expect(warnings).toEqual([
      'job build-0 (namespace default) has nomad_drain_hook_drain = "tomorrow", which is not now, until-done, ' +
        'or a duration up to 48h, such as 45m or 1h30m: the policy holds',
    ]);
    expect(deadlineOf(builder.nodeId)).toBe(600);
  });

  it('and nothing of it counts, unless the policy lets jobs say so', async () => {
    await start({ policy: { deadlineSeconds: 600 } });
    const builder = busy([3 * 3600, 'until-done'], [3 * 3600, 'now']);
    await leave(builder);
    expect(deadlineOf(builder.nodeId)).toBe(600);
    await world.advance(10 * SECOND);
    expect(builder.ids.map(statusOf)).toEqual(['running', 'running']);
    expect((await world.wake(STATUS)).instances[0]?.remaining.map(({ drain }) => drain)).toEqual([
      undefined,
      undefined,
    ]);
  });
});
