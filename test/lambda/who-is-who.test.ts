import { describe, expect, it, onTestFinished, test } from 'vitest';
import { ManualClock } from '../../emulators/clock.ts';
import { NomadEmulator } from '../../emulators/nomad/emulator.ts';
import { RunClock } from '../../lambda/core/model/clock.ts';
import { NomadApi } from '../../lambda/nomad/api.ts';
import { WhoIsWho } from '../../lambda/nomad/queries/nodes-by-instance.ts';
import { NamedAgents } from '../../lambda/nomad/transport/agents.ts';
import { HttpTransport } from '../../lambda/nomad/transport/http.ts';
import { systemClock } from '../../lambda/system-clock.ts';

const NOW = Date.parse('2026-03-01T09:00:00Z');
const MINUTE = 60_000;

const instance = (number: number) => `i-${number.toString(16).padStart(17, '0')}`;

/** A cluster with a node for each of so many instances, and who asks it which is which. */
async function cluster(count: number) {
  const nomad = await NomadEmulator.start({ clock: new ManualClock() });
  const transport = new HttpTransport({ agents: new NamedAgents([nomad.url]) });
  onTestFinished(async () => {
    transport.close();
    await nomad.close();
  });
  const api = new NomadApi(transport, new RunClock(systemClock, Number.POSITIVE_INFINITY));
  const instanceIds = Array.from({ length: count }, (_, index) => instance(index));
  const expected = new Map(instanceIds.map((instanceId) => [nomad.addNode({ instanceId }).id, instanceId]));
  const whoIsWho = new WhoIsWho(undefined);
  const ask = (now = NOW, ids: readonly string[] = instanceIds) =>
    whoIsWho.of([...nomad.state.nodes.keys()], ids, api, now);
  return { nomad, instanceIds, expected, ask, questions: () => nomad.requests.length };
}

describe('which node is which instance', () => {
  test.each([
    [1, 1],
    [5, 5],
    [6, 5],
    [10, 5],
    [11, 6],
    [100, 10],
    [1000, 20],
  ])('is known of %i instances after %i questions', async (count, asked) => {
    const { expected, ask, questions } = await cluster(count);
    expect(new Map(await ask())).toEqual(expected);
    expect(questions()).toBe(asked);
  });

  it('is asked about no more instances than a load balancer takes in one line', async () => {
    const { nomad, ask } = await cluster(2000);
    await ask();
    const longest = Math.max(
      ...nomad.requests.map(({ path, query }) => `${path}?${new URLSearchParams(query)}`.length),
    );
    expect(longest).toBeLessThan(12_000);
  });

  it('is known of two nodes that say that they are one instance, and of none that is not asked about', async () => {
    const { nomad, expected, ask, instanceIds } = await cluster(20);
    const twin = nomad.addNode({ instanceId: instance(7) });
    nomad.addNode({ instanceId: instance(99) });
    nomad.addNode({});
    expect(new Map(await ask())).toEqual(new Map([...expected, [twin.id, instance(7)]]));
    expect(new Map(await ask(NOW, instanceIds.slice(7, 8))).size).toBe(2);
  });

  it('is unknown of a node that registers meanwhile, rather than that of another instance', async () => {
    for (let after = 1; after <= 5; after++) {
      const { nomad, expected, ask, instanceIds } = await cluster(10);
      const late = [...instanceIds, ...Array.from({ length: 10 }, (_, index) => instance(50 + index))];
      let asked = 0;
      nomad.server.fault = () => {
        asked += 1;
        if (asked === after)
          for (let index = 0; index < 10; index++) nomad.addNode({ instanceId: instance(50 + index) });
        return undefined;
      };
      for (const [nodeId, instanceId] of await ask(NOW, late)) {
        expect(nomad.node(nodeId).Attributes['unique.platform.aws.instance-id']).toBe(instanceId);
        expected.delete(nodeId);
      }
      expect(expected.size).toBe(0);
    }
  });

  it('is remembered, and asked again for new nodes, for instances without one, and after a while', async () => {
    const { nomad, instanceIds, ask, questions } = await cluster(10);
    const asked = async (now: number, ids = instanceIds) => {
      const before = questions();
      await ask(now, ids);
      return questions() - before;
    };
    expect(await asked(NOW)).toBe(5);
    expect(await asked(NOW)).toBe(0);
    expect(await asked(NOW, [...instanceIds, instance(10)])).toBe(1);
    nomad.addNode({ instanceId: instance(10) });
    expect(await asked(NOW, [...instanceIds, instance(10)])).toBe(6);
    expect(await asked(NOW + 11 * MINUTE)).toBe(5);
  });
});
