import { globSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { EVENT_SOURCE, EVENT_TYPES } from '../../lambda/core/model/drain-event.ts';
import { DIMENSIONS, METRICS, NAMESPACE, SERVICE } from '../../lambda/core/model/metrics.ts';
import { alarmsOf } from './monitored.ts';
import { resources, templateOf } from './stacks.ts';

const PAGE = 'docs/operations.md';
const REFERENCE = 'docs/reference.md';
const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const page = read(PAGE);

/** The text below a heading, up to the next one of its level or above. */
function section(heading: string, path = PAGE): string {
  const [hashes = ''] = heading.split(' ');
  const [, text] = read(path).split(`\n${heading}\n`);
  if (text === undefined) throw new Error(`${path} has no section "${heading}"`);
  return text.split(new RegExp(`\n#{1,${hashes.length}} `))[0] ?? '';
}

const rows = (text: string) =>
  [...text.matchAll(/^\| (`.*) \|$/gm)].map(([, row = '']) => row.split(' | ').map((cell) => cell.replaceAll('`', '')));

describe('docs/operations.md', () => {
  test('has a section for each alarm, and none besides', () => {
    const headings = [...section('## Alarms').matchAll(/^### (.*)$/gm)].map(([, heading]) => heading);
    expect(headings).toEqual(Object.keys(alarmsOf(templateOf())));
  });

  test.each(Object.entries(alarmsOf(templateOf())))(
    'says of %s what it means, what happens and what to do, and the alarm names that section last',
    (name, { AlarmDescription: description }) => {
      const text = section(`### ${name}`);
      const parts = ['**What it means.** ', '**If you do nothing.** ', '**What to do.**'].map((part) =>
        text.indexOf(part),
      );
      expect(parts).toEqual(parts.toSorted((one, other) => one - other));
      expect(parts).not.toContain(-1);
      expect(text).toContain('```sh');
      expect(description).toMatch(new RegExp(`\\. What to do: ${PAGE}, ${name}$`));
      expect(description.length).toBeLessThanOrEqual(1024);
    },
  );

  test('says of each alarm whether to page someone for it', () => {
    const table = /^\| page someone .*\n.*\n(.*)$/m.exec(page)?.[1] ?? '';
    const named = [...table.matchAll(/`(\w+)`/g)].map(([, name]) => name);
    expect(named.toSorted()).toEqual(Object.keys(alarmsOf(templateOf())).toSorted());
  });

  test('finds each resource that its commands are about, and no other', () => {
    const template = templateOf();
    const found = [...page.matchAll(/^\w+=\$\(of (\S+) (\w+)\)$/gm)];
    expect(found.length).toBeGreaterThan(4);
    for (const [, type = '', fragment = ''] of found) {
      const ids = Object.keys(resources(template, type)).filter((id) => id.includes(fragment));
      expect(ids, `${type} ${fragment}`).toHaveLength(1);
    }
  });
});

describe('docs/reference.md', () => {
  test('lists every metric with its unit, and none besides', () => {
    const told = { sweep: 'each sweep', run: 'each run that asks Nomad', happening: 'when it happens' };
    const metrics = Object.entries(METRICS).map(([name, { unit, told: when, about }]) => [
      name,
      unit,
      told[when],
      about,
    ]);
    expect(rows(section('## Metrics', REFERENCE))).toEqual(metrics);
    expect(section('## Metrics', REFERENCE)).toContain(
      `namespace \`${NAMESPACE}\`, with the dimensions \`${DIMENSIONS.service}\` = \`${SERVICE}\` and \`${DIMENSIONS.functionName}\``,
    );
  });

  test('lists no log record that the function does not write', () => {
    const sources = globSync('lambda/**/*.ts', { cwd: new URL('../..', import.meta.url) })
      .map(read)
      .join('\n');
    const messages = rows(section('## Log', REFERENCE)).flatMap(([cell = '']) => cell.split(', '));
    expect(messages.length).toBeGreaterThan(15);
    expect(messages.filter((message) => message !== 'message' && !sources.includes(`'${message}'`))).toEqual([]);
  });

  test('lists every event, and none besides', () => {
    expect(rows(section('## Events', REFERENCE)).map(([type]) => type)).toEqual(Object.values(EVENT_TYPES));
    expect(section('## Events', REFERENCE)).toContain(`source \`${EVENT_SOURCE}\``);
  });
});
