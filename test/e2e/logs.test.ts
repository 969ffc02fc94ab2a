import { describe, expect, it } from 'vitest';
import { MINUTE, SECOND } from '../../emulators/world/world.ts';
import { start, world } from './start.ts';

const ask = (more: object) => world.ask<'logs'>({ command: 'logs', ...more });
const lines = (count: number) => Array.from({ length: count }, (_, index) => `line ${index + 1}\n`).join('');

/** A builder with a build that has written these to its stderr. */
async function startWithBuild(stderr: string, more: object = {}) {
  await start();
  const builder = world.addBuilder({ name: 'builder-1' });
  const [id = ''] = world.nomad.run({
    id: 'build',
    type: 'batch',
    on: builder.nodeId,
    runSeconds: 600,
    stderr,
    ...more,
  });
  return { ...builder, id };
}

/** The log of the one task that is meant. */
async function one(more: object) {
  const { logs } = await ask(more);
  expect(logs.map(({ tasks }) => tasks.length)).toEqual([1]);
  const [task] = logs[0]?.tasks ?? [];
  if (!task) throw new Error('no task');
  return task;
}

describe('logs', () => {
  it('are the end of what a build has written, by any unique beginning of its allocation’s id', async () => {
    const { id, nodeId } = await startWithBuild('step 1\nstep 2\n', { stdout: 'out\n' });
    expect(await ask({ allocation: id })).toMatchObject({
      run: 'logs',
      stream: 'stderr',
      logs: [
        {
          id,
          job: 'build',
          namespace: 'default',
          taskGroup: 'g',
          nodeId,
          status: 'running',
          tasks: [{ task: 't', state: 'running', text: 'step 1\nstep 2\n', offset: '0:14' }],
        },
      ],
      leftOut: 0,
    });
    for (const length of [4, 5, 8, 9, 10, 13]) {
      expect(await one({ allocation: id.slice(0, length) })).toMatchObject({ text: 'step 1\nstep 2\n' });
    }
    expect(await one({ allocation: id, stream: 'stdout' })).toMatchObject({ text: 'out\n' });
    expect(world.writings()).toEqual([]);
  });

  it('of an instance are those of all that holds it; of a job there, those of its last run if it has ended', async () => {
    const { instanceId, nodeId } = await startWithBuild('building\n');
    world.nomad.run({ id: 'test', type: 'batch', on: nodeId, runSeconds: 5, stderr: 'tested\n' });
    world.nomad.run({ id: 'upload', type: 'batch', on: nodeId, runSeconds: 5, exitCode: 1, poststopSeconds: 600 });
    await world.advance(10 * SECOND);
    const jobsOf = async (more: object) => (await ask(more)).logs.map(({ job, status }) => [job, status]);
    const holding = [
      ['build', 'running'],
      ['upload', 'failed'],
    ];
    expect(await jobsOf({ instanceId })).toEqual(holding);
    expect(await jobsOf({ node: 'builder-1' })).toEqual(holding);
    expect(await jobsOf({ node: nodeId.slice(0, 8) })).toEqual(holding);
    expect(await one({ instanceId, job: 'test' })).toMatchObject({ state: 'dead', text: 'tested\n' });
  });

  it('of several tasks are all of them, or the one that is named', async () => {
    const tasks = [{ name: 'proxy', hook: 'prestart' as const, sidecar: true, stderr: 'proxying\n' }];
    const { id } = await startWithBuild('building\n', { tasks });
    const { logs } = await ask({ allocation: id });
    expect(logs[0]?.tasks).toMatchObject([
      { task: 'proxy', text: 'proxying\n' },
      { task: 't', text: 'building\n' },
    ]);
    expect(await one({ allocation: id, task: 'proxy' })).toMatchObject({ text: 'proxying\n' });
    await expect(ask({ allocation: id, task: 'main' })).rejects.toThrow(
      `allocation ${id} has no task main: it has proxy, t`,
    );
  });

  it('that are long are cut at their beginning, in no character, and say so', async () => {
    const { id } = await startWithBuild('größer\n'.repeat(10_000));
    const log = await one({ allocation: id, bytes: 14 });
    // 14 bytes before the end is the second byte of an ö.
    expect(log).toMatchObject({ text: 'ßer\ngrößer\n', cut: true });
    const { text } = (await one({ allocation: id })) as { text: string };
    expect(Buffer.byteLength(text)).toBeGreaterThan(16_000);
  });

  it('go on where an answer has ended: nothing twice, and nothing left out', async () => {
    const { id } = await startWithBuild(lines(100), { lineSeconds: 1 });
    let whole = '';
    let offset: string | undefined;
    for (let look = 0; look < 30; look += 1) {
      const log = await one({ allocation: id, task: 't', ...(offset !== undefined && { offset }) });
      if (!('text' in log)) throw new Error(log.because);
      expect(log.cut).toBeUndefined();
      whole += log.text;
      offset = log.offset;
      await world.advance(4 * SECOND);
    }
    expect(whole).toBe(lines(100));
  });

  it('go on where much was written meanwhile, and say so where that was too much', async () => {
    const block = `${'x'.repeat(99)}\n`;
    const much = `${block.repeat(12_000).replaceAll('\n', ' ')}\nlast\n`;
    const { id } = await startWithBuild(`first\n${block.repeat(1_000)}${much}`, { lineSeconds: 0.01 });
    const goOn = async (offset: string | undefined) =>
      (await one({ allocation: id, task: 't', bytes: 100, ...(offset && { offset }) })) as { offset: string };
    const first = await goOn(undefined);
    await world.advance(8 * SECOND);
    const then = await goOn(first.offset);
    // More than one frame of Nomad's answer.
    expect(then).toMatchObject({ text: block.repeat(800), offset: '0:80006' });
    expect(then).not.toHaveProperty('cut');
    await world.advance(MINUTE);
    const later = await goOn(then.offset);
    expect(later).toMatchObject({ cut: true, text: expect.stringMatching(/^x.*x \nlast\n$/s) });
    expect(await goOn(later.offset)).toMatchObject({ text: '', offset: later.offset });
  });

  it('hold back a character of which only a part is written yet', async () => {
    const { id } = await startWithBuild('');
    let written = Buffer.from('größer').subarray(0, 3);
    world.nomad.server.fault = ({ url }) => {
      if (!url.pathname.startsWith('/v1/client/fs/logs/')) return undefined;
      const frame = { Data: written.toString('base64'), File: 'alloc/logs/t.stderr.0', Offset: written.length };
      return { status: 200, body: JSON.stringify(frame) };
    };
    const first = await one({ allocation: id });
    expect(first).toMatchObject({ text: 'gr', offset: '0:2' });
    written = Buffer.from('größer');
    expect(await one({ allocation: id, task: 't', offset: '0:2' })).toMatchObject({ text: 'ößer', offset: '0:8' });
  });

  it('go on in the next file of a log, also when Nomad has removed the first', async () => {
    const kilobyte = `${'x'.repeat(1_023)}\n`;
    const { id } = await startWithBuild(kilobyte.repeat(5_000), { lineSeconds: 1 });
    const [task] = world.nomad.allocation(id).Job.TaskGroups[0]?.Tasks ?? [];
    Object.assign(task ?? {}, { LogConfig: { MaxFiles: 2, MaxFileSizeMB: 1 } });
    const first = (await one({ allocation: id })) as { offset: string };
    await world.advance(1_020 * SECOND);
    const before = await one({ allocation: id, task: 't', offset: first.offset });
    expect(before).toMatchObject({ offset: `0:${1_021 * 1_024}`, cut: true });
    await world.advance(5 * SECOND);
    const after = await one({ allocation: id, task: 't', offset: (before as { offset: string }).offset });
    expect(after).toMatchObject({ text: kilobyte.repeat(5), offset: `1:${2 * 1_024}` });
    await world.advance(1_100 * SECOND);
    // The first file is gone.
    expect(await one({ allocation: id, bytes: 1_024 })).toMatchObject({ text: kilobyte, offset: '2:79872', cut: true });
  });

  it('that cannot be read say why: the token, the client, or the task', async () => {
    await start({ acl: true, nomad: { token: { parameter: '/nomad/drain-token' } } });
    const grant = (name: string, capabilities: string) => {
      world.nomad.policy(name, `node { policy = "write" }\nnamespace "*" { capabilities = [${capabilities}] }`);
      world.aws.putParameter('/nomad/drain-token', world.nomad.token({ policies: [name] }), 'SecureString');
    };
    grant('drainer', '"read-job"');
    const { nodeId } = world.addBuilder();
    const [id = ''] = world.nomad.run({ id: 'build', type: 'batch', on: nodeId, runSeconds: 600, poststopSeconds: 5 });
    const because = async (task: string) => (await one({ allocation: id, task })) as object;
    expect(await because('t')).toMatchObject({
      because: 'the Nomad token may not read logs: it lacks read-logs in namespace default',
    });
    grant('reader', '"read-job", "read-logs"');
    await world.coldStart();
    expect(await because('t')).toMatchObject({ text: '' });
    expect(await because('post')).toMatchObject({ state: 'pending', because: 'the task has not started yet' });
    world.nomad.stopClient(nodeId);
    expect(await because('t')).toMatchObject({ because: 'its client is gone: Nomad has no connection to it' });
  });

  it('of what is not there, or of several where one is meant, are refused with what there is', async () => {
    const { id, instanceId, nodeId } = await startWithBuild('building\n');
    const other = world.addBuilder({ name: 'builder-2' });
    const refused = (more: object) => expect(ask(more)).rejects;
    const twins = Array.from({ length: 40 }, (_, i) =>
      world.nomad.run({ id: `twin-${i}`, type: 'batch', on: nodeId, runSeconds: 600 }),
    ).flat();
    await refused({ allocation: '0123' }).toThrow('no allocation that the token sees begins with 0123');
    await refused({ allocation: id, job: 'build' }).toThrow('an allocation belongs to one job: omit job');
    await refused({ instanceId: 'i-0123456789abcdef0' }).toThrow('no node in Nomad names instance i-0123456789abcdef0');
    await refused({ node: 'builder-3' }).toThrow('Nomad has no node builder-3');
    await refused({ instanceId: other.instanceId }).toThrow(`nothing runs on ${other.instanceId}: name a job`);
    await refused({ instanceId, job: 'none' }).toThrow(`no allocation of job none is on ${instanceId}`);
    await refused({}).toThrow('command logs needs one of allocation, instanceId and node');
    await refused({ allocation: 'abc' }).toThrow(
      'allocation is not a valid id of an allocation, or four or more digits',
    );
    await refused({ allocation: id, offset: '0:0' }).toThrow('give the allocation and the task');
    await refused({ node: 'a" or Name != "' }).toThrow('node is not a valid name or id of a node');
    // Nomad's ids are random: two that begin alike.
    const ids = ['abcd0000-0000-4000-8000-000000000000', 'abcd1111-0000-4000-8000-000000000000'];
    for (const allocation of [...world.nomad.state.allocations.values()].slice(-2)) {
      world.nomad.state.allocations.delete(allocation.ID);
      allocation.ID = ids.shift() ?? '';
      world.nomad.state.allocations.set(allocation.ID, allocation);
    }
    await refused({ allocation: 'abcd' }).toThrow(
      'several allocations begin with abcd: abcd0000-0000-4000-8000-000000000000 (twin-38), abcd1111',
    );
    const { logs, leftOut } = await ask({ instanceId });
    expect([logs.length, leftOut]).toEqual([10, twins.length + 1 - 10]);
  });
});
