import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Stage } from './stage.ts';

const FOREVER = 'while true; do sleep 1; done';
const FUNCTION = 'arn:aws:lambda:us-east-1:123456789012:function:who-goes';
const context = { getRemainingTimeInMillis: () => 60_000 };

let stage: Stage;

describe('who goes, with a real Nomad', () => {
  beforeAll(async () => {
    stage = await Stage.start(10, { group: { terminationPolicies: [FUNCTION, 'Default'] } });
  }, 180_000);
  afterAll(() => stage?.close());

  it('of ten clients, three idle, a scale-in by three takes those, and they are let go within the runs of their events', async () => {
    const handler = await stage.deploy({});
    const took: number[] = [];
    stage.aws.onTerminationPolicy(FUNCTION, async (event) => {
      const began = Date.now();
      const answer = await handler(event, context);
      took.push(Date.now() - began);
      return answer;
    });
    const all = stage.aws.instances('builders').map(({ id }) => id);
    const idle = [all[3], all[5], all[9]];
    const busy = all.filter((id) => !idle.includes(id));
    for (const [index, id] of busy.entries()) await stage.run(`build-${index}`, stage.nodeOf(id), FOREVER);

    const began = Date.now();
    stage.events.length = 0;
    stage.aws.shrink('builders', 3);
    await expect.poll(() => stage.events.length, { timeout: 10_000 }).toBe(3);
    for (const event of stage.events) await handler(event, context);

    expect(stage.aws.completions.map(({ instanceId }) => instanceId).sort()).toEqual(idle.toSorted());
    const seconds = Math.round((Date.now() - began) / 100) / 10;
    console.log(`answered after ${took.join()} ms; the three were let go after ${seconds} s`);
    expect(stage.aws.asked.map(({ taken }) => taken.length)).toEqual([3]);
    for (const [index] of busy.entries()) {
      expect(await stage.allocationsOf(`build-${index}`)).toMatchObject([{ ClientStatus: 'running' }]);
    }
  });
});
