import { expect, test } from 'vitest';
import { ends, fails, job, obeys } from './contract-jobs.ts';
import { list, type Nomad, object } from './nomad-under-test.ts';

/** A node's allocations without their jobs: `/v1/allocations`, filtered. */
export const listCases = (the: () => Nomad): void => {
  const ask = (filter: string, more = '') =>
    the().get(`/v1/allocations?namespace=*${more}&filter=${encodeURIComponent(filter)}`);
  const mine = async (filter: string, more = '') =>
    list((await ask(filter, more)).body).filter(({ JobID }) => String(JobID).startsWith('listed'));
  const here = () => `NodeID == "${the().under.nodes[0]?.id}"`;

  test('a node’s allocations are listed without their jobs, by what they are, with their task states', async () => {
    const on = the().under.nodes[0]?.id ?? '';
    const post = { name: 'post', hook: 'poststop', behaviour: ends(20) } as const;
    await the().run(job('listed-failed', 'batch', fails(1), { on, tasks: [post] }));
    await the().run(job('listed-ended', 'batch', ends(1), { on }));
    await the().run(job('listed-system', 'system', obeys, { on }));
    await the().under.wait(3000);
    const named = async (filter: string) => (await mine(filter)).map(({ JobID }) => JobID).sort();
    expect(await named(here())).toEqual(['listed-ended', 'listed-failed', 'listed-system']);
    expect(await named(`${here()} and ClientStatus != "complete"`)).toEqual(['listed-failed', 'listed-system']);
    expect(await named(`${here()} and Job.Type == "system"`)).toEqual(['listed-system']);
    expect(await named(`${here()} and ClientStatus matches "^(pending|failed)$"`)).toEqual(['listed-failed']);

    const [failed] = await mine(`${here()} and ClientStatus == "failed"`);
    expect(failed).toMatchObject({ TaskStates: { t: { State: 'dead', Failed: true }, post: { State: 'running' } } });
    expect(failed).not.toHaveProperty('Job');
    expect(Object.keys(failed ?? {})).toHaveLength(26);
    const [bare] = await mine(`${here()} and ClientStatus == "failed"`, '&task_states=false');
    expect(bare).toMatchObject({ TaskStates: null });
    const [rich] = await mine(`${here()} and ClientStatus == "failed"`, '&resources=true');
    expect(rich).toMatchObject({ AllocatedResources: { Tasks: { t: { Cpu: { CpuShares: 20 } } } } });

    const pages = await ask(here(), '&per_page=1');
    const next = await ask(here(), `&per_page=1&next_token=${pages.headers.get('x-nomad-nexttoken')}`);
    expect(list(next.body)).toHaveLength(1);
    const forth = await named(here());
    expect((await mine(here(), '&reverse=true')).map(({ CreateIndex }) => CreateIndex)).toEqual(
      (await mine(here())).map(({ CreateIndex }) => CreateIndex).reverse(),
    );
    expect(forth).toHaveLength(3);
  });

  test('nodes are listed with what they have and what is kept back, if that is asked for, and never with who they are', async () => {
    const ours = async (query: string) => {
      const { body } = await the().get(`/v1/nodes?${query}`);
      return list(body).find(({ ID }) => ID === the().under.nodes[0]?.id) ?? {};
    };
    const plain = await ours('');
    expect(Object.keys(plain)).toHaveLength(16);
    expect(plain).not.toHaveProperty('NodeResources');
    const { Attributes: all, NodeResources, ReservedResources } = await the().node(0);
    const rich = await ours('resources=true');
    expect(rich).toMatchObject({
      NodeResources: { Cpu: { CpuShares: expect.any(Number) }, Memory: { MemoryMB: expect.any(Number) } },
      ReservedResources: { Cpu: { CpuShares: expect.any(Number) }, Memory: { MemoryMB: expect.any(Number) } },
    });
    expect(rich).toEqual({ ...plain, NodeResources, ReservedResources });
    expect(await ours('os=true')).toEqual({ ...plain, Attributes: { 'os.name': object(all)['os.name'] } });
    expect((await the().get('/v1/nodes?resources=maybe')).text).toBe(
      'Failed to parse node list fields: Failed to parse value of "resources" (maybe) as a bool: ' +
        'strconv.ParseBool: parsing "maybe": invalid syntax',
    );
  });

  test('a filter with hundreds of instance ids finds the node among them', async () => {
    const id = the().under.nodes[1]?.instanceId ?? '';
    const others = Array.from({ length: 299 }, (_, index) => `i-${String(index).padStart(17, '0')}`);
    const naming = (ids: string[]) => `Attributes["unique.platform.aws.instance-id"] matches "^(${ids.join('|')})$"`;
    const found = list((await the().nodes(naming([...others, id]))).body);
    expect(found.map(({ ID }) => ID)).toEqual([the().under.nodes[1]?.id]);
    expect(list((await the().nodes(naming(others))).body)).toEqual([]);
  });

  test.each([
    ['a\\u0022b\\U0001F600\\x41\\n\\\\', undefined],
    ['a\\"b', 'invalid syntax'],
    ['a\\zb', 'invalid syntax'],
    ['a\nb', 'invalid syntax'],
    ['\\ud800', 'invalid syntax'],
  ])('a text in a filter is read as Go reads it, and ends at the first quote: %j', async (text, complaint) => {
    const { status, text: said } = await the().nodes(`Name == "${text}"`);
    expect(status).toBe(complaint ? 400 : 200);
    if (complaint) expect(said).toContain(`1:9 (8): rule "string": ${complaint}`);
  });

  test('a filter finds the secret of a node: nothing of a stranger may stand in one', async () => {
    const found = list((await the().nodes('SecretID matches "^[0-9a-f]"')).body);
    expect(found.length).toBeGreaterThan(0);
    expect(found.map(({ SecretID }) => SecretID ?? '')).toEqual(found.map(() => ''));
  });

  test('the last ended ones come first, and no more of them than are asked for', async () => {
    const on = the().under.nodes[0]?.id ?? '';
    await the().run(job('listed-ran', 'batch', ends(1), { on, count: 3 }), 3);
    await the().until(
      8000,
      () => the().allocations(0, 'listed-ran'),
      (allocations) => allocations.every(({ ClientStatus }) => ClientStatus === 'complete'),
    );
    const ended = 'ClientStatus == "complete" and DesiredStatus == "run" and Job.Type == "batch"';
    const last = list(
      (await ask(`${ended} and JobID matches "^(listed-ran|x)(/|$)"`, '&reverse=true&per_page=2')).body,
    );
    const all = await mine(ended);
    expect(last.map(({ ID }) => ID)).toEqual(
      all
        .map(({ ID }) => ID)
        .toReversed()
        .slice(0, 2),
    );
    const [one] = last;
    expect(Number(one?.ModifyTime) - Number(one?.CreateTime)).toBeGreaterThan(0.9e9);
  });

  const READ = 'failed to create result paginator: failed to read filter expression: ';
  const FIND = 'failed to read result page: ';
  test.each([
    ['ClientStatus in ["complete"]', `${READ}1:17 (16): rule "match": Invalid selector`],
    [
      'JobType == "system"',
      `${FIND}error finding value in datum: /JobType at part 0: couldn't find key: struct field with name "JobType"`,
    ],
    ['DesiredTransition.Migrate == true', `${FIND}unable to find suitable primitive comparison function for matching`],
    [
      'TaskStates["none"].State == "running"',
      `${FIND}error finding value in datum: /TaskStates/none/State at part 1: couldn't find key "none"`,
    ],
  ])('what cannot be asked of allocations: %s', async (filter, complaint) => {
    await the().run(job('listed-one', 'batch', obeys, { on: the().under.nodes[0]?.id ?? '' }));
    const { status, text } = await ask(filter);
    expect([status, text]).toEqual([400, complaint]);
  });

  test('a node’s allocations in full are as large as their jobs, those of ended ones too', async () => {
    const on = the().under.nodes[0]?.id ?? '';
    const heavy = { ...ends(1), more: { Env: { PADDING: 'x'.repeat(60_000) } } };
    await the().run(job('listed-heavy', 'batch', heavy, { on, count: 3 }), 3);
    await the().until(
      8000,
      () => the().allocations(0, 'listed-heavy'),
      (allocations) => allocations.every(({ ClientStatus }) => ClientStatus === 'complete'),
    );
    const full = (await the().allocations(0, 'listed-heavy')).map((allocation) => JSON.stringify(allocation)).join();
    expect(full.length).toBeGreaterThan(180_000);
    expect((await ask(`${here()} and JobID == "listed-heavy"`)).text.length).toBeLessThan(full.length / 10);
  });
};
