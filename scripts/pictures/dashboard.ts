import { CloudWatch } from '../../emulators/aws/cloudwatch/cloud-watch.ts';
import { FUNCTION, HOUR, MINUTE, World } from '../../emulators/world/world.ts';
import type { Report } from '../../lambda/core/drain/report.ts';
import { synthesized } from '../synthesis.ts';
import { draw, INK, type Panel } from './plot.ts';

const DESCRIPTION =
  'The dashboard over twelve hours of an emulated group: what two instances wait for; waiting instances; the oldest wait, in hours, below ' +
  'the drain deadline until one build reaches it; times to drain in minutes; how waits ended';
const HOURS = 12;

/** Each graph has its own legend, and its place whatever the width of its axis and legend. */
const SEPARATE = {
  bounds: 'flush',
  resolve: { scale: { color: 'independent' }, legend: { color: 'independent' } },
} as const;

/** What CloudWatch's colours are here. */
const COLORS: Record<string, string> = {
  '#2ca02c': INK.green,
  '#7f7f7f': INK.quiet,
  '#1f77b4': INK.blue,
  '#8c564b': INK.purple,
  '#ff7f0e': INK.orange,
  '#d62728': INK.red,
};
const OTHERS = [INK.blue, INK.orange, INK.green, INK.purple];

/** docs/dashboard.svg: the graphs of the dashboard as the construct makes it, with the metrics of an emulated group. Takes half a minute. */
export async function dashboardPicture(): Promise<string> {
  const world = await World.start();
  try {
    const began = world.clock.now();
    await halfADay(world);
    const metrics = new CloudWatch();
    for (const line of world.printed) metrics.read(line);
    const graphs = graphsOf();
    const { instances } = await world.wake({ command: 'status' });
    const panels = graphs.map((graph) => panel(graph, metrics, began));
    return await draw(
      {
        vconcat: [waitedFor(instances), { concat: panels, columns: 2, spacing: { row: 120, column: 95 }, ...SEPARATE }],
      },
      DESCRIPTION,
    );
  } finally {
    await world.close();
  }
}

/** Three scale-ins; one of the builds runs past the drain deadline, and two still run at the end. */
async function halfADay(world: World): Promise<void> {
  const builds = [
    [0.5, [8, 25, 50]],
    [3, [15, 500]],
    [7, [0, 12, 40, 85]],
    [11, [150, 200]],
  ] as const;
  let passed = 0;
  let number = 40;
  for (const [at, minutes] of builds) {
    await world.sweepFor(at * HOUR - passed);
    passed = at * HOUR;
    const going = minutes.map((runs) => {
      const builder = world.addBuilder({ name: `client-${++number}` });
      if (runs > 0)
        world.nomad.run({ id: `build-${number}`, type: 'batch', on: builder.nodeId, runSeconds: runs * 60 });
      return builder.instanceId;
    });
    await world.sweepFor(5 * MINUTE);
    await world.scaleIn(...going);
    await world.deliver();
    passed = at * HOUR + 5 * MINUTE;
  }
  await world.sweepFor(HOURS * HOUR - passed);
}

/** A line of a graph: a metric, or a number that does not change. */
interface Line {
  label: string;
  color: string | undefined;
  of: { name: string; statistic: string; per: number } | { constant: number };
}

interface Graph {
  title: string;
  unit: string;
  stacked: boolean;
  lines: Line[];
}

// biome-ignore lint/suspicious/noExplicitAny: what a dashboard holds is any JSON
type Json = any;

/** The graphs of the dashboard that the stack's template has. */
export function graphsOf(): Graph[] {
  const { Resources: resources } = synthesized({ groups: 'builders', nomadAddress: 'https://nomad.internal:4646' });
  const [dashboard] = Object.values<Json>(resources).filter(({ Type: type }) => type === 'AWS::CloudWatch::Dashboard');
  const parts = dashboard.Properties.DashboardBody['Fn::Join'][1] as Json[];
  const body = JSON.parse(parts.map((part) => (typeof part === 'string' ? part : 'token')).join(''));
  return body.widgets.flatMap(({ type, properties }: Json) => {
    if (type !== 'metric') return [];
    const { title, metrics, yAxis, stacked = false } = properties;
    return [{ title, unit: yAxis.left.label, stacked, lines: linesOf(metrics) }];
  });
}

