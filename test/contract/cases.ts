import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { aclCases } from './cases-acl.ts';
import { answerCases } from './cases-answers.ts';
import { awayCases } from './cases-away.ts';
import { clientCases } from './cases-clients.ts';
import { drainCases } from './cases-drain.ts';
import { freshCases, headerCases } from './cases-headers.ts';
import { lateDiskCases } from './cases-late-disk.ts';
import { limitCases } from './cases-limits.ts';
import { listCases } from './cases-lists.ts';
import { loginCases, policyCases } from './cases-login.ts';
import { markCases } from './cases-marks.ts';
import { metadataCases } from './cases-metadata.ts';
import { otherDrainCases } from './cases-other-drains.ts';
import { planCases } from './cases-plan.ts';
import { replacementCases } from './cases-replacements.ts';
import { serviceCases } from './cases-services.ts';
import { stopCases } from './cases-stops.ts';
import { stuckDrainCases } from './cases-stuck-drains.ts';
import { taskCases } from './cases-tasks.ts';
import { vanishingCases } from './cases-vanishing.ts';
import { ends, job } from './contract-jobs.ts';
import { eventsOf, list, Nomad, type NomadUnderTest, object } from './nomad-under-test.ts';

/** What the Lambda relies on, as cases that hold of the emulator and of real agents alike. */
export const nomadContract = (name: string, start: () => Promise<NomadUnderTest>): void => {
  describe(name, () => {
    let nomad: Nomad;
    const the = () => nomad;

    beforeAll(async () => {
      nomad = new Nomad(await start());
    }, 180_000);
    afterAll(() => nomad?.under.close(), 60_000);
    afterEach(() => nomad.tidy(), 60_000);

    describe('a fresh Nomad', () => freshCases(the));
    describe('nodes', () => nodeCases(the));
    describe('drains', () => drainCases(the));
    describe('services and system jobs', () => serviceCases(the));
    describe('other drains', () => otherDrainCases(the));
    describe('headers', () => headerCases(the));
    describe('marks', () => markCases(the));
    describe('metadata', () => metadataCases(the));
    describe('replacements', () => replacementCases(the));
    describe('late replacements', () => lateDiskCases(the));
    describe('lists', () => listCases(the));
    describe('plans', () => planCases(the));
    describe('answers', () => answerCases(the));
    describe('tasks', () => taskCases(the));
    describe('limits of builds', () => limitCases(the));
    describe('access', () => aclCases(the));
    describe('a login', () => loginCases(the));
    describe('the policy', () => policyCases(the));
    describe('single stops', () => stopCases(the));
    describe('drains that stay on', () => stuckDrainCases(the));
    describe('what vanishes', () => vanishingCases(the));
    describe('blocking queries', () => blockingCases(the));
    describe('a client that is away', () => awayCases(the));
    describe('a client agent', () => clientCases(the));
    // Last: it leaves one client fewer.
    describe('a client that dies', () => deathCases(the));
  });
};

const nodeCases = (the: () => Nomad): void => {
  test('a node is found by its own EC2 instance id only', async () => {
    const [a] = the().under.nodes;
    const found = await the().nodes(`Attributes["unique.platform.aws.instance-id"] == "${a?.instanceId}"`);
    expect(list(found.body).map(({ Name }) => Name)).toEqual([a?.name]);
    expect(found.headers.get('x-nomad-index')).toMatch(/^\d+$/);
    const unknown = await the().nodes('Attributes["unique.platform.aws.instance-id"] == "i-0cccccccccccccccc"');
    expect([unknown.status, unknown.body]).toEqual([200, []]);
  });

  test.each([
    ['Drain == true', `/Drain at part 0: couldn't find key: struct field with name "Drain"`],
    ['LastDrain.Status == "draining"', '/LastDrain/Status: at part 1, invalid value kind: invalid'],
    ['Address == "127.0.0.1"', `/Address at part 0: couldn't find key: struct field with name "Address"`],
  ])('the filter %s fails as a whole while a node was never drained', async (filter, complaint) => {
    // Only before the first drain: the drain cases come after these.
    const { status, text } = await the().nodes(filter);
    expect([status, text]).toEqual([400, `failed to read result page: error finding value in datum: ${complaint}`]);
  });

  test('filters can use names, attributes, meta and the address with its port', async () => {
    const count = async (filter: string) => list((await the().nodes(filter)).body).length;
    expect(await count('Name == "client-a"')).toBe(1);
    expect(await count('Meta.none == "x"')).toBe(0);
    expect(await count('Meta.none is empty and HTTPAddr matches "^127"')).toBe(2);
    expect(await count('(Name == "client-a" or Name == "client-b") and not Status == "down"')).toBe(2);
    expect(await count('"client-" in Name and Name != "client-b"')).toBe(1);
    expect(await count('Attributes["unique.platform.aws.instance-id"] matches "^(i-0none|i-0nil)$"')).toBe(0);
  });

  test.each([
    ['Status == ', '1:11 (10): no match found, expected: "-", "0", "\\"", "`", [ \\t\\r\\n], [1-9] or [a-zA-Z]'],
    ['Status == "ready', '1:17 (16): rule "string": Unterminated string literal'],
    ['(Status == "ready"', '1:19 (18): rule "grouping": Unmatched parentheses'],
  ])('the malformed filter %s is refused', async (filter, complaint) => {
    const { status, text } = await the().nodes(filter);
    const prefix = 'failed to create result paginator: failed to read filter expression: ';
    expect([status, text]).toEqual([400, prefix + complaint]);
  });

  test('a list comes in pages, each naming the next', async () => {
    const first = await the().get('/v1/nodes?per_page=1');
    const next = first.headers.get('x-nomad-nexttoken') ?? '';
    const second = await the().get(`/v1/nodes?per_page=1&next_token=${next}`);
    expect(list(second.body).map(({ ID }) => ID)).toEqual([next]);
    expect(second.headers.has('x-nomad-nexttoken')).toBe(false);
  });

  test('an unknown node is 404 to read and 500 to write, a malformed id 500', async () => {
    const unknown = '/v1/node/00000000-0000-0000-0000-000000000000';
    expect(await the().get(unknown)).toMatchObject({ status: 404, text: 'node not found' });
    expect(await the().get(`${unknown}/allocations`)).toMatchObject({ status: 200, body: [] });
    expect(await the().send('POST', `${unknown}/drain`, {})).toMatchObject({ status: 500, text: 'node not found' });
    expect(await the().send('POST', `${unknown}/purge`, {})).toMatchObject({ status: 500, text: 'node not found' });
    const malformed = 'node lookup failed: index error: UUID must be 36 characters';
    expect(await the().get('/v1/node/nope')).toMatchObject({ status: 500, text: malformed });
  });

  test('answers are compressed on request', async () => {
    // fetch asks for it by itself.
    expect((await the().get('/v1/nodes')).headers.get('content-encoding')).toBe('gzip');
  });
};

