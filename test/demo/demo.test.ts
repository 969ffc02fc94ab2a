import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { RunningClock } from '../../emulators/clock.ts';
import { NomadEmulator } from '../../emulators/nomad/emulator.ts';

const DEMO = fileURLToPath(new URL('../../bin/demo/main.ts', import.meta.url));
/** What breaks the SDK, or leads it elsewhere, in the shell of whoever works with AWS. */
const SHELL = { AWS_PROFILE: 'nope', AWS_ENDPOINT_URL: 'http://127.0.0.1:9', AWS_USE_FIPS_ENDPOINT: 'true' };

let nomad: NomadEmulator;
let children: Demo[];
/** A client takes seconds to tell its servers of its metadata: faster than the demo, unless builds have to last. */
const startNomad = async (speed = 4) => {
  nomad = await NomadEmulator.start({ clock: new RunningClock(speed) });
};
beforeEach(async () => {
  await startNomad();
  children = [];
});
afterEach(async () => {
  for (const { child } of children) child.kill('SIGKILL');
  await nomad.close();
});

/** The demo as a process, as whoever types it has it; there is no terminal to ask on. */
class Demo {
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  stdout = '';
  stderr = '';
  readonly #code: Promise<number | null>;

  constructor(args: string[], environment: Record<string, string> = {}) {
    const env = { ...process.env, ...SHELL, ...environment };
    this.child = spawn(process.execPath, [DEMO, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env });
    this.child.stdout.on('data', (text) => (this.stdout += text));
    this.child.stderr.on('data', (text) => (this.stderr += text));
    this.#code = once(this.child, 'close').then(([code]) => code);
    children.push(this);
  }

  ends(): Promise<number | null> {
    return this.#code;
  }

