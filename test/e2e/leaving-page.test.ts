import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { HOUR, SECOND, type WorldOptions } from '../../emulators/world/world.ts';
import { GROUP } from '../../emulators/world/world-options.ts';
import type { Report } from '../../lambda/core/drain/report.ts';
import EVENTS from './leaving-events.json' with { type: 'json' };
import { start, world } from './start.ts';

const page = readFileSync(new URL('../../docs/leaving.md', import.meta.url), 'utf8');
const INSTANCE = 'i-0123456789abcdef0';
/** All that can be switched on. */
const ALL_ON = { notices: { rebalance: 'cordon', maintenance: true }, purge: true } as const;

type Event = Record<string, unknown>;

/** The JSON of a cell: what stands between its backticks. */
const code = (cell: string) => /^`(.*)`/.exec(cell.trim())?.[1];

/** The event that the page has in full. */
const [, full = ''] = /^```json\n(.*?)^```/ms.exec(page) ?? [];
const lifecycle: Event = JSON.parse(full);

/** The event of a row: the one in full, with the fields in which it differs. */
function different(fields: string, detail: string): Event {
  const { detail: inFull, ...beside } = lifecycle;
  const differing = code(detail);
  if (differing === undefined) return { dryRun: true, ...JSON.parse(`{${code(fields)}}`) };
  if (differing.startsWith('{'))
    return { dryRun: true, ...JSON.parse(`{${code(fields)}}`), detail: JSON.parse(differing) };
  return { ...beside, detail: { ...(inFull as object), ...JSON.parse(`{${differing}}`) } };
}

const [, section = ''] = page.split('\n### Example events\n');
const rows = [...(section.split('\n#')[0]?.matchAll(/^\| ([^|]+) \| ([^|]+) \| ([^|]+) \|$/gm) ?? [])].slice(2);

/** The example events, each by its path. */
const examples: [string, Event][] = [
  ['Ways with a hook', lifecycle],
  ...rows.map(([, path = '', fields = '', detail = '']) => [path, different(fields, detail)] as [string, Event]),
];
const example = (path: string): Event => {
  const [, event] = examples.find(([each]) => each === path) ?? [];
  if (!event) throw new Error(`docs/leaving.md has no example of ${path}`);
  return event;
};

const writes = () => world.nomad.requests.filter(({ method }) => method !== 'GET');

/** An instance of the id in the examples, with a build that runs on. */
const addBusyBuilder = () => {
  const builder = world.addBuilder({}, { id: INSTANCE });
  world.nomad.run({ id: 'build', type: 'batch', on: builder.nodeId, runSeconds: 24 * 3600 });
  return builder;
};

describe('an example event of docs/leaving.md is a dry run, and is understood:', () => {
  const nobody = (run: string) => ({ run, instances: [] });
  const one = (notice: string, would: string) => ({
    run: 'notice',
    instances: [{ instanceId: INSTANCE, notice, would }],
  });
  const ANSWERS: [string, Partial<Record<keyof Report, unknown>>][] = [
    ['Ways with a hook', nobody('event')],
    ['Spot interruption', one('spot', 'start the drain with a deadline of 90 s')],
    ['Rebalance recommendation', one('rebalance', 'make the node ineligible, and drain nothing')],
    ['Scheduled maintenance', { run: 'nothing', because: expect.stringContaining('is still far: a sweep starts') }],
    ['Warm pools', nobody('event')],
    ['Root volume replacement', nobody('event')],
    ['A whole group to zero', nobody('sweep')],
  ];

  it('each has an answer here, and a section of the page', () => {
    expect(examples.map(([path]) => path)).toEqual(ANSWERS.map(([path]) => path));
    for (const [path] of examples) expect(page).toContain(`\n## ${path}\n`);
  });

  it('each is the event that AWS sends', () => {
    expect(Object.fromEntries(examples)).toEqual(EVENTS);
  });

  it.each(ANSWERS)('%s, for an instance in service', async (heading, answer) => {
    await start(ALL_ON);
    const { nodeId } = addBusyBuilder();
    const event = example(heading);
    expect(event.dryRun).toBe(true);

    const report = await world.wake(event);

    expect(report).toMatchObject(answer);
    expect(report).not.toHaveProperty('purged');
    expect(writes()).toEqual([]);
    expect(world.nomad.node(nodeId).SchedulingEligibility).toBe('eligible');
  });

  it.each<[string, WorldOptions, () => unknown]>([
    ['Ways with a hook', {}, () => world.aws.scaleIn(GROUP, [INSTANCE])],
    ['Warm pools', { group: { warmPool: { reuse: true } } }, () => world.aws.scaleIn(GROUP, [INSTANCE])],
    ['Root volume replacement', {}, () => world.aws.replaceRootVolume(INSTANCE)],
    ['A whole group to zero', {}, () => world.aws.scaleIn(GROUP, [INSTANCE])],
  ])('%s, for an instance that waits', async (heading, options, leave) => {
    await start({ ...ALL_ON, ...options });
    addBusyBuilder();
    leave();
    await world.advance(2 * SECOND);

    const { instances } = await world.wake(example(heading));

    expect(instances).toMatchObject([{ instanceId: INSTANCE, would: 'start the drain with a deadline of 6 h' }]);
    expect(writes()).toEqual([]);
  });

  it('Scheduled maintenance, with a start of the next hours', async () => {
    await start(ALL_ON);
    addBusyBuilder();
    const event = example('Scheduled maintenance');
    const startTime = new Date(world.clock.now() + 5 * HOUR).toUTCString();

    const report = await world.wake({ ...event, detail: { ...(event.detail as object), startTime } });

    expect(report).toMatchObject(one('maintenance', 'start the drain with a deadline of 4 h 55 min'));
    expect(writes()).toEqual([]);
  });
});
