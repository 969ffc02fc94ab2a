import { parse, type Spec, View, Warn } from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';
import { escaped } from '../svg.ts';

/** The colours of a picture on a light page. Each has its counterpart on a dark one, which a style sheet in the picture sets. */
export const INK = {
  text: '#24292f',
  quiet: '#57606a',
  grid: '#d0d7de',
  page: '#ffffff',
  blue: '#0969da',
  green: '#1a7f37',
  orange: '#bc4c00',
  red: '#cf222e',
  purple: '#8250df',
} as const;

const DARK: Record<keyof typeof INK, string> = {
  text: '#e6edf3',
  quiet: '#8d96a0',
  grid: '#30363d',
  page: '#0d1117',
  blue: '#4493f8',
  green: '#3fb950',
  orange: '#f0883e',
  red: '#f85149',
  purple: '#ab7df8',
};

/** One of several views beside or below each other. */
export type Panel = Extract<TopLevelSpec, { hconcat: unknown }>['hconcat'][number];

/** Of every axis, legend and title. */
const CONFIG = {
  background: INK.page,
  padding: 12,
  font: 'system-ui, sans-serif',
  view: { stroke: INK.grid },
  title: { color: INK.text, anchor: 'start', frame: 'group', fontSize: 13, offset: 10 },
  axis: {
    gridColor: INK.grid,
    domainColor: INK.quiet,
    tickColor: INK.quiet,
    labelColor: INK.text,
    titleColor: INK.quiet,
    titleFontWeight: 'normal',
    labelFontSize: 11,
    titleFontSize: 11,
    labelFlush: false,
  },
  legend: {
    labelColor: INK.text,
    labelFontSize: 11,
    labelLimit: 400,
    columnPadding: 14,
    orient: 'bottom',
    title: null,
  },
  text: { color: INK.text, fontSize: 12 },
} as const;

/**
 * Draws what a Vega-Lite specification describes, without a browser, in colours for light and for dark pages.
 * @param description what the picture shows, for those who do not see it
 */
export async function draw(spec: TopLevelSpec, description: string): Promise<string> {
  const { spec: compiled } = compile({ ...spec, config: { ...CONFIG, ...spec.config } } as TopLevelSpec);
  const view = new View(parse(compiled as Spec), { renderer: 'none', logLevel: Warn });
  try {
    // The title says what the picture shows: roles and labels of each mark would be read besides, and are no use in a picture.
    const svg = (await view.toSVG()).replaceAll(/ (?:role|aria-[a-z]+)="[^"]*"/g, '');
    return `${svg.replace(/(<svg [^>]*)>/, `$1 role="img"><title>${escaped(description)}</title>${STYLE}`)}\n`;
  } finally {
    view.finalize();
  }
}

/** What is drawn in a colour has it in a dark picture's form where the page is dark. */
const STYLE = `<style>@media (prefers-color-scheme:dark){${Object.entries(INK)
  .map(([name, color]) => {
    const dark = DARK[name as keyof typeof INK];
    return `[fill="${color}"]{fill:${dark}}[stroke="${color}"]{stroke:${dark}}`;
  })
  .join('')}}</style>`;
