import { expect, test } from 'vitest';
import { since } from '../../emulators/nomad/version.ts';
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

  const HOUR = { Deadline: 3600e9 };
  const onFirst = async (id: string, status: string) =>
    (await the().allocations(0, id)).filter(({ ClientStatus }) => ClientStatus === status);

  test.each([
    { count: 1, maxParallel: 1, stopped: 1 },
    { count: 2, maxParallel: 2, stopped: 2 },
    { count: 3, maxParallel: 2, stopped: 2 },
    { count: 2, maxParallel: 0, stopped: 0 },
  ])(
    'of $count allocations with nowhere to go a drain stops as many as max_parallel ($maxParallel) at once',
    async ({ count, maxParallel, stopped }) => {
      const id = `outage-${count}-${maxParallel}`;
      await the().mark(1, 'ineligible');
      await the().run(job(id, 'service', obeys, { count, maxParallel }), count);
      await the().drain(0, HOUR);
      await the().until(
        6000,
        () => onFirst(id, 'complete'),
        (seen) => seen.length === stopped,
      );
      await the().under.wait(3000);
      expect(await onFirst(id, 'running')).toHaveLength(count - stopped);
      expect(await the().allocations(1, id)).toEqual([]);
      expect((await the().node(0)).Drain).toBe(stopped < count);
      for (const each of await onFirst(id, 'complete')) {
        expect(each).toMatchObject({ DesiredStatus: 'stop', DesiredTransition: { Migrate: true } });
      }
    },
  );

  test('a service that is one short already is not stopped: its drain waits for the deadline', async () => {
    const { CpuShares } = object(object((await the().node(0)).NodeResources).Cpu);
    await the().mark(1, 'ineligible');
    await the().run(job('one-short', 'service', obeys, { count: 2, cpu: Math.ceil(Number(CpuShares) / 2) + 1 }), 1);
    await the().drain(0, HOUR);
    await the().under.wait(4000);
    expect(await onFirst('one-short', 'running')).toHaveLength(1);
    expect((await the().node(0)).Drain).toBe(true);
  });

  test('a service whose host volume no other node has is stopped at once too, and a list of nodes shows why', async () => {
    const { body } = await the().get('/v1/nodes');
    const volumes = list(body).map(({ Name, HostVolumes }) => [Name, Object.keys(object(HostVolumes))]);
    expect(volumes.toSorted()).toEqual([
      ['client-a', ['data-a']],
      ['client-b', ['data-b']],
    ]);
    const Volumes = { data: { Name: 'data', Type: 'host', Source: 'data-a', ReadOnly: false } };
    await the().run(job('keeps', 'service', obeys, { group: { Volumes } }));
    const { TaskGroups } = object((await the().get('/v1/job/keeps?namespace=default')).body);
    const volume = { ...Volumes.data, PerAlloc: false, AccessMode: '' };
    expect(TaskGroups).toMatchObject([{ Count: 1, Migrate: { MaxParallel: 1 }, Volumes: { data: volume } }]);
    await the().drain(0, HOUR);
    await the().untilDrained(0, 8000);
    expect((await the().jobAllocations('keeps')).map(({ DesiredStatus }) => DesiredStatus)).toEqual(['stop']);
    const evaluations = list((await the().get('/v1/job/keeps/evaluations')).body);
    expect(evaluations.find(({ Status }) => Status === 'blocked')).toMatchObject({
      FailedTGAllocs: { g: { ConstraintFiltered: { 'missing compatible host volumes': 1 } } },
    });
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
