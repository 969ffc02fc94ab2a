import { describe, expect, test } from 'vitest';
import {
  identityOf,
  isAllocation,
  isNode,
  type Json,
  missingFields,
  objectsOf,
  type Recorded,
  recording,
  stateOf,
} from './recording.ts';
import { type Replayed, replay } from './replay.ts';
import { SCENARIOS } from './scenarios.ts';

/** Not emulated: what deployments, networks and keys add to an allocation, and the scheduler's internal fields. */
const NOT_EMULATED = /\.(DeploymentID|PlanAnnotations|ClassEligibility|JobModifyIndex)$|deployment-watcher/;

/** Fields that Nomad 1.6 still had. */
const GONE_SINCE_1_6 = /^\/v1\/node\/[^/]*\.(Reserved|Resources)$|\.TaskHandle$/;

const RECORDED: [version: Recorded, scenarios: string[]][] = [
  ['2.0.6', Object.keys(SCENARIOS)],
  ['1.11.3', Object.keys(SCENARIOS)],
  ['1.6.10', ['nodes', 'acl', 'drain-deadline', 'drain-twice', 'node-down']],
];

/** The recordings polled up to two seconds apart, and the emulator's agents are a little faster than real ones. */
const LATE_MS = 2100;

describe.each(RECORDED)('the emulator against recordings of Nomad %s', (version, scenarios) => {
  describe.each(scenarios)('%s', (scenario) => {
    const replayed = replay(version, recording(version, scenario), SCENARIOS[scenario] ?? {});

    test('answers each request with the recorded status, headers and error text', async () => {
      for (const { exchange, status, headers, body } of await replayed) {
        const { method, path, token } = exchange.request;
        const { response } = exchange;
        const answer = `${exchange.at_ms} ms: ${method} ${path} with ${token}`;
        expect(status, answer).toBe(response.status);
        if (typeof response.body === 'string') expect(body, answer).toBe(response.body);
        for (const [name, value] of Object.entries(response.headers)) {
          expect(headers.has(name), `${answer}: ${name}`).toBe(true);
          // 1.6 leaves out the charset of a refused log.
          const varies = name === 'X-Nomad-Index' || (version === '1.6.10' && path.includes('/fs/logs/'));
          if (!varies) expect(headers.get(name), `${answer}: ${name}`).toBe(value);
        }
      }
    });

    test('answers with every field that was recorded', async () => {
      const missing = (await replayed).flatMap(({ exchange, body, status }) =>
        status === exchange.response.status ? missingFields(exchange.response.body, body, exchange.request.path) : [],
      );
      expect([...new Set(missing)].filter((field) => !NOT_EMULATED.test(field) && !GONE_SINCE_1_6.test(field))).toEqual(
        [],
      );
    });

    test('takes nodes and allocations through the recorded states, in the recorded time', async () => {
      const here = statesIn(await replayed, ({ body }) => body);
      const recorded = statesIn(await replayed, ({ exchange }) => exchange.response.body);
      expect(here.map(words)).toEqual(recorded.map(words));
      for (const [i, { what, state, atMs }] of here.entries()) {
        expect(Math.abs(atMs - (recorded[i]?.atMs ?? 0)), `${what}: ${state}, at ${atMs} ms`).toBeLessThan(LATE_MS);
      }
    });
  });
});

interface Seen {
  what: string;
  state: string;
  atMs: number;
}

const words = ({ what, state }: Seen) => `${what}: ${state}`;

/** When each object was first seen in each of its states, object by object. */
const statesIn = (replayed: Replayed[], bodyOf: (replayed: Replayed) => Json): Seen[] => {
  const seen = new Map<string, Seen[]>();
  for (const one of replayed) {
    for (const object of objectsOf(bodyOf(one))) {
      if (!isNode(object) && !isAllocation(object)) continue;
      // A list of nodes has less of a node than the node's own answer.
      const what = `${identityOf(object)}${isNode(object) && !('Events' in object) ? ' in the list' : ''}`;
      const state = stateOf(object);
      const before = seen.get(what) ?? [];
      // Which of a group's allocations stops first is random: compare by group, the earliest with the earliest.
      const named = { what: what.replace(/\[\d+\]/, ''), state, atMs: one.exchange.at_ms };
      if (before.at(-1)?.state !== state) seen.set(what, [...before, named]);
    }
  }
  const histories = [...seen.values()].map((history) => ({ history, last: history.at(-1) }));
  histories.sort((a, b) => (a.last?.atMs ?? 0) - (b.last?.atMs ?? 0));
  return histories.sort((a, b) => (`${a.last?.what}` < `${b.last?.what}` ? -1 : 1)).flatMap(({ history }) => history);
};

test('a blocking query is woken by a change, and otherwise answered after its wait and up to a sixteenth more', async () => {
  const [, woken, timedOut] = await replay('2.0.6', recording('2.0.6', 'blocking'), SCENARIOS.blocking ?? {});
  expect(woken?.tookMs).toBeGreaterThanOrEqual(1500);
  expect(woken?.tookMs).toBeLessThan(1600);
  expect(timedOut?.tookMs).toBeGreaterThanOrEqual(2000);
  expect(timedOut?.tookMs).toBeLessThanOrEqual(2125 + 20);
});

test('a tail of stderr is the recorded text', async () => {
  const answers = await replay('2.0.6', recording('2.0.6', 'drain-batch'), SCENARIOS['drain-batch'] ?? {});
  const log = answers.find(({ exchange }) => exchange.request.path.includes('/fs/logs/'));
  expect(log?.body).toBe('build agent started\nbuild finished\n');
});

test('the empty list that is not empty: a token without read-job sees none of four running builds', async () => {
  const answers = await replay('2.0.6', recording('2.0.6', 'acl'), SCENARIOS.acl ?? {});
  const seenBy = (token: string) =>
    answers.find(({ exchange: { request } }) => request.path.endsWith('/allocations') && request.token === token)?.body;
  expect(seenBy('node-only')).toEqual([]);
  expect(seenBy('default-ns-only')).toEqual([]);
  expect(seenBy('drainer')).toHaveLength(4);
});
