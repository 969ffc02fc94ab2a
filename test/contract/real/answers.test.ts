import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { environmentOf } from '../../../emulators/aws/environment.ts';
import type { Report } from '../../../lambda/core/drain/report.ts';
import type { Answer } from '../../../lambda/core/queries/query.ts';
import type { Context } from '../../../lambda/handler.ts';
import { deployIn } from '../../cli/operator.ts';
import { Shell } from '../../cli/shell.ts';
import { Stage, shellTask } from './stage.ts';

const READER = 'node { policy = "write" }\nnamespace "*" { capabilities = ["read-job", "read-logs"] }';
const OFTEN = ['--interval', '0.3'];

let stage: Stage;

/** The function of the stage behind Lambda's Invoke, and a person's shell that leads there. */
async function operator() {
  const handler = (await stage.deploy({})) as (event: unknown, context?: Context) => Promise<Report | Answer>;
  const functions = await deployIn(stage.aws, (event) => handler(event, { getRemainingTimeInMillis: () => 60_000 }));
  const ask = async <Run extends Answer['run']>(command: object) =>
    (await handler(command)) as Extract<Answer, { run: Run }>;
  return { ask, shell: new Shell({ ...environmentOf(stage.aws), ...functions.environment }) };
}

/** The one allocation of a job. */
const only = async (job: string) => String((await stage.allocationsOf(job))[0]?.ID);
const remove = (job: string) => stage.ask('DELETE', `/v1/job/${job}?purge=true`);

/** A job of one task that takes exactly this. */
const sized = (ID: string, node: string, CPU: number, MemoryMB: number) => ({
  ID,
  Name: ID,
  Type: 'batch',
  Datacenters: ['*'],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: Nomad interpolates it
  Constraints: [{ LTarget: '${node.unique.id}', RTarget: node, Operand: '=' }],
  TaskGroups: [{ Name: 'g', Count: 1, Tasks: [shellTask('t', 'exec sleep 600', { Resources: { CPU, MemoryMB } })] }],
});