function linesOf(metrics: Json[][]): Line[] {
  const byId = new Map(metrics.map((metric) => [metric.at(-1).id, metric]));
  return metrics.flatMap((metric): Line[] => {
    const { label, color, visible, expression, stat: statistic } = metric.at(-1);
    if (visible === false) return [];
    if (expression === undefined) return [{ label, color, of: { name: metric[1], statistic, per: 1 } }];
    const [, sum, per, id] = /^(?:TIME_SERIES\((.*) \/ (\d+)\)|(\w+) \/ \d+)$/.exec(expression) ?? [];
    if (id === undefined) return [{ label, color, of: { constant: total(sum) / Number(per) } }];
    const source = byId.get(id) as Json[];
    return [
      { label, color, of: { name: source[1], statistic: source.at(-1).stat, per: Number(expression.split(' / ')[1]) } },
    ];
  });
}

const total = (sum = '') => [...sum.matchAll(/\d+/g)].reduce((all, [number]) => all + Number(number), 0);

/** By so many minutes a point. */
const PERIOD = 5;
/** A metric with fewer points than that is written when something happens: points, where others are lines. */
const SPARSE = 40;

interface Value {
  label: string;
  hour: number;
  value: number;
  sparse: boolean;
}

function valuesOf({ label, of }: Line, metrics: CloudWatch, began: number, minutes: number): Value[] {
  if ('constant' in of) return [0, HOURS].map((hour) => ({ label, hour, value: of.constant, sparse: false }));
  const dimensions = { FunctionName: FUNCTION, service: 'nomad-drain-hook' };
  const metric = { namespace: 'NomadDrainHook', name: of.name, dimensions };
  const query = { metric, statistic: of.statistic, periodSeconds: minutes * 60 };
  const found = Array.from({ length: (HOURS * 60) / minutes }, (_, index) => {
    const value = metrics.statistic(query, began + index * minutes * MINUTE);
    return value === undefined ? [] : { label, hour: (index * minutes) / 60, value: value / of.per };
  }).flat();
  return found.map((value) => ({ ...value, sparse: found.length < SPARSE }));
}

function panel({ title, unit, stacked, lines }: Graph, metrics: CloudWatch, began: number): Panel {
  const values = lines.flatMap((line) => valuesOf(line, metrics, began, stacked ? 3 * PERIOD : PERIOD));
  const highest = Math.max(...values.map(({ value }) => value), unit === 'Count' ? 1 : 0);
  const range = lines.map(({ color }, index) => (color && COLORS[color]) ?? OTHERS[index % OTHERS.length] ?? INK.blue);
  const counted = unit === 'Count' ? { tickMinStep: 1, format: 'd' } : {};
  return {
    title,
    width: 400,
    height: 130,
    data: { values },
    encoding: {
      x: {
        field: 'hour',
        type: 'quantitative',
        title: null,
        scale: { domain: [0, HOURS], nice: false },
        axis: { values: [0, 2, 4, 6, 8, 10, 12], labelExpr: "datum.value + ' h'" },
      },
      y: {
        field: 'value',
        type: 'quantitative',
        title: unit,
        scale: { domain: [0, highest], nice: true },
        axis: { tickCount: 4, minExtent: 30, ...counted },
      },
      color: {
        field: 'label',
        type: 'nominal',
        scale: { domain: lines.map(({ label }) => label), range },
        legend: { columns: lines.length > 3 ? 2 : 3, labelFontSize: 10 },
      },
    },
    layer: stacked
      ? [{ mark: { type: 'bar', width: 7 } }]
      : [
          {
            transform: [{ filter: '!datum.sparse' }],
            mark: { type: 'line', interpolate: 'step-after', strokeWidth: 2 },
          },
          { transform: [{ filter: 'datum.sparse' }], mark: { type: 'point', filled: true, size: 45, opacity: 0.9 } },
        ],
  };
}

/** The table on top: a row for each waiting instance, as Logs Insights would show it. */
function waitedFor(instances: Report['instances']): Panel {
  const columns = [
    { at: 0, name: 'instanceId', of: (each: Report['instances'][number]) => each.instanceId },
    { at: 170, name: 'group', of: (each: Report['instances'][number]) => each.group },
    { at: 250, name: 'action', of: (each: Report['instances'][number]) => each.action ?? '' },
    { at: 310, name: 'because', of: (each: Report['instances'][number]) => each.because ?? '' },
  ];
  const values = columns.flatMap(({ at, name, of }) => [
    { at, row: 0, text: name, color: INK.quiet },
    ...instances.map((each, index) => ({ at, row: index + 1, text: of(each), color: INK.text })),
  ]);
  return {
    title: 'Waiting instances, and why',
    width: 895,
    height: 20 * (instances.length + 1),
    data: { values },
    mark: { type: 'text', align: 'left', dx: 8, fontSize: 11 },
    encoding: {
      x: { field: 'at', type: 'quantitative', scale: { domain: [0, 895] }, axis: null },
      y: { field: 'row', type: 'ordinal', axis: null },
      text: { field: 'text' },
      color: { field: 'color', type: 'nominal', scale: null },
    },
  };
}
