import { describe, expect, it } from 'vitest';
import { start, world } from './start.ts';
import { HOUR, MINUTE } from './world.ts';

const PLAN = { command: 'plan' };
const plan = (more: object = {}) => world.ask<'plan'>({ ...PLAN, ...more });

describe('a plan', () => {
  it('works', async () => {
    await start();
    const [idle, busy, serves] = [world.addBuilder(), world.addBuilder(), world.addBuilder()];
    for (let i = 0; i < 8; i++) {
      world.nomad.run({
        id: `ci/dispatch-170000000${i}-aaaaaaaa`,
        type: 'batch',
        on: busy.nodeId,
        runSeconds: 600 + 300 * i,
      });
    }
    await world.advance(HOUR);
    world.nomad.run({ id: 'ci/dispatch-1700009999-aaaaaaaa', type: 'batch', on: busy.nodeId, runSeconds: 3000 });
    world.nomad.run({ id: 'web', type: 'service', on: serves.nodeId });
    world.nomad.run({
      id: 'api',
      type: 'service',
      constraints: [
        { LTarget: `\${attr.kernel.name}`, Operand: '=', RTarget: 'linux' },
        { LTarget: `\${attr.consul.version}`, Operand: 'semver', RTarget: '>= 1.8.0' },
      ],
    });
    await world.advance(20 * MINUTE);
    console.log(JSON.stringify(await plan({ deadlineSeconds: 900 }), null, 1));
    console.log(
      world.nomad.requests
        .map(({ method, path }) => `${method} ${decodeURIComponent(path)}`)
        .slice(-14)
        .join('\n'),
    );
    expect(idle).toBeDefined();
  });
});