  /** As soon as the demo has brought this about; it must not have ended before. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      if (this.child.exitCode !== null) throw new Error(`the demo has ended: ${this.stderr}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

const clients = (count: number) => Array.from({ length: count }, (_, index) => nomad.addNode({ name: `c${index}` }));
const writes = () => nomad.requests.filter(({ method }) => method !== 'GET');
const nodes = () => [...nomad.state.nodes.values()];
const draining = () => nodes().filter(({ DrainStrategy }) => DrainStrategy !== null);
const jobs = () => [...nomad.state.jobs.values()].filter(({ Stop }) => !Stop).map(({ ID }) => ID);

/** As if the demo had never been there. The servers hear of it a little later. */
async function expectAsBefore(): Promise<void> {
  const found = () => nodes().map(({ SchedulingEligibility, Meta }) => [SchedulingEligibility, Meta]);
  await expect.poll(found, { timeout: 10_000 }).toEqual(nodes().map(() => ['eligible', {}]));
  expect(draining()).toEqual([]);
  expect(jobs()).toEqual([]);
}

describe('the demo leaves a Nomad of the shell alone', () => {
  test('which it says in one line, and asks nobody that the shell leads to, for AWS neither', async () => {
    clients(2);
    const led = { NOMAD_ADDR: nomad.url, NOMAD_REGION: 'elsewhere', AWS_ENDPOINT_URL: nomad.url };
    const services = { AWS_ENDPOINT_URL_AUTO_SCALING: nomad.url, AWS_ENDPOINT_URL_EC2: nomad.url };
    const demo = new Demo([], { ...led, ...services, NOMAD_TOKEN: 'secret', AWS_REGION: 'xx-nowhere-1' });
    await demo.until(() => demo.stdout.includes('instance released (drained)'));
    demo.child.kill('SIGINT');
    expect(await demo.ends()).toBe(130);
    expect(demo.stderr.split('\n')[0]).toMatch(/^NOMAD_ADDR is set, and left alone: .* --nomad <address>$/);
    expect(nomad.requests).toEqual([]);
  });
});

describe('with --nomad, the demo', () => {
  test('asks first, and changes nothing where there is nobody to ask', async () => {
    clients(3);
    const demo = new Demo(['--nomad', nomad.url]);
    expect(await demo.ends()).toBe(1);
    const [, ...leaving] = nodes();
    for (const { ID, Name } of leaving) expect(demo.stderr).toContain(`  ${Name}  ${ID}\n`);
    expect(demo.stderr).toContain('there is no terminal to ask on: --yes confirms in advance');
    expect(writes()).toEqual([]);
  });

  test('drains idle clients, and has put everything back at the end', async () => {
    const [busy] = clients(4);
    nomad.run({ id: 'work', type: 'service', on: busy!.id });
    const demo = new Demo(['--nomad', nomad.url, '--yes', '--json']);
    expect({ code: await demo.ends(), stderr: demo.stderr }).toMatchObject({ code: 0 });
    expect(JSON.parse(demo.stdout)).toMatchObject({
      instances: [{ outcome: 'drained' }, { outcome: 'drained' }],
      finished: 2,
      killed: 0,
      kept: 0,
    });
    expect(nodes().filter(({ LastDrain }) => LastDrain?.Status === 'complete')).toHaveLength(2);
    expect(nomad.node(busy!.id).LastDrain).toBeNull();
    expect(jobs()).toEqual(['work']);
    nomad.state.jobs.clear();
    await expectAsBefore();
  });

  const drainedEver = () => nodes().filter(({ LastDrain }) => LastDrain !== null).length;
  test.each([
    ['the event of an instance', 'SIGINT', 3, 1],
    // The event of one of four is lost: the sweep drains it, and then waits for a change, which it gets by what is undone.
    ['a sweep that waits for a change', 'SIGTERM', 5, 4],
  ] as const)('undoes it in the middle of the drains, in the run of %s', async (_, signal, count, begun) => {
    await nomad.close();
    await startNomad(1);
    clients(count);
    const demo = new Demo(['--nomad', nomad.url, '--yes']);
    await demo.until(() => drainedEver() === begun && draining().length > 0);
    demo.child.kill(signal);
    // As npm does, which has it from the same terminal.
    demo.child.kill(signal);
    expect(await demo.ends()).toBe({ SIGINT: 130, SIGTERM: 143 }[signal]);
    expect(demo.stderr).toContain(`ended by ${signal}`);
    expect(demo.stderr).not.toContain('not undone');
    await expectAsBefore();
    expect(nodes().some(({ LastDrain }) => LastDrain?.Status === 'canceled')).toBe(true);
    // A run that went on would find a node that does not drain, whose instance has to go, and drain it again.
    const undoing = nomad.requests.findIndex(({ method }) => method === 'DELETE');
    expect(nomad.requests.slice(undoing).filter(({ path }) => path === '/v1/nodes')).toEqual([]);
  });

  test('undoes it while it still sets its stage', async () => {
    clients(3);
    const demo = new Demo(['--nomad', nomad.url, '--yes']);
    await demo.until(() => jobs().length > 0);
    demo.child.kill('SIGINT');
    expect(await demo.ends()).toBe(130);
    await expectAsBefore();
  });

  test('undoes it where Nomad refuses something on the way', async () => {
    clients(3);
    nomad.server.fault = ({ method, url }) =>
      method !== 'GET' && url.pathname === '/v1/jobs' && jobs().length === 1
        ? { status: 500, body: 'No cluster leader' }
        : undefined;
    const demo = new Demo(['--nomad', nomad.url, '--yes'], { NOMAD_TOKEN: 'f00dfeed-0000-4000-8000-00000000cafe' });
    expect(await demo.ends()).toBe(1);
    expect(demo.stderr).toContain('/v1/jobs: 500 No cluster leader');
    expect(demo.stdout + demo.stderr).not.toContain('f00dfeed');
    await expectAsBefore();
  });

  test('undoes what it can where Nomad does not let it undo all, and says how to do the rest by hand', async () => {
    const [, second] = clients(3);
    const demo = new Demo(['--nomad', nomad.url, '--yes']);
    await demo.until(() => draining().length > 0 && Object.keys(second!.Meta).length > 0);
    nomad.server.fault = ({ body }) =>
      body.includes(second!.id) && body.includes(':null') ? { status: 500, body: 'No path to node' } : undefined;
    demo.child.kill('SIGINT');
    expect(await demo.ends()).toBe(130);
    const said = demo.stderr.split('\n').filter((line) => line.startsWith('not undone: '));
    expect(said).toEqual([
      expect.stringMatching(/^not undone: c1 keeps the metadata .*No path to node.*, by hand: nomad node meta apply /),
    ]);
    expect(Object.keys(second!.Meta)).toHaveLength(1);
    second!.Meta = {};
    await expectAsBefore();
  });
});
