import { readFileSync } from 'node:fs';
import { XMLValidator } from 'fast-xml-parser';
import { describe, expect, test } from 'vitest';
import { graphsOf } from '../../scripts/pictures/dashboard.ts';
import { performancePicture } from '../../scripts/pictures/performance.ts';
import { waitPicture } from '../../scripts/pictures/wait.ts';

const picture = (name: string) => readFileSync(new URL(`../../docs/${name}.svg`, import.meta.url), 'utf8');

describe('the plots in docs/', () => {
  test('are drawn from the page of measurements and from the default policy as they are: "npm run build:docs" draws them', async () => {
    expect(picture('performance')).toBe(await performancePicture());
    expect(picture('wait')).toBe(await waitPicture());
  });

  test('show each graph of the dashboard, with its unit and the names of its lines', () => {
    const texts = [...picture('dashboard').matchAll(/<text[^>]*>([^<]+)<\/text>/g)].map(([, text]) => text);
    const graphs = graphsOf();
    expect(graphs.length).toBeGreaterThan(6);
    for (const { title, unit, lines } of graphs) {
      expect(texts).toEqual(expect.arrayContaining([title, unit, ...lines.map(({ label }) => label)]));
    }
  });

  test.each(['performance', 'wait', 'dashboard'])('can be read on a dark page, and say what they show: %s', (name) => {
    const svg = picture(name);
    expect(XMLValidator.validate(svg)).toBe(true);
    expect(svg).toContain('@media (prefers-color-scheme:dark)');
    expect(svg).toMatch(/<title>[^<]{40,}<\/title>/);
    // Every colour has its counterpart.
    const [, dark = ''] = /<style>(.*)<\/style>/.exec(svg) ?? [];
    const used = new Set([...svg.replace(dark, '').matchAll(/(?:fill|stroke)="(#\w+)"/g)].map(([, color]) => color!));
    expect([...used].filter((color) => !dark.includes(`[fill="${color}"]`))).toEqual([]);
  });
});
