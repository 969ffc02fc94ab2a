import { expect, test } from 'vitest';
import { job, obeys } from './contract-jobs.ts';
import type { Nomad } from './nomad-under-test.ts';

const NONE = '00000000-1111-2222-3333-444444444444';

/** Which answers say from what index they are, and whether a leader is known: those that come from the servers' state. */
export const headerCases = (the: () => Nomad): void => {
  const headersOf = async (path: string) => {
    const { status, headers } = await the().get(path);
    return {
      status,
      index: headers.get('x-nomad-index'),
      leader: headers.get('x-nomad-knownleader'),
      contact: headers.get('x-nomad-lastcontact'),
    };
  };
  const indexed = { index: expect.stringMatching(/^\d+$/), leader: 'true', contact: '0' };
  const bare = { index: null, leader: null, contact: null };

  test.each([
    '/v1/nodes',
    '/v1/nodes?filter=Status%20%3D%3D%20%22none%22',
    `/v1/node/${NONE}/allocations`,
    '/v1/allocations',
    '/v1/evaluations?namespace=*',
    '/v1/jobs?namespace=*',
    '/v1/job/none/allocations',
    '/v1/job/none/evaluations',
    '/v1/namespaces',
    '/v1/acl/token/self',
    '/v1/acl/policies',
  ])('%s has an index and knows a leader, also where it lists nothing', async (path) => {
    expect(await headersOf(path)).toEqual({ status: 200, ...indexed });
  });

  test.each([
    `/v1/node/${NONE}`,
    `/v1/allocation/${NONE}`,
    `/v1/evaluation/${NONE}`,
    '/v1/job/none',
    '/v1/job/none/summary',
    '/v1/acl/policy/none',
    `/v1/acl/role/${NONE}`,
  ])('%s is not found, by an index and a known leader', async (path) => {
    expect(await headersOf(path)).toEqual({ status: 404, ...indexed });
  });

  test.each([
    ['/v1/status/leader', 200],
    ['/v1/agent/self', 200],
    ['/v1/agent/members', 200],
    ['/v1/node/nope', 500],
    ['/v1/allocation/nope', 500],
    ['/v1/nodes?filter=Status%20%3D%3D%20', 400],
    ['/v1/nothing', 404],
  ])('%s says neither', async (path, status) => {
    expect(await headersOf(path)).toEqual({ status, ...bare });
  });

  test('what a client says of itself has no index either', async () => {
    const on = the().under.nodes[0]?.id ?? '';
    const [allocation] = await the().run(job('headers-log', 'batch', obeys, { on }));
    expect(await headersOf(`/v1/client/fs/logs/${allocation?.ID}?task=t&type=stderr&plain=true`)).toEqual({
      status: 200,
      ...bare,
    });
    expect(await headersOf(`/v1/client/metadata?node_id=${on}`)).toEqual({ status: 200, ...bare });
  });

  test('every answer is dated by the clock of who gives it', async () => {
    for (const path of ['/v1/nodes', '/v1/status/leader', `/v1/node/${NONE}`, '/v1/nothing']) {
      const date = Date.parse((await the().get(path)).headers.get('date') ?? '');
      expect(Math.abs(date - the().under.now())).toBeLessThan(2000);
    }
  });
};

/** Only before the first job. */
export const freshCases = (the: () => Nomad): void => {
  test('a Nomad that never had a job lists nothing by index zero, and knows a leader', async () => {
    for (const path of ['/v1/allocations', '/v1/evaluations?namespace=*', '/v1/jobs?namespace=*']) {
      const { body, headers } = await the().get(path);
      expect([path, body, headers.get('x-nomad-index'), headers.get('x-nomad-knownleader')]).toEqual([
        path,
        [],
        '0',
        'true',
      ]);
    }
    const { headers } = await the().get(`/v1/node/${NONE}/allocations`);
    expect(headers.get('x-nomad-index')).toBe('1');
  });
};