describe('questions, with a real Nomad', () => {
  beforeAll(async () => {
    stage = await Stage.start(2);
    await stage.grant('reader', READER);
  }, 180_000);
  afterAll(() => stage?.close());

  it('nodes: what is said to be free on a node fits exactly, tasks that take turns counted once', async () => {
    const { ask, shell } = await operator();
    const node = stage.nodeOf(stage.inService());
    const before = { Lifecycle: { Hook: 'prestart', Sidecar: false }, Resources: { CPU: 500, MemoryMB: 100 } };
    await stage.run('answers-turns', node, 'exec sleep 600', { tasks: [shellTask('setup', 'true', before)] });
    const freeOn = async () => {
      const { nodes, total } = await ask<'capacity'>({ command: 'capacity' });
      expect(total.nodes).toMatchObject({ ready: 2, down: 0 });
      return nodes.find(({ id }) => id === node)?.free ?? { cpu: 0, memoryMb: 0 };
    };
    const free = await freeOn();
    await stage.ask('POST', '/v1/jobs', { Job: sized('answers-whole', node, free.cpu, free.memoryMb) });
    await expect
      .poll(async () => (await stage.allocationsOf('answers-whole')).map(({ ClientStatus }) => ClientStatus), {
        timeout: 10_000,
      })
      .toEqual(['running']);
    expect(await freeOn()).toEqual({ cpu: 0, memoryMb: 0 });
    const { code, stdout } = await shell.run('nodes');
    expect(stdout).toMatch(/^builders {2}2 ready\n {2}free: /);
    expect(stdout).toMatch(/2 allocs +0 MHz +0 MB free/);
    expect(code).toBe(0);

    await stage.ask('POST', '/v1/jobs', { Job: sized('answers-more', node, 1, 10) });
    const waits = async () => (await shell.run('jobs', '--status', 'pending')).stdout;
    await expect.poll(waits, { timeout: 10_000 }).toContain('answers-more');
    expect(await waits()).toMatch(
      /1 of task group g waiting: of 2 eligible nodes in pool default, .*(cpu|memory) is exhausted/s,
    );
    for (const job of ['answers-turns', 'answers-whole', 'answers-more']) await remove(job);
  });

  it('jobs: what runs, and what has failed, by read-job alone', async () => {
    const { shell } = await operator();
    const node = stage.nodeOf(stage.inService());
    await stage.run('answers-running', node, 'exec sleep 600');
    await stage.run('answers-failing', node, 'sleep 1; exit 3');
    await expect
      .poll(async () => (await shell.run('jobs')).stdout, { timeout: 10_000 })
      .toMatch(/failed +answers-failing +batch +\d+ s ago/);
    const { stdout } = await shell.run('jobs', '--status', 'running');
    expect(stdout).toMatch(/running +answers-running +batch +for \d+ s +client-[ab] +[0-9a-f]{8}/);
    expect(stdout).not.toContain('answers-failing');
    for (const job of ['answers-running', 'answers-failing']) await remove(job);
  });

  it('logs: by a short id, by instance and job, and followed until the build ends, each line once', async () => {
    const { shell } = await operator();
    const instanceId = stage.inService();
    const lines = Array.from({ length: 40 }, (_, index) => `größer ${index + 1}\n`).join('');
    const script = 'i=0; while [ $i -lt 40 ]; do i=$((i+1)); echo "größer $i" 1>&2; sleep 0.1; done; echo done';
    await stage.run('answers-logs', stage.nodeOf(instanceId), script);
    const id = await only('answers-logs');
    const following = await shell.run('logs', id.slice(0, 8), '-f', ...OFTEN);
    expect(following.stdout).toBe(lines);
    expect(following.code).toBe(0);
    expect((await shell.run('logs', instanceId, 'answers-logs', '--stdout')).stdout).toBe('done\n');
    const { stdout } = await shell.run('logs', id.slice(0, 7), '--bytes', '21', '--json');
    // 21 bytes before the end is the second byte of an ö.
    expect(JSON.parse(stdout).logs[0].tasks[0]).toMatchObject({ text: 'ßer 39\ngrößer 40\n', cut: true });
    await remove('answers-logs');
  });

  it('logs: followed over the end of a file, when Nomad has removed the first one too', async () => {
    const { ask } = await operator();
    const line = 'x'.repeat(99);
    const write = (count: number) => `yes ${line} | head -n ${count} 1>&2`;
    // A million bytes fit into the first file, what follows does not.
    const script = `${write(10_000)}; sleep 3; ${write(1_500)}; sleep 3; ${write(20_000)}; exec sleep 600`;
    const log = { LogConfig: { MaxFiles: 2, MaxFileSizeMB: 1 } };
    const tasks = [shellTask('writer', script, log)];
    await stage.run('answers-rotate', stage.nodeOf(stage.inService()), 'exec sleep 600', { tasks });
    const id = await only('answers-rotate');
    const end = async (offset?: string) => {
      const { logs } = await ask<'logs'>({
        command: 'logs',
        allocation: id,
        task: 'writer',
        ...(offset && { offset }),
      });
      const [read] = logs[0]?.tasks ?? [];
      if (!read || 'because' in read) throw new Error(read?.because ?? 'no log');
      return read;
    };
    await expect.poll(async () => (await end()).offset, { timeout: 10_000 }).toBe('0:1000000');
    let offset = '0:1000000';
    let text = '';
    const goOn = async () => {
      const read = await end(offset);
      expect(read.cut).toBeUndefined();
      text += read.text;
      offset = read.offset;
      return text.length;
    };
    await expect.poll(goOn, { timeout: 10_000 }).toBe(150_000);
    expect(text).toBe(`${line}\n`.repeat(1_500));
    expect(offset).toMatch(/^1:/);
    // More than is read at once, and the first file goes.
    const whole = /^x*\n(x{99}\n)+$/;
    const last = async () => {
      const read = await end(offset);
      return [read.offset.split(':')[0], read.cut, whole.test(read.text)];
    };
    await expect.poll(last, { timeout: 10_000 }).toEqual(['3', true, true]);
    await remove('answers-rotate');
  });
});
