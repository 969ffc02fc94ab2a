import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Answer } from '../../../lambda/core/queries/query.ts';
import { Stage, shellTask } from './stage.ts';

const context = { getRemainingTimeInMillis: () => 60_000 };
const FOREVER = 'while true; do sleep 1; done';

let stage: Stage;

/** A job that is dispatched: each run sleeps for so long. */
const registerCi = (nodeId: string) =>
  stage.ask('POST', '/v1/jobs', {
    Job: {
      ID: 'ci',
      Type: 'batch',
      Datacenters: ['*'],
      ParameterizedJob: { MetaRequired: ['seconds'] },
      Constraints: [{ LTarget: `\${node.unique.id}`, RTarget: nodeId, Operand: '=' }],
      TaskGroups: [
        {
          Name: 'g',
          RestartPolicy: { Attempts: 0, Mode: 'fail' },
          Tasks: [shellTask('t', 'sleep "$NOMAD_META_seconds"')],
        },
      ],
    },
  });

const dispatch = async (seconds: number) => {
  const { DispatchedJobID } = await stage.ask<{ DispatchedJobID: string }>('POST', '/v1/job/ci/dispatch', {
    Meta: { seconds: String(seconds) },
  });
  return DispatchedJobID;
};

const statusOf = async (job: string) => (await stage.allocationsOf(encodeURIComponent(job)))[0]?.ClientStatus;

describe('a plan, with a real Nomad', () => {
  beforeAll(async () => {
    stage = await Stage.start(3);
  }, 180_000);
  afterAll(() => stage?.close());

  it('judges a dispatched build by the runs before it, and says which service has nowhere to go, and which is idle', async () => {
    const [idle = '', busy = '', serves = ''] = stage.aws.instances('builders').map(({ id }) => id);
    await registerCi(stage.nodeOf(busy));
    const earlier = await Promise.all([20, 22, 24].map(dispatch));
    await stage.run('web', stage.nodeOf(serves), FOREVER, { type: 'service' });
    await stage.run('api', undefined, FOREVER, {
      type: 'service',
      group: { Constraints: [{ LTarget: `\${attr.unique.platform.aws.instance-id}`, RTarget: serves, Operand: '=' }] },
    });
    for (const job of earlier) await expect.poll(() => statusOf(job), { timeout: 40_000 }).toBe('complete');
    const running = await dispatch(600);
    await expect.poll(() => statusOf(running), { timeout: 15_000 }).toBe('running');

    const handler = await stage.deploy({});
    const began = Date.now();
    const answer = (await handler({ command: 'plan' }, context)) as unknown as Extract<Answer, { run: 'plan' }>;
    console.log(`answered after ${Date.now() - began} ms`);

    const of = (id: string) => answer.instances.find(({ instanceId }) => instanceId === id);
    expect(answer.notKnown).toEqual([]);
    expect(answer.builds).toMatchObject({ ended: 3, cutShort: 1, longestJob: 'ci' });
    expect(of(idle)).toMatchObject({ verdict: 'at-once' });
    expect(of(busy)).toMatchObject({ verdict: 'ends', killChance: 0 });
    expect(of(busy)?.because).toContain('of 3 runs of ci that took longer, half ended within');
    expect(of(serves)).toMatchObject({ verdict: 'stops', serviceCount: 2 });
    const reasons = of(serves)
      ?.services.map(({ because }) => because)
      .toSorted();
    expect(reasons?.[0]).toContain(`constraint \${attr.unique.platform.aws.instance-id} = ${serves} rules out 2`);
    expect(reasons?.[1]).toContain(`constraint \${node.unique.id} = ${stage.nodeOf(serves)} rules out 2`);
  });
});
