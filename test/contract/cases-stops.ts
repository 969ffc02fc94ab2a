import { expect, test } from 'vitest';
import { ends, job, obeys, stopsIn } from './contract-jobs.ts';
import { type Nomad, object } from './nomad-under-test.ts';

const HOUR = { Deadline: 3600e9, IgnoreSystemJobs: false };
const Meta = { aws_instance_id: 'i-0a0a', drained_by: 'contract' };

/** Allocations that are stopped one by one, as `nomad alloc stop` does it. */
export const stopCases = (the: () => Nomad): void => {
  const nodeA = () => the().under.nodes[0]?.id ?? '';
  const stop = (id: unknown, token?: string) => the().send('POST', `/v1/allocation/${id}/stop`, undefined, token);
  const tokenFor = async (name: string, Rules: string) => {
    await the().send('POST', `/v1/acl/policy/${name}`, { Name: name, Rules });
    const { body } = await the().send('POST', '/v1/acl/token', { Name: name, Type: 'client', Policies: [name] });
    return String(object(body).SecretID);
  };
  const untilEnded = (jobId: string) =>
    the().until(
      10_000,
      () => the().allocations(0, jobId),
      ([first]) => first?.ClientStatus === 'complete',
    );

  test('a build on a draining node is stopped alone, and the drain goes on for the others', async () => {
    const [build] = await the().run(job('stopped', 'batch', obeys, { on: nodeA() }));
    await the().run(job('goes-on', 'batch', ends(6), { on: nodeA() }));
    await the().drain(0, HOUR, { Meta });
    const answer = await stop(build?.ID);
    expect(answer).toMatchObject({ status: 200, body: { EvalID: expect.any(String), Index: expect.any(Number) } });
    expect(Number(answer.headers.get('x-nomad-index'))).toBe(object(answer.body).Index);
    const [stopped] = await untilEnded('stopped');
    expect(stopped).toMatchObject({
      DesiredStatus: 'stop',
      DesiredDescription: 'alloc is being migrated',
      DesiredTransition: { Migrate: true },
    });
    expect((await the().node(0)).Drain).toBe(true);
    const node = await the().untilDrained(0, 15_000);
    expect(object(node.LastDrain)).toMatchObject({ Status: 'complete', Meta });
  });

  test('the drain of a node is complete when its only build is stopped so', async () => {
    const [build] = await the().run(job('only', 'batch', stopsIn(1), { on: nodeA() }));
    await the().drain(0, HOUR, { Meta });
    // What is stopping already when Nomad begins to watch the node ends no drain.
    await the().under.wait(100);
    await stop(build?.ID);
    const node = await the().untilDrained(0, 10_000);
    expect(object(node.LastDrain)).toMatchObject({ Status: 'complete' });
  });

  test('what a job says in its meta is in its allocations, as is what a task group says', async () => {
    const said = {
      ...job('says', 'batch', obeys, { on: nodeA(), group: { Meta: { own: 'group' } } }),
      Meta: { own: 'job', all: 'yes' },
    };
    await the().run(said);
    const [allocation] = await the().allocations(0, 'says');
    expect(object(object(allocation).Job)).toMatchObject({
      Meta: { own: 'job', all: 'yes' },
      TaskGroups: [{ Meta: { own: 'group' } }],
    });
  });

  test('one that Nomad does not have is not stopped, nor by a token without alloc-lifecycle', async () => {
    expect(await stop('00000000-0000-0000-0000-000000000000')).toMatchObject({
      status: 404,
      text: 'allocation not found',
    });
    const [build] = await the().run(job('kept', 'batch', obeys, { on: nodeA() }));
    const token = await tokenFor('kept', 'node { policy = "write" }\nnamespace "*" { policy = "read" }');
    expect(await stop(build?.ID, token)).toMatchObject({ status: 403, text: 'Permission denied' });
    const allowed = await tokenFor(
      'stops',
      'namespace "*" {\n  policy = "read"\n  capabilities = ["alloc-lifecycle"]\n}',
    );
    expect((await stop(build?.ID, allowed)).status).toBe(200);
  });
};
