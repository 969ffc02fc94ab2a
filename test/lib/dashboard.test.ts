import { readFileSync } from 'node:fs';
import { Duration } from 'aws-cdk-lib';
import { describe, expect, test } from 'vitest';
import { METRICS, NAMESPACE } from '../../lambda/core/model/metrics.ts';
import { alarmsOf, dashboardOf } from './monitored.ts';
import { type Json, resources, templateOf } from './stacks.ts';

describe('the dashboard', () => {
  const body = () => dashboardOf(templateOf({ policy: { deadline: Duration.hours(2) } }));
  const titles = (widgets: { properties: Json }[]) => widgets.map(({ properties }) => properties.title);

  const inRows = () => body().widgets.toSorted((one, other) => one.y - other.y || one.x - other.x);

  test('shows on top whether anything is wrong, with every alarm, and below it what is waited for', () => {
    const [first, links, second] = inRows();
    expect(first).toMatchObject({ type: 'alarm', x: 0, y: 0, width: 16 });
    expect(first!.properties.alarms).toHaveLength(Object.keys(alarmsOf(templateOf())).length);
    expect(links).toMatchObject({ type: 'text', y: 0 });
    expect(second).toMatchObject({ y: 5, width: 24, properties: { title: 'Waiting instances, and why' } });
  });

  test('links to the runbook, wherever that is, at the sections that someone is paged for', () => {
    const runbookUrl = 'https://wiki.example.com/drains';
    const linked = dashboardOf(templateOf({ monitoring: { runbookUrl } })).widgets.find(({ type }) => type === 'text');
    const page = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8');
    const [, paged = ''] = /^\| page someone .*\n.*\n\| (.*?) \|/m.exec(page) ?? [];
    const anchors = [...paged.matchAll(/`(\w+)`/g)].map(([, name = '']) => `${runbookUrl}#${name.toLowerCase()}`);
    const { markdown } = linked!.properties;
    expect([...markdown.matchAll(/\]\((.*?)\)/g)].map(([, url]) => url)).toEqual([
      runbookUrl,
      `${runbookUrl}#a-normal-day`,
      ...anchors,
    ]);
    expect(page).toContain('\n## A normal day\n');
  });

  test('is 24 wide, and no widget lies on another or leaves a gap', () => {
    const cells = new Map<string, string>();
    for (const { x, y, width, height, properties } of body().widgets) {
      for (let column = x; column < x + width; column++) {
        for (let row = y; row < y + height; row++) {
          const cell = `${column},${row}`;
          expect(cells.get(cell), `${properties.title} lies on it`).toBeUndefined();
          cells.set(cell, properties.title);
        }
      }
    }
    const rows = Math.max(...body().widgets.map(({ y, height }) => y + height));
    expect(cells.size).toBe(24 * rows);
  });

  const shown = (title: string, { widgets } = body()) => {
    const [widget] = widgets.filter(({ properties }) => properties.title === title);
    const { metrics, yAxis, annotations } = widget!.properties;
    const options: Json[] = metrics.map((metric: Json[]) => metric.at(-1));
    return { options, axis: yAxis.left.label, annotations };
  };

  test('draws the drain deadline and when a drain is forced into the oldest wait, in hours', () => {
    const { options, axis, annotations } = shown('The oldest wait');
    const labelled = options.flatMap(({ label, expression }) => (label ? [[label, expression]] : []));
    expect(labelled).toEqual([
      ['the oldest wait', 'wait / 3600'],
      ['drain deadline', 'TIME_SERIES(7200 / 3600)'],
      ['the drain is forced', 'TIME_SERIES((7200 + 300) / 3600)'],
    ]);
    expect(axis).toBe('Hours');
    // Of annotations that close together the labels would overprint each other.
    expect(annotations).toBeUndefined();
  });

  test('draws the times of each group where they differ, and says whose they are', () => {
    const web = { group: 'web', deadline: Duration.minutes(30) };
    const groups = ['builders', web, 'runners', { ...web, group: 'api', killMargin: Duration.minutes(1) }];
    const { options } = shown('The oldest wait', dashboardOf(templateOf({ groups })));
    expect(options.flatMap(({ label, expression }) => (label ? [[label, expression]] : [])).slice(1)).toEqual([
      ['drain deadline: builders, runners', 'TIME_SERIES(21600 / 3600)'],
      ['drain deadline: web, api', 'TIME_SERIES(1800 / 3600)'],
      ['the drain is forced: builders, runners', 'TIME_SERIES((21600 + 300) / 3600)'],
      ['the drain is forced: web', 'TIME_SERIES((1800 + 300) / 3600)'],
      ['the drain is forced: api', 'TIME_SERIES((1800 + 60) / 3600)'],
    ]);
  });

  test('shows how long drains take by p50, p90 and the longest, in minutes', () => {
    const { options, axis } = shown(METRICS.TimeToDrain.about);
    const byId = new Map(options.map(({ id, stat }) => [id, stat]));
    const drawn = options.flatMap(({ label, expression }) => (label ? [[label, expression]] : []));
    expect(drawn.map(([label]) => label)).toEqual(['p50', 'p90', 'longest']);
    expect(drawn.map(([, expression]) => byId.get(expression.replace(' / 60', '')))).toEqual(['p50', 'p90', 'Maximum']);
    expect(axis).toBe('Minutes');
  });

  test('shows how long a release takes in the same way, in seconds: it is a matter of some', () => {
    const { options, axis } = shown(METRICS.WaitAfterEmpty.about);
    expect(options.map(({ label, stat }) => [label, stat])).toEqual([
      ['p50', 'p50'],
      ['p90', 'p90'],
      ['longest', 'Maximum'],
    ]);
    expect(axis).toBe('Seconds');
  });

  test('stacks how waits ended, all six ways', () => {
    const [widget] = body().widgets.filter(({ properties }) => properties.stacked);
    const names = widget!.properties.metrics.map((metric: Json[]) => metric[1]);
    const outcomes = Object.entries(METRICS).filter(([, { about }]) => about.startsWith('Released: '));
    expect(names.toSorted()).toEqual(outcomes.map(([name]) => name).toSorted());
  });

  test('says in words what is waited for, from this function’s log alone', () => {
    const template = templateOf();
    const [log] = Object.keys(resources(template, 'AWS::Logs::LogGroup'));
    const tables = dashboardOf(template).widgets.filter(({ type }) => type === 'log');
    expect(titles(tables)).toEqual(['Waiting instances, and why', 'Released instances, and why']);
    for (const { properties } of tables) {
      expect(properties).toMatchObject({ view: 'table', query: expect.stringContaining(`SOURCE '${log}' | filter`) });
    }
  });

  test('or an alarm shows everything that the function measures', () => {
    const template = templateOf({ admitWhenReady: true });
    const drawn = dashboardOf(template).widgets.flatMap(({ properties }) => properties.metrics ?? []);
    const measured = drawn.filter(([namespace]: Json[]) => namespace === NAMESPACE).map(([, name]: Json[]) => name);
    const watched = Object.values(alarmsOf(template)).map(({ MetricName }) => MetricName);
    // Those of the function that says which instances go have alarms, and no graph.
    const ofThis = Object.keys(METRICS).filter((name) => !name.startsWith('Choice'));
    for (const name of ofThis) expect([...measured, ...watched]).toContain(name);
  });
});
