import { expect, test } from 'vitest';
import { since } from '../emulators/nomad/version.ts';
import { ends, fails, job, obeys } from './contract-jobs.ts';
import { list, type Nomad, object } from './nomad-under-test.ts';

const ENDED =
  '(ClientStatus == "complete" or ClientStatus == "failed") and (Job.Type == "batch" or Job.Type == "sysbatch")';
/** Since 1.10.1 Nomad gives no reason. */
const RESCHEDULED = 'alloc was rescheduled because it failed';
const AGAIN = {
  ReschedulePolicy: { Attempts: 1, Interval: 3600e9, Delay: 5e9, DelayFunction: 'constant', Unlimited: false },
};

/** What a plan of a scale-in is made from: how builds have ended, and where a service may run. */
export const planCases = (the: () => Nomad): void => {
  const instance = (i: number) => the().under.nodes[i]?.instanceId ?? '';
  const names = async (filter: string) => list((await the().nodes(filter)).body).map(({ Name }) => String(Name));
  const ended = async () => {
    const { body } = await the().get(
      `/v1/allocations?namespace=*&resources=false&task_states=false&reverse=true&per_page=50&filter=${encodeURIComponent(ENDED)}`,
    );
    return list(body).filter(({ JobID }) => String(JobID).startsWith('built'));
  };

  test('ended builds say whether they ended by themselves, or were stopped, or failed and were replaced', async () => {
    const on = the().under.nodes[0]?.id ?? '';
    await the().run(job('built', 'batch', ends(1), { on }));
    await the().run(job('built-failed', 'batch', fails(1), { on }));
    await the().run(job('built-again', 'batch', fails(1), { on, group: AGAIN }));
    await the().run(job('built-sysbatch', 'sysbatch', ends(1), { on }));
    await the().run(job('built-killed', 'batch', obeys, { on }));
    await the().until(20_000, ended, (found) => found.length >= 5);
    await the().drain(0, { Deadline: -1e9 });
    const found = await the().until(15_000, ended, (all) => all.some(({ JobID }) => JobID === 'built-killed'));
    const said = found.map(({ JobID, ClientStatus, DesiredStatus, DesiredDescription }) =>
      [JobID, ClientStatus, DesiredStatus, DesiredDescription].join(' | '),
    );
    expect(said.toSorted()).toEqual([
      'built | complete | run | ',
      'built-again | failed | run | ',
      `built-again | failed | stop | ${since(the().under.version, '1.10.1') ? '' : RESCHEDULED}`,
      'built-failed | failed | run | ',
      'built-killed | complete | stop | alloc is being migrated',
      'built-sysbatch | complete | run | ',
    ]);
  });

  test('when a build ended stays as it is: to stop its job afterwards does not change it', async () => {
    await the().run(job('built-once', 'batch', ends(1), { on: the().under.nodes[0]?.id ?? '' }));
    const once = async () => (await ended()).filter(({ JobID }) => JobID === 'built-once');
    const [before] = await the().until(8000, once, (found) => found.length === 1);
    await the().send('DELETE', '/v1/job/built-once');
    await the().under.wait(2000);
    const [after] = await once();
    expect(after).toMatchObject({ ModifyTime: before?.ModifyTime, ClientStatus: 'complete' });
    expect(Number(before?.ModifyTime) - Number(before?.CreateTime)).toBeGreaterThan(0.9e9);
  });

  test('a job says in which datacenters, which pool and under which constraints it runs, and by which drivers', async () => {
    const constraint = { LTarget: `\${attr.kernel.name}`, Operand: '=', RTarget: 'linux' };
    await the().run(job('built-web', 'service', obeys, { group: { Constraints: [constraint] } }));
    const { status, body } = await the().get('/v1/job/built-web?namespace=default');
    expect(status).toBe(200);
    expect(object(body)).toMatchObject({
      Datacenters: ['*'],
      NodePool: 'default',
      TaskGroups: [
        {
          Name: 'g',
          Constraints: expect.arrayContaining([constraint]),
          Volumes: null,
          Networks: null,
          Tasks: [{ Driver: 'raw_exec', Constraints: null, Resources: { Devices: null } }],
        },
      ],
    });
    expect((await the().get('/v1/job/built-none?namespace=default')).status).toBe(404);
    const { body: nodes } = await the().get('/v1/nodes?resources=true');
    expect(list(nodes)[0]).toMatchObject({
      Datacenter: 'dc1',
      NodeClass: '',
      Drivers: { raw_exec: { Healthy: true } },
    });
  });

  const ID = 'attr.unique.platform.aws.instance-id';
  const A = 'Attributes["unique.platform.aws.instance-id"]';
  test.each([
    {
      target: ID,
      operand: '=',
      value: () => instance(0),
      filter: () => `${A} == \`${instance(0)}\``,
      on: ['client-a'],
    },
    {
      target: ID,
      operand: '!=',
      value: () => instance(0),
      filter: () => `${A} != \`${instance(0)}\``,
      on: ['client-b'],
    },
    {
      target: ID,
      operand: 'regexp',
      value: () => `${instance(1)}\\b`,
      filter: () => `${A} matches \`${instance(1)}\\b\``,
      on: ['client-b'],
    },
    {
      target: ID,
      operand: 'is_set',
      value: () => '',
      filter: () => '"unique.platform.aws.instance-id" in Attributes',
      on: ['client-a', 'client-b'],
    },
    {
      target: 'node.unique.name',
      operand: 'regexp',
      value: () => '-[bc]$',
      filter: () => 'Name matches `-[bc]$`',
      on: ['client-b'],
    },
    { target: 'meta.none', operand: 'is_set', value: () => '', filter: () => '"none" in Meta', on: [] },
    {
      target: 'meta.none',
      operand: 'is_not_set',
      value: () => '',
      filter: () => '"none" not in Meta',
      on: ['client-a', 'client-b'],
    },
    {
      target: 'meta.none',
      operand: '!=',
      value: () => 'x',
      filter: () => 'Meta["none"] != `x`',
      on: ['client-a', 'client-b'],
    },
    { target: 'meta.none', operand: '=', value: () => 'x', filter: () => 'Meta["none"] == `x`', on: [] },
    { target: 'meta.none', operand: 'regexp', value: () => 'x', filter: () => 'Meta["none"] matches `x`', on: [] },
  ])(
    'a constraint allows the nodes that a filter finds: $target $operand',
    async ({ target, operand, value, filter, on }) => {
      const id = `built-${operand.replaceAll(/\W/g, 'n')}-${target.length}-${on.length}`;
      const constraint = { LTarget: `\${${target}}`, Operand: operand, RTarget: value() };
      const system = job(id, 'system', obeys, { group: { Constraints: [constraint] } });
      const { status, text } = await the().send('POST', '/v1/jobs', { Job: system });
      expect([status, text]).toEqual([200, expect.any(String)]);
      await the().until(
        8000,
        () => the().jobAllocations(id),
        (found) => found.length >= on.length,
      );
      await the().under.wait(500);
      expect((await the().jobAllocations(id)).map(({ NodeName }) => NodeName).toSorted()).toEqual(on);
      expect((await names(filter())).toSorted()).toEqual(on);
    },
  );
};