const blockingCases = (the: () => Nomad): void => {
  const fleet = '/v1/nodes?filter=SchedulingEligibility%20%3D%3D%20%22ineligible%22';
  const index = async () => (await the().get(fleet)).headers.get('x-nomad-index');

  test('the fleet question blocks until a node changes', async () => {
    // A real agent that has just started still writes to its node now and then.
    const changed = async (): Promise<Parameters<typeof list>[0]> => {
      const { body } = await the().get(`${fleet}&index=${await index()}&wait=30s`);
      return list(body).length > 0 ? body : changed();
    };
    const pending = changed();
    await the().under.wait(1500);
    const changedAt = the().under.now();
    await the().mark(0, 'ineligible');
    const body = await pending;
    expect(list(body).map(({ Name }) => Name)).toEqual(['client-a']);
    expect(the().under.now() - changedAt).toBeLessThan(1000);
  });

  test('it is answered after its wait and up to a sixteenth more if nothing changes', async () => {
    const nomad = the();
    const undisturbed = async (): Promise<number> => {
      const before = await index();
      const start = nomad.under.now();
      let done = false;
      const pending = nomad.get(`${fleet}&index=${before}&wait=2s`).finally(() => {
        done = true;
      });
      while (!done) await nomad.under.wait(20);
      const { body, headers } = await pending;
      expect(body).toEqual([]);
      // A real agent that has just started still writes to its node now and then.
      return headers.get('x-nomad-index') === before ? nomad.under.now() - start : undisturbed();
    };
    const took = await undisturbed();
    expect(took).toBeGreaterThanOrEqual(1990);
    expect(took).toBeLessThan(2125 + 400);
  });
};

const deathCases = (the: () => Nomad): void => {
  test('mid-drain, its node goes down, its build is lost and the drain complete; purged, it is gone', async () => {
    const { nodes } = the().under;
    await the().run(job('doomed', 'batch', ends(300), { on: nodes[1]?.id ?? '' }));
    await the().drain(1, { Deadline: 3600e9 });
    await the().under.wait(1000);
    expect(await the().node(1)).toMatchObject({ Drain: true, Status: 'ready' });
    await the().under.stopClient(1);
    const node = await the().until(
      45_000,
      () => the().node(1),
      ({ Status, Drain }) => Status === 'down' && Drain === false,
    );
    expect(node).toMatchObject({ LastDrain: { Status: 'complete' }, SchedulingEligibility: 'ineligible' });
    expect(eventsOf(node).map(([message]) => message)).toContain('Node heartbeat missed');
    const [lost] = await the().allocations(1, 'doomed');
    expect(lost).toMatchObject({
      ClientStatus: 'lost',
      DesiredStatus: 'stop',
      DesiredDescription: 'alloc is lost since its node is down',
    });
    const metadata = `/v1/client/metadata?node_id=${nodes[1]?.id}`;
    const away = { status: 404, text: 'No path to node' };
    expect(await the().send('POST', metadata, { Meta: { a: 'b' } })).toMatchObject(away);
    const purge = () => the().send('POST', `/v1/node/${nodes[1]?.id}/purge`, {});
    const purged = await purge();
    expect(purged.status).toBe(200);
    expect(object(purged.body).NodeModifyIndex).toBe(object(purged.body).Index);
    expect(await purge()).toMatchObject({ status: 500, text: 'node not found' });
    expect((await the().get(`/v1/node/${nodes[1]?.id}`)).status).toBe(404);
    const filter = `Attributes["unique.platform.aws.instance-id"] == "${nodes[1]?.instanceId}"`;
    expect((await the().nodes(filter)).body).toEqual([]);
  });
};
