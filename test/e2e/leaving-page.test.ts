import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { HOUR, SECOND, type WorldOptions } from '../../emulators/world/world.ts';
import { GROUP } from '../../emulators/world/world-options.ts';
import type { Report } from '../../lambda/core/drain/report.ts';
import { start, world } from './start.ts';

const page = readFileSync(new URL('../../docs/leaving.md', import.meta.url), 'utf8');
const INSTANCE = 'i-0123456789abcdef0';
/** All that can be switched on. */
const ALL_ON = { notices: { rebalance: 'cordon', maintenance: true }, purge: true } as const;

type Event = Record<string, unknown>;

/** The example events, each by the heading of its section. */
const examples = page.split(/^## /m).flatMap((section) => {
  const [heading = ''] = section.split('\n');
  return [...section.matchAll(/^```json\n(.*?)^```/gms)].map(
    ([, json = '']) => [heading, JSON.parse(json)] as [string, Event],
  );
});
const example = (heading: string): Event => {
  const [, event] = examples.find(([each]) => each === heading) ?? [];
  if (!event) throw new Error(`docs/leaving.md has no example of ${heading}`);
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

  it('each has an answer here', () => {
    expect(examples.map(([heading]) => heading)).toEqual(ANSWERS.map(([heading]) => heading));
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
