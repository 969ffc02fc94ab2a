import { describe, expect, it } from 'vitest';
import { MINUTE, SWEEP } from '../../emulators/world/world.ts';
import { DEFAULT_MEMORY } from '../../lib/function/memory.ts';
import { start, world } from './start.ts';

/** The heap that Node.js gives itself of the memory of the function, at the least, in megabytes. */
const HEAP = DEFAULT_MEMORY / 4;

/** So many allocations of such a job have ended on the node: each is shown with its whole job. */
const fill = async (nodeId: string, { allocations, kilobytes }: { allocations: number; kilobytes: number }) => {
  const Env = Object.fromEntries(
    Array.from({ length: kilobytes }, (_, index) => [`VARIABLE_${index}`, 'pädding "quoted" \\ [{ '.repeat(40)]),
  );
  const job = (count: number, ID: string) => ({
    ID,
    Type: 'batch' as const,
    // biome-ignore lint/suspicious/noTemplateCurlyInString: Nomad's own interpolation.
    Constraints: [{ LTarget: '${node.unique.id}', Operand: '=', RTarget: nodeId }],
    TaskGroups: [
      {
        Name: 'g',
        Count: count,
        EphemeralDisk: { Migrate: false, Sticky: false, SizeMB: 1 },
        Tasks: [
          {
            Name: 't',
            Driver: 'raw_exec',
            Config: { command: '/bin/true' },
            Env,
            Meta: { 'emulate.run_seconds': '1' },
            Resources: { CPU: 1, MemoryMB: 1 },
          },
        ],
      },
    ],
  });
  const atOnce = 300;
  for (let done = 0; done < allocations; done += atOnce) {
    world.nomad.register(job(Math.min(atOnce, allocations - done), `old-${nodeId}-${done}`) as never, true);
    await world.advance(3_000);
  }
  expect(world.nomad.allocationsOn(nodeId)).toHaveLength(allocations);
  expect(world.nomad.allocationsOn(nodeId).every(({ ClientStatus }) => ClientStatus === 'complete')).toBe(true);
};

const sizeOf = async (nodeId: string) => {
  const answer = await fetch(`${world.nomad.url}/v1/node/${nodeId}/allocations`);
  return (await answer.arrayBuffer()).byteLength / 1e6;
};

describe('a node with tens of megabytes of ended allocations', () => {
  it('is released as soon as it is empty', async () => {
    await start();
    const { instanceId, nodeId } = world.addBuilder();
    await fill(nodeId, { allocations: 1_200, kilobytes: 60 });
    expect(await sizeOf(nodeId)).toBeGreaterThan(70);
    const [build = ''] = world.nomad.run({ id: 'build', type: 'batch', on: nodeId, runSeconds: 90 });
    await world.scaleIn(instanceId);
    await world.deliver();
    expect(world.completion(instanceId)).toBeUndefined();

    await world.sweepFor(3 * MINUTE);

    expect(world.nomad.allocation(build).ClientStatus).toBe('complete');
    expect(world.completion(instanceId)).toMatchObject({ by: 'call' });
    expect(world.outcome(instanceId)).toBe('drained');
  });

  it('does not stand alone: several of them fit the memory of the function', async () => {
    await start();
    const builders = Array.from({ length: 3 }, () => world.addBuilder());
    for (const { nodeId } of builders) await fill(nodeId, { allocations: 900, kilobytes: 60 });
    for (const { nodeId } of builders)
      world.nomad.run({ id: `b-${nodeId}`, type: 'batch', on: nodeId, runSeconds: 90 });
    await world.scaleIn(...builders.map(({ instanceId }) => instanceId));
    await world.wake(SWEEP);
    await world.advance(2 * MINUTE);

    const megabytes = await world.memoryAsDeployed(SWEEP, HEAP);

    expect(megabytes).toBeLessThan(DEFAULT_MEMORY);
    for (const { instanceId } of builders) expect(world.completion(instanceId)).toMatchObject({ by: 'call' });
  });
});
