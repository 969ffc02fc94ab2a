import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { start, world } from './start.ts';

const page = readFileSync(new URL('../../docs/leaving.md', import.meta.url), 'utf8');
const INSTANCE = 'i-0123456789abcdef0';

/** The example events, each by the heading of its section. */
const examples = page.split(/^## /m).flatMap((section) => {
  const [heading = ''] = section.split('\n');
  return [...section.matchAll(/^```json\n(.*?)^```/gms)].map(
    ([, json = '']) => [heading, JSON.parse(json)] as [string, Record<string, unknown>],
  );
});

describe('the example events of docs/leaving.md', () => {
  it.each(examples)('%s: is a dry run, and does nothing to an instance in service', async (_, event) => {
    await start();
    const { nodeId } = world.addBuilder({}, { id: INSTANCE });

    expect(event.dryRun).toBe(true);
    await world.wake(event);

    expect(world.nomad.requests.filter(({ method }) => method !== 'GET')).toEqual([]);
    expect(world.nomad.node(nodeId).SchedulingEligibility).toBe('eligible');
  });

  it.each(examples.filter(([, event]) => event['detail-type'] === 'EC2 Instance-terminate Lifecycle Action'))(
    '%s: says that a waiting instance would be drained, and leaves it',
    async (_, event) => {
      await start();
      const { nodeId } = world.addBuilder({}, { id: INSTANCE });
      world.nomad.run({ id: 'build', type: 'batch', on: nodeId, runSeconds: 600 });
      await world.scaleIn(INSTANCE);

      const { instances } = await world.wake(event);

      expect(instances).toMatchObject([{ instanceId: INSTANCE, would: 'start the drain with a deadline of 6 h' }]);
      expect(world.nomad.node(nodeId).Drain).toBe(false);
    },
  );
});

it('docs/leaving.md links to sections that there are', () => {
  const anchors = [...page.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading.toLowerCase().replaceAll(' ', '-'),
  );
  const links = [...page.matchAll(/\]\(#([\w-]+)\)/g)].map(([, anchor]) => anchor);
  expect(links.length).toBeGreaterThan(20);
  for (const link of links) expect(anchors).toContain(link);
});
