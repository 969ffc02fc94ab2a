import { expect, test } from 'vitest';
import { list, type Nomad, object } from './nomad-under-test.ts';

const UNKNOWN = '00000000-0000-0000-0000-000000000000';

/** Metadata that is set on a running client: notes that anyone can filter nodes by. */
export const metadataCases = (the: () => Nomad): void => {
  const path = (id = the().under.nodes[0]?.id) => `/v1/client/metadata?node_id=${id}`;
  const set = (Meta: object) => the().send('POST', path(), { Meta });
  const named = async (filter: string) => list((await the().nodes(filter)).body).map(({ Name }) => Name);

  test('metadata is known to the client at once, to the servers within ten seconds, and goes away by null', async () => {
    const before = Number((await the().node(0)).ModifyIndex);
    const { status, body } = await set({ leaving: 'soon' });
    expect([status, object(object(body).Dynamic)]).toEqual([200, { leaving: 'soon' }]);
    expect(object(object(body).Meta)).toMatchObject({ leaving: 'soon' });
    expect(await named('"leaving" in Meta')).toEqual([]);
    await the().until(
      12_000,
      () => named('Meta["leaving"] == "soon"'),
      (names) => names.length === 1,
    );
    const node = await the().node(0);
    expect(object(node.Meta)).toMatchObject({ leaving: 'soon' });
    expect(Number(node.ModifyIndex)).toBeGreaterThan(before);
    expect(await named('"leaving" not in Meta')).toEqual(['client-b']);
    expect(object((await the().get(path())).body)).toMatchObject({ Dynamic: { leaving: 'soon' } });
    expect(object(object((await set({ leaving: null })).body).Dynamic)).toEqual({});
    await the().until(
      12_000,
      () => named('"leaving" not in Meta'),
      (names) => names.length === 2,
    );
  });

  test('metadata keys are names that constraints can use, and there is at least one', async () => {
    for (const key of ['a b', '1st', 'a..b']) {
      const text = `"${key}" is invalid; metadata keys must be valid dotted hcl identifiers`;
      expect(await set({ [key]: 'x' })).toMatchObject({ status: 400, text });
    }
    expect(await set({ '': 'x' })).toMatchObject({ status: 400, text: 'metadata keys must not be empty' });
    expect(await set({})).toMatchObject({ status: 400, text: 'missing required Meta object' });
    expect(await the().send('PUT', path(), { Meta: { a: 'b' } })).toMatchObject({ status: 405 });
  });

  test('the metadata of an unknown node can neither be read nor set', async () => {
    const answer = { status: 500, text: `Unknown node ${UNKNOWN}` };
    expect(await the().get(path(UNKNOWN))).toMatchObject(answer);
    expect(await the().send('POST', path(UNKNOWN), { Meta: { a: 'b' } })).toMatchObject(answer);
  });
};
