import { describe, expect, test } from 'vitest';
import { GROUP } from '../../emulators/world/world-options.ts';
import { Operator } from './operator.ts';

const NODE = { cpu: 4000, memoryMb: 8192 };

describe('nodes', () => {
  test('lists the nodes of each group with what runs there, and says what still fits', async () => {
    const operator = await Operator.start({ moreGroups: [{ name: 'runners' }] });
    const { world } = operator;
    const one = world.addBuilder({ ...NODE, name: 'builder-1' });
    const other = world.addBuilder({ ...NODE, name: 'builder-2' });
    world.nomad.run({ id: 'build', type: 'batch', on: one.nodeId, runSeconds: 600, cpu: 1000, memoryMb: 2048 });
    world.nomad.addNode({ ...NODE, name: 'elsewhere' });

    const { code, stdout, stderr } = await operator.run('nodes', '--memory', '4096');

    expect(stdout.replace(/(?<= {2})[0-9a-f]{8}(?= {2}0 allocs)/, '<id>')).toBe(
      [
        'builders  2 ready',
        '  free: 7000 MHz and 14.0 GB; the largest slot is 4000 MHz and 8.0 GB; 3 allocations of that size fit',
        `  builder-1  ready  ${one.instanceId}  1 alloc   3000 MHz  6.0 GB free`,
        `  builder-2  ready  ${other.instanceId}  0 allocs  4000 MHz  8.0 GB free`,
        '',
        'runners  no node',
        '',
        'in no group  1 ready',
        '  free: 4000 MHz and 8.0 GB; the largest slot is 4000 MHz and 8.0 GB; 2 allocations of that size fit',
        '  elsewhere  ready  <id>  0 allocs  4000 MHz  8.0 GB free',
        '',
      ].join('\n'),
    );
    expect([code, stderr]).toEqual([0, '']);
  });

  test('of one group shows that alone, and says which groups there are if it is none', async () => {
    const operator = await Operator.start({ moreGroups: [{ name: 'runners' }] });
    operator.world.addBuilder(NODE);
    expect((await operator.run('nodes', 'runners')).stdout).toBe('runners  no node\n');
    expect(await operator.run('nodes', 'nobody')).toEqual({
      code: 1,
      stdout: '',
      stderr: 'error: the function serves no group nobody\nIt serves: builders, runners.\n',
    });
  });

  test('names instances that no node names, and fits a terminal of 80 columns', async () => {
    const operator = await Operator.start();
    const { world } = operator;
    world.addBuilder({ ...NODE, name: 'client-with-a-very-long-name-in-nomad-and-a-pool', pool: 'gpu' });
    world.addBuilder({ ...NODE, pool: 'cpu' });
    const bare = world.aws.addInstance(GROUP);
    const { code, screen, tooLong } = await operator.onTerminal('nodes');
    expect(tooLong).toEqual([]);
    expect(screen).toContain('builders (pool gpu)  1 ready');
    expect(screen).toContain(`no node names this instance: ${bare} (InService)`);
    expect(code).toBe(0);
  });

  test('is JSON with --json: the answer of the function', async () => {
    const operator = await Operator.start();
    operator.world.addBuilder(NODE);
    const { stdout } = await operator.run('nodes', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ run: 'nodes', total: { nodes: { ready: 1 } }, warnings: [] });
  });

  test('refuses a size that is none', async () => {
    const operator = await Operator.start();
    const { code, stderr } = await operator.run('nodes', '--cpu', 'much');
    expect(code).toBe(1);
    expect(stderr).toContain('It must be a whole number above 0.');
    expect(operator.world.nomad.requests).toEqual([]);
  });
});
