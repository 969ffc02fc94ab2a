import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Fault } from '../../emulators/server.ts';
import { SECOND, SWEEP } from '../../emulators/world/world.ts';
import { GROUP } from '../../emulators/world/world-options.ts';
import { start, world } from './start.ts';

/** Inputs in `npm test`; `HOSTILE_RUNS` says another number. */
const RUNS = Number(process.env.HOSTILE_RUNS ?? 80);
/** Each is a sweep, of a minute. */
const MOST_A_DAY = 1_000;

/** What no field of an answer ever is. A value that it might be is a lie, and no damage. */
const damage = fc.oneof(
  fc.constantFrom<unknown[]>(null, true, -1, Number.MAX_VALUE, [], {}, [null], [[]], { toString: null }),
  fc.constantFrom('', '\0', '"', '0000-01-01T00:00:00Z', '9999-12-31T23:59:59Z', 'constructor'),
  fc.constant('x'.repeat(50_000)),
  fc.string({ unit: 'binary' }),
);

const input = fc.record({
  /** Which answer of the run is damaged: Nomad's, or one of AWS. */
  nth: fc.integer({ min: 0, max: 40 }),
  who: fc.constantFrom('nomad' as const, 'nomad' as const, 'autoScaling' as const, 'ec2' as const, 'ssm' as const),
  /** Where in it, as a share of all its places. */
  where: fc.double({ min: 0, max: 0.999, noNaN: true }),
  value: damage,
});

it('no damaged answer, of Nomad or of AWS, releases an instance whose build runs, touches another node, or shows a secret', async () => {
  // After a day the deadline of the build has come.
  for (let left = RUNS; left > 0; left -= MOST_A_DAY) await aDay(Math.min(left, MOST_A_DAY), left);
});

async function aDay(runs: number, seed: number): Promise<void> {
  await start({ acl: true, nomad: { token: { parameter: '/t' } }, policy: { deadlineSeconds: 86_400 }, purge: true });
  world.nomad.policy('p', 'node { policy = "write" }\nnamespace "*" { capabilities = ["read-job"] }');
  const token = world.nomad.token({ policies: ['p'] });
  world.aws.putParameter('/t', token, 'SecureString');
  const [going, other] = [world.addBuilder(), world.addBuilder()];
  for (const { nodeId } of [going, other]) {
    world.nomad.run({ id: `build-${nodeId}`, type: 'batch', on: nodeId, runSeconds: 40 * 3600 });
  }
  await world.scaleIn(going.instanceId);
  let inputs = 0;
  await fc.assert(
    fc.asyncProperty(input, async ({ nth, who, where, value }) => {
      inputs += 1;
      await world.coldStart();
      const server = who === 'nomad' ? world.nomad.server : world.aws.servers[who];
      server.fault = damaging(nth, where, value, (fault) => {
        server.fault = fault;
      });
      const answer = await world.wake(SWEEP).catch((error: Error) => `${error.name}: ${error.message}`);
      server.fault = undefined;
      const told = JSON.stringify([answer, world.log.splice(0), world.told.splice(0), world.printed.splice(0)]);
      expect(told).not.toContain(token);
      expect(told.length).toBeLessThan(60_000);
      expect(world.aws.completions).toEqual([]);
      const writes = world.nomad.requests.filter(({ method }) => method !== 'GET');
      expect(writes.filter(({ path }) => !path.startsWith(`/v1/node/${going.nodeId}/`))).toEqual([]);
      expect(world.nomad.node(other.nodeId).SchedulingEligibility).toBe('eligible');
      await world.advance(5 * SECOND);
    }),
    { numRuns: runs, seed },
  );
  expect(inputs).toBe(runs);
  expect(world.killedBuilds).toEqual([]);
  expect(world.aws.instance(going.instanceId)).toMatchObject({ group: GROUP, state: 'Terminating:Wait' });
}

/** Damages the nth answer of the run in one place, and no other. */
function damaging(nth: number, where: number, value: unknown, next: (fault: Fault | undefined) => void): Fault {
  let seen = 0;
  const fault: Fault = async ({ method, url, headers, body }) => {
    if (seen++ !== nth || url.searchParams.has('index')) return undefined;
    next(undefined);
    const { host, connection: _, 'accept-encoding': __, 'content-length': ___, ...sent } = headers;
    const answer = await fetch(`http://${host}${url.pathname}${url.search}`, {
      method,
      headers: sent as Record<string, string>,
      ...(body && { body }),
    });
    next(fault);
    const text = await answer.text();
    if (text === '') return undefined;
    const damaged = text.startsWith('<') ? inXml(text, where, value) : inJson(text, where, value);
    const kept = ['content-type', 'x-nomad-index', 'x-nomad-knownleader', 'date'].flatMap((name) => {
      const given = answer.headers.get(name);
      return given === null ? [] : [[name, given]];
    });
    return { status: answer.status, headers: Object.fromEntries(kept), body: damaged };
  };
  return fault;
}

function inXml(text: string, where: number, value: unknown): string {
  const leaves = [...text.matchAll(/>([^<]+)</g)];
  const leaf = leaves[Math.floor(where * leaves.length)];
  if (!leaf) return text.slice(0, text.length * where);
  const at = (leaf.index ?? 0) + 1;
  const escaped = String(JSON.stringify(value)).replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `${text.slice(0, at)}${escaped}${text.slice(at + (leaf[1] ?? '').length)}`;
}

function inJson(text: string, where: number, value: unknown): string {
  const root = { root: JSON.parse(text) as unknown };
  const places: [object, string][] = [];
  const gather = (given: unknown) => {
    if (typeof given !== 'object' || given === null) return;
    for (const [key, each] of Object.entries(given)) {
      places.push([given, key]);
      gather(each);
    }
  };
  gather(root);
  const [holder, key] = places[Math.floor(where * places.length)] ?? [root, 'root'];
  // An empty list at its root is an answer that Nomad might give.
  if (holder === root && JSON.stringify(value) === '[]') return 'null';
  Object.assign(holder, { [key]: value });
  return JSON.stringify(root.root);
}
