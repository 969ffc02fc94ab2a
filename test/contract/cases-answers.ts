import { expect, test } from 'vitest';
import { type Behaviour, ends, job, obeys } from './contract-jobs.ts';
import { list, type Nomad, object } from './nomad-under-test.ts';
import type { Json, JsonObject } from './recording.ts';

/** What answers to an operator rest on: logs by their end, ids by their beginning, what waits, who the servers are. */
export const answerCases = (the: () => Nomad): void => {
  const on = () => the().under.nodes[0]?.id ?? '';
  const only = async (id: string): Promise<string> => String((await the().jobAllocations(id))[0]?.ID);
  const logOf = async (id: string, query: string, task = 't') =>
    the().text(`/v1/client/fs/logs/${await only(id)}?task=${task}&type=stderr&${query}`);
  const framesOf = async (id: string, query: string) => {
    const { text } = await logOf(id, query);
    const frames = text.split(/(?<=\})\s*(?=\{)/).map((each) => JSON.parse(each) as Json);
    return frames.map((frame) => {
      const { File, Offset, Data } = object(frame);
      return { file: File, offset: Number(Offset), size: Buffer.from(String(Data), 'base64').length };
    });
  };
  const runs = async (id: string, behaviour: Behaviour, more: object = {}) => {
    await the().run(job(id, 'batch', behaviour, { on: on(), ...more }));
    await the().under.wait(1500);
  };

  test('an allocation is found by the whole bytes that its id begins with, in the order of the ids', async () => {
    await runs('answers-found', obeys);
    const id = await only('answers-found');
    const found = async (prefix: string) => the().get(`/v1/allocations?namespace=*&prefix=${prefix}`);
    const named = async (prefix: string) => list((await found(prefix)).body).map(({ ID }) => ID);
    for (const length of [4, 8, 9, 11, 36]) expect(await named(id.slice(0, length))).toContain(id);
    const odd = 'alloc lookup failed: index error: Input (without hyphens) must be even length';
    for (const length of [1, 7, 10]) expect(await found(id.slice(0, length))).toMatchObject({ status: 500, text: odd });
    expect((await found('zz')).text).toBe(
      "alloc lookup failed: index error: Invalid UUID: encoding/hex: invalid byte: U+007A 'z'",
    );
  });

  const LINES = 1_000;
  /** Writes lines of a hundred bytes. */
  const writes = (count: number, more: object = {}): Behaviour => {
    const line = 'x'.repeat(99);
    return {
      command: `yes ${line} | head -n ${count} 1>&2; exec sleep 600`,
      meta: { 'emulate.stderr': `${line}\n`, 'emulate.times': String(count) },
      more,
    };
  };

  test('a log is sent in frames; where the first one ends is its offset, and those of the next go up by a full frame', async () => {
    await runs('answers-log', writes(LINES));
    const file = 'alloc/logs/t.stderr.0';
    expect(await framesOf('answers-log', 'origin=end&offset=250')).toEqual([{ file, offset: 100_000, size: 250 }]);
    expect(await framesOf('answers-log', 'origin=start&offset=99000')).toEqual([{ file, offset: 100_000, size: 1000 }]);
    expect(await framesOf('answers-log', 'origin=end&offset=90000')).toEqual([
      { file, offset: 75_536, size: 65_536 },
      { file, offset: 141_072, size: 24_464 },
    ]);
    expect((await logOf('answers-log', 'origin=start&offset=100001')).text).toBe('');
    expect((await logOf('answers-log', 'plain=true')).text).toHaveLength(100_000);
  });

  test('a log that is full goes on in another file, and an offset counts from the first that is there', async () => {
    await runs('answers-rotated', writes(25_000, { LogConfig: { MaxFiles: 2, MaxFileSizeMB: 1 } }));
    const frames = await framesOf('answers-rotated', 'origin=end&offset=1000000');
    const files = [...new Set(frames.map(({ file }) => file))];
    expect(files).toEqual(['alloc/logs/t.stderr.1', 'alloc/logs/t.stderr.2']);
    // The next file is read from its beginning.
    expect(frames.find(({ file }) => file === files[1])).toMatchObject({ offset: 65_536, size: 65_536 });
    expect(frames.reduce((sum, { size }) => sum + size, 0)).toBe(1_000_000);
    const [first] = await framesOf('answers-rotated', 'origin=start&offset=0');
    expect(first).toMatchObject({ file: 'alloc/logs/t.stderr.1', offset: 65_536 });
  });

  test('a log that is not there says why', async () => {
    const post = { name: 'post', hook: 'poststop', behaviour: ends(1) } as const;
    await runs('answers-silent', obeys, { tasks: [post] });
    const answer = async (query: string, task?: string) => {
      const { status, text } = await logOf('answers-silent', query, task);
      return [status, text];
    };
    expect(await answer('')).toEqual([200, '']);
    expect(await answer('', 'post')).toEqual([404, 'task "post" not started yet. No logs available']);
    expect(await answer('', 'none')).toEqual([400, 'unknown task name "none"']);
    expect(await answer('origin=middle')).toEqual([400, 'origin must be start or end']);
    expect(await answer('offset=x')).toEqual([
      400,
      'error parsing offset: strconv.ParseInt: parsing "x": invalid syntax',
    ]);
    // 1.6 says of this sentence that it is JSON.
    const log = async (id: string) => (await the().text(`/v1/client/fs/logs/${id}?task=t&type=stderr`)).text;
    expect(await log('00000000-1111-2222-3333-444444444444')).toBe(
      'Unknown allocation "00000000-1111-2222-3333-444444444444"',
    );
    expect(await log('00000000')).toBe('alloc lookup failed: index error: UUID must be 36 characters');
  });

  test('what has no room waits in an evaluation that says how many and why', async () => {
    await the().send('POST', '/v1/jobs', { Job: job('answers-large', 'batch', obeys, { cpu: 10_000_000, count: 3 }) });
    await the().under.wait(500);
    const filter = encodeURIComponent('Status == "blocked" or Status == "pending"');
    const { body } = await the().get(`/v1/evaluations?namespace=*&filter=${filter}`);
    const [evaluation] = list(body).filter(({ JobID }) => JobID === 'answers-large');
    expect(evaluation).toMatchObject({
      Status: 'blocked',
      Type: 'batch',
      Namespace: 'default',
      CreateTime: expect.any(Number),
      FailedTGAllocs: {
        g: { CoalescedFailures: 2, NodesEvaluated: 2, DimensionExhausted: { cpu: 2 }, NodesAvailable: { dc1: 2 } },
      },
    });
    await the().send('DELETE', '/v1/job/answers-large');
  });

  test('a job of the size that is free on a node fits, and one that takes a MHz or a MB more does not', async () => {
    const more = { on: on(), tasks: [{ name: 'setup', behaviour: obeys, hook: 'prestart', sidecar: true }] as const };
    await the().run(job('answers-taking', 'batch', obeys, { ...more, tasks: [...more.tasks] }));
    const path = `/v1/allocations?namespace=*&resources=true&filter=${encodeURIComponent(`NodeID == "${on()}" and ClientStatus == "running"`)}`;
    const taken = list((await the().get(path)).body).flatMap((each) => tasksOf(each));
    const sum = (read: (task: JsonObject) => Json | undefined) =>
      taken.reduce((total, task) => total + Number(read(task)), 0);
    const { NodeResources, ReservedResources } = await the().node(0);
    const has = (of: 'Cpu' | 'Memory', field: string) =>
      Number(object(object(NodeResources)[of])[field]) - Number(object(object(ReservedResources)[of])[field]);
    const cpu = has('Cpu', 'CpuShares') - sum(({ Cpu }) => object(Cpu).CpuShares);
    const memory = has('Memory', 'MemoryMB') - sum(({ Memory }) => object(Memory).MemoryMB);
    const sized = (id: string, CPU: number, MemoryMB: number) =>
      job(id, 'batch', { ...obeys, more: { Resources: { CPU, MemoryMB } } }, { on: on() });
    for (const [id, c, m, dimension] of [
      ['answers-cpu', cpu + 1, 20, 'cpu'],
      ['answers-memory', 20, memory + 1, 'memory'],
    ] as const) {
      await the().send('POST', '/v1/jobs', { Job: sized(id, c, m) });
      await the().under.wait(500);
      const evaluations = list((await the().get(`/v1/job/${id}/evaluations`)).body);
      const failed = evaluations.flatMap(({ FailedTGAllocs }) =>
        FailedTGAllocs ? [object(object(FailedTGAllocs).g)] : [],
      );
      expect(failed[0]).toMatchObject({ DimensionExhausted: { [dimension]: 1 } });
      await the().send('DELETE', `/v1/job/${id}`);
    }
    await the().run(sized('answers-fits', cpu, memory));
  });

  test('the servers are listed for who may read nodes, and anybody may ask who leads', async () => {
    const { body } = await the().get('/v1/agent/members');
    expect(list(object(body).Members ?? [])).toMatchObject([
      { Status: 'alive', Tags: { build: expect.stringMatching(/^\d+\.\d+\.\d+/), region: 'global', role: 'nomad' } },
    ]);
    expect((await the().get('/v1/agent/members', '')).status).toBe(403);
    expect((await the().get('/v1/status/leader', '')).text).toMatch(/^"127\.0\.0\.1:\d+"$/);
  });

  test('read-job alone lists allocations and evaluations, and no jobs', async () => {
    const rules = 'node { policy = "write" }\nnamespace "*" { capabilities = ["read-job"] }';
    await the().send('POST', '/v1/acl/policy/answers', { Name: 'answers', Rules: rules });
    const { body } = await the().send('POST', '/v1/acl/token', { Type: 'client', Policies: ['answers'] });
    const token = String(object(body).SecretID);
    const status = async (path: string) => (await the().get(path, token)).status;
    expect(await status('/v1/allocations?namespace=*')).toBe(200);
    expect(await status('/v1/evaluations?namespace=*')).toBe(200);
    expect(await status('/v1/agent/members')).toBe(200);
    expect(await status('/v1/jobs?namespace=*')).toBe(403);
    expect(await status('/v1/agent/self')).toBe(403);
  });
};

const tasksOf = ({ AllocatedResources }: JsonObject): JsonObject[] =>
  Object.values(object(object(AllocatedResources).Tasks)).map(object);
