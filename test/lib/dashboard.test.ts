import { Duration } from 'aws-cdk-lib';
import { describe, expect, test } from 'vitest';
import { METRICS, NAMESPACE } from '../../lambda/core/model/metrics.ts';
import { alarmsOf, dashboardOf } from './monitored.ts';
import { type Json, resources, templateOf } from './stacks.ts';

describe('the dashboard', () => {
  const body = () => dashboardOf(templateOf({ policy: { deadline: Duration.hours(2) } }));
  const titles = (widgets: { properties: Json }[]) => widgets.map(({ properties }) => properties.title);

  test('shows on top whether anything is wrong, with every alarm', () => {
    const [first] = body().widgets.toSorted((one, other) => one.y - other.y);
    expect(first).toMatchObject({ type: 'alarm', x: 0, y: 0, width: 24 });
    expect(first!.properties.alarms).toHaveLength(Object.keys(alarmsOf(templateOf())).length);
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

  test('draws the drain deadline and when a drain is forced into the oldest wait', () => {
    const [widget] = body().widgets.filter(({ properties }) => properties.title === METRICS.OldestWait.about);
    expect(widget!.properties.annotations.horizontal).toMatchObject([
      { value: 7200, label: 'drain deadline' },
      { value: 7500, label: 'the drain is forced' },
    ]);
  });

  test('shows how long drains take by half of them, nine of ten, and the longest', () => {
    for (const about of [METRICS.TimeToDrain.about, METRICS.WaitAfterEmpty.about]) {
      const [widget] = body().widgets.filter(({ properties }) => properties.title === about);
      const statistics = widget!.properties.metrics.map((metric: Json[]) => metric.at(-1).stat);
      expect(statistics).toEqual(['p50', 'p90', 'Maximum']);
    }
  });

  test('stacks how waits ended, all six ways', () => {
    const [widget] = body().widgets.filter(({ properties }) => properties.stacked);
    const shown = widget!.properties.metrics.map((metric: Json[]) => metric[1]);
    const outcomes = Object.entries(METRICS).filter(([, { about }]) => about.startsWith('Released: '));
    expect(shown.toSorted()).toEqual(outcomes.map(([name]) => name).toSorted());
  });

  test('says in words what is waited for, from this function’s log alone', () => {
    const template = templateOf();
    const [log] = Object.keys(resources(template, 'AWS::Logs::LogGroup'));
    const tables = dashboardOf(template).widgets.filter(({ type }) => type === 'log');
    expect(titles(tables)).toEqual(['What is waited for, and why', 'Who was released, and why']);
    for (const { properties } of tables) {
      expect(properties).toMatchObject({ view: 'table', query: expect.stringContaining(`SOURCE '${log}' | filter`) });
    }
  });

  test('or an alarm shows everything that the function measures', () => {
    const shown = body().widgets.flatMap(({ properties }) => properties.metrics ?? []);
    const measured = shown.filter(([namespace]: Json[]) => namespace === NAMESPACE).map(([, name]: Json[]) => name);
    const watched = Object.values(alarmsOf(templateOf())).map(({ MetricName }) => MetricName);
    for (const name of Object.keys(METRICS)) expect([...measured, ...watched]).toContain(name);
  });
});
