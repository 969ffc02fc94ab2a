import { describe, expect, it } from 'vitest';
import { SECOND, type World } from '../../emulators/world/world.ts';
import { GROUP } from '../../emulators/world/world-options.ts';
import { start, world } from './start.ts';

const NODE = { cpu: 4000, memoryMb: 8000 };
const NONE = { ready: 0, draining: 0, ineligible: 0, initializing: 0, disconnected: 0, down: 0 };

const ask = (more: object = {}) => world.ask<'capacity'>({ command: 'capacity', ...more });

const post = (path: string, body: object) =>
  fetch(`${world.nomad.url}/v1/node/${path}`, { method: 'POST', body: JSON.stringify(body) });

/** A build of so much, as a job with one task. */
const build = (on: string, cpu: number, memoryMb: number, tasks: object[] = []) =>
  world.nomad.register({
    ID: `build-${world.nomad.state.jobs.size}`,
    Type: 'batch',
    Datacenters: ['*'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: Nomad's own interpolation.
    Constraints: [{ LTarget: '${node.unique.id}', Operand: '=', RTarget: on }],
    TaskGroups: [
      {
        Name: 'g',
        Tasks: [{ Name: 'main', Driver: 'raw_exec', Resources: { CPU: cpu, MemoryMB: memoryMb } }, ...tasks],
      },
    ],
  } as unknown as Parameters<World['nomad']['register']>[0]);

const task = (name: string, cpu: number, hook: string, sidecar = false) => ({
  Name: name,
  Driver: 'raw_exec',
  Lifecycle: { Hook: hook, Sidecar: sidecar },
  Resources: { CPU: cpu, MemoryMB: 100 },
});

describe('capacity', () => {
  it('counts the nodes of each group and pool by what may be done with them', async () => {
    await start({ moreGroups: [{ name: 'idle' }] });
    for (const pool of ['default', 'default', 'gpu']) world.addBuilder({ ...NODE, pool });
    const [draining = '', ineligible, down] = Array.from({ length: 3 }, () => world.addBuilder(NODE).nodeId);
    world.nomad.addNode({ name: 'elsewhere', ...NODE });
    world.nomad.run({ id: 'build', type: 'batch', on: draining, runSeconds: 600 });
    await post(`${draining}/drain`, { DrainSpec: { Deadline: 3600e9 } });
    await post(`${ineligible}/eligibility`, { Eligibility: 'ineligible' });
    world.nomad.stopClient(down ?? '');
    await world.advance(60 * SECOND);

    const { total, rows } = await ask();

    expect(total.nodes).toEqual({ ...NONE, ready: 4, draining: 1, ineligible: 1, down: 1 });
    expect(rows.map(({ group, nodePool, nodes }) => [group, nodePool, nodes])).toEqual([
      [GROUP, 'default', { ...NONE, ready: 2, draining: 1, ineligible: 1, down: 1 }],
      [GROUP, 'gpu', { ...NONE, ready: 1 }],
      ['idle', null, NONE],
      [null, 'default', { ...NONE, ready: 1 }],
    ]);
  });

  it('says what is free on nodes that may get something, what the largest slot is, and how often a size fits', async () => {
    await start();
    const [one, other, taken] = Array.from({ length: 3 }, () => world.addBuilder(NODE));
    build(one?.nodeId ?? '', 1000, 6000);
    build(other?.nodeId ?? '', 2500, 1000);
    await post(`${taken?.nodeId}/eligibility`, { Eligibility: 'ineligible' });

    const { total, nodes } = await ask({ cpu: 500, memoryMb: 2000 });

    expect(total).toMatchObject({
      free: { cpu: 4500, memoryMb: 9000 },
      largest: { cpu: 1500, memoryMb: 7000, node: other?.nodeId },
      // One has memory for one of them, the other CPU for three.
      fits: 4,
    });
    expect(nodes.find(({ id }) => id === one?.nodeId)).toEqual({
      id: one?.nodeId,
      name: expect.any(String),
      state: 'ready',
      nodePool: 'default',
      instanceId: one?.instanceId,
      group: GROUP,
      allocations: 1,
      free: { cpu: 3000, memoryMb: 2000 },
    });
    expect((await ask({ memoryMb: 7001 })).total.fits).toBe(0);
    expect((await ask()).total).not.toHaveProperty('fits');
  });

  it('counts tasks that run one after the other once, as Nomad does', async () => {
    await start();
    const { nodeId } = world.addBuilder(NODE);
    build(nodeId, 1000, 1000, [
      task('clone', 3000, 'prestart'),
      task('proxy', 200, 'prestart', true),
      task('stats', 100, 'poststart'),
      task('upload', 900, 'poststop'),
    ]);
    // First clone and proxy: more than main, proxy and stats, or upload.
    expect((await ask()).total.free).toEqual({ cpu: 800, memoryMb: 6800 });
  });

  it('names instances of the groups that no node names', async () => {
    await start();
    world.addBuilder(NODE);
    const bare = world.aws.addInstance(GROUP);
    const { withoutNode, total } = await ask();
    expect(withoutNode).toEqual([{ instanceId: bare, group: GROUP, state: 'InService' }]);
    expect(total.nodes.ready).toBe(1);
  });

  it('warns that more may run than the token sees', async () => {
    await start({ acl: true, nomad: { token: { parameter: '/nomad/drain-token' } } });
    const { nodeId } = world.addBuilder(NODE);
    build(nodeId, 1000, 1000);
    world.nomad.policy('narrow', 'node { policy = "write" }\nnamespace "ci" { capabilities = ["read-job"] }');
    world.aws.putParameter('/nomad/drain-token', world.nomad.token({ policies: ['narrow'] }), 'SecureString');
    const { total, warnings } = await ask();
    expect(total.free.cpu).toBe(4000);
    expect(warnings).toEqual([expect.stringContaining('the Nomad token is too narrow')]);
  });
});
