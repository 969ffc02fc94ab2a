import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { loadBundle } from '../test/e2e/bundle.ts';
import { Emulators, GROUP } from './emulators.ts';
import { type Figure, median, ROUNDS, type Row } from './row.ts';
import { SWEEP } from './site.ts';
import { draw, straightLine } from './svg.ts';

const SIZES = [1, 10, 100, 500, 1000, 2000];
/** The largest take a minute a round: three rounds of them keep all figures under ten minutes. */
const LARGE = 1000;
const ROUNDS_OF_LARGE = 3;
const PICTURE = fileURLToPath(new URL('../docs/performance.svg', import.meta.url));

/** One sweep that finds so many instances waiting, all of them idle. */
interface Sample {
  waiting: number;
  cpuMs: number;
  wallMs: number;
  requests: number;
  completed: number;
}

/** How the time and the requests of one sweep grow with the instances that wait. Draws docs/performance.svg. */
export const growth: Figure = async () => {
  const samples = await measureGrowth();
  writeFileSync(PICTURE, picture(samples));
  return rowsOf(samples);
};

/** The function's process is this one: the emulators have their own. */
async function measureGrowth(): Promise<Sample[]> {
  const emulators = new Emulators();
  const samples: Sample[] = [];
  try {
    // One more, before all: what it compiles is not counted.
    await sweep(emulators, 100);
    for (let round = 0; round < ROUNDS; round++) {
      for (const waiting of SIZES)
        if (waiting < LARGE || round < ROUNDS_OF_LARGE) samples.push(await sweep(emulators, waiting));
    }
  } finally {
    emulators.close();
  }
  return samples;
}

async function sweep(emulators: Emulators, waiting: number): Promise<Sample> {
  const { environment, nomad } = await emulators.start(waiting);
  Object.assign(process.env, environment);
  const { makeHandler } = await loadBundle();
  const document = { groups: [{ name: GROUP, hook: 'nomad-drain' }], nomad: { via: 'http', address: nomad } };
  const quiet = () => {};
  const journal = { debug: quiet, info: quiet, warn: quiet, error: quiet };
  const handler = makeHandler({ environment: { NOMAD_DRAIN_HOOK: JSON.stringify(document) }, journal, print: quiet });
  const began = performance.now();
  const before = process.cpuUsage();
  const deadline = began + 60_000;
  // With more than fit a minute the run fails, and says for how many: they are the next sweep's.
  await handler(SWEEP, { getRemainingTimeInMillis: () => deadline - performance.now() }).catch(() => {});
  const { user, system } = process.cpuUsage(before);
  const wallMs = performance.now() - began;
  const counts = await emulators.counts();
  const requests = counts.nomad + counts.aws;
  return { waiting, cpuMs: (user + system) / 1000, wallMs, requests, completed: counts.completed };
}

const of = (samples: readonly Sample[], waiting: number, what: keyof Sample) =>
  samples.filter((sample) => sample.waiting === waiting).map((sample) => sample[what]);

function rowsOf(samples: readonly Sample[]): Row[] {
  const rows = SIZES.flatMap((waiting): Row[] => {
    const figure = `one sweep, ${waiting.toLocaleString('en')} instances waiting`;
    const cpu = of(samples, waiting, 'cpuMs');
    const each = `${(median(cpu) / waiting).toFixed(1)} ms each`;
    const released = `${median(of(samples, waiting, 'completed'))} of ${waiting} released in it`;
    return [
      { figure: `${figure}: processor time`, unit: 'ms', samples: cpu, note: each },
      { figure: `${figure}: it lasted`, unit: 'ms', samples: of(samples, waiting, 'wallMs'), note: released },
      { figure: `${figure}: requests to Nomad and AWS`, unit: 'requests', samples: of(samples, waiting, 'requests') },
    ];
  });
  const { slope, base } = straightLine(points(samples, 'cpuMs', 1));
  const note = `least squares through the medians; ${base.toFixed(0)} ms at 0`;
  return [...rows, { figure: 'processor time for one instance more, by the line', unit: 'ms', samples: [slope], note }];
}

/** The median of each size, and its spread. */
const points = (samples: readonly Sample[], what: 'cpuMs' | 'wallMs' | 'requests', per: number) =>
  SIZES.map((at) => {
    const values = of(samples, at, what).map((value) => value / per);
    return { at, value: median(values), low: Math.min(...values), high: Math.max(...values) };
  });

function picture(samples: readonly Sample[]): string {
  const plots = (
    [
      ['The sweep lasts', 's', 'wallMs', 1000],
      ['Processor time of the function', 's', 'cpuMs', 1000],
      ['Requests to Nomad and AWS', 'requests', 'requests', 1],
    ] as const
  ).map(([title, unit, what, per]) => {
    const plotted = points(samples, what, per);
    return { title, unit, points: plotted, line: straightLine(plotted) };
  });
  const description = 'One sweep that drains and releases idle instances: time and requests against how many wait';
  return draw(plots, 'instances that wait', description);
}
