import { loadBundle } from '../emulators/world/bundle.ts';
import { Emulators, GROUP } from './emulators.ts';
import { lasts, MEMORY_GB } from './prices.ts';
import { type Figure, median, ROUNDS, type Row, straightLine } from './row.ts';
import { SWEEP } from './site.ts';

const SIZES = [1, 10, 100, 500, 1000, 2000];
/** The largest take a minute a round: three rounds of them keep all figures under ten minutes. */
const LARGE = 1000;
const ROUNDS_OF_LARGE = 3;
/** More than one sweep can serve, on the machine of the day. */
const TOO_MANY = 3000;

/** One sweep that finds so many instances waiting, all of them idle. */
interface Sample {
  waiting: number;
  cpuMs: number;
  wallMs: number;
  requests: number;
  completed: number;
}

/** How the time and the requests of one sweep grow with the instances that wait. `npm run build:docs` draws what docs/performance.md has of it. */
export const growth: Figure = async () => {
  // The function's process is this one: the emulators have their own.
  const emulators = new Emulators();
  try {
    const samples = await measureGrowth(emulators);
    return [...rowsOf(samples), await tooMany(emulators)];
  } finally {
    emulators.close();
  }
};

async function measureGrowth(emulators: Emulators): Promise<Sample[]> {
  const samples: Sample[] = [];
  // One more, before all: what it compiles is not counted.
  await sweep(emulators, 100);
  for (let round = 0; round < ROUNDS; round++) {
    for (const waiting of SIZES) {
      if (waiting < LARGE || round < ROUNDS_OF_LARGE) samples.push(await sweep(emulators, waiting));
    }
  }
  return samples;
}

/** What is released in one sweep that is too short for all, and after one more. */
async function tooMany(emulators: Emulators): Promise<Row> {
  const { run } = await functionFor(emulators, TOO_MANY);
  const released: number[] = [];
  for (let sweeps = 0; sweeps < 2; sweeps++) {
    await run();
    released.push((await emulators.counts()).completed);
  }
  return {
    figure: `of ${TOO_MANY.toLocaleString('en')} waiting at once, not released after one sweep`,
    unit: 'instances',
    samples: [TOO_MANY - (released[0] ?? 0)],
    note: `${TOO_MANY - (released[1] ?? 0)} after the next`,
  };
}

async function sweep(emulators: Emulators, waiting: number): Promise<Sample> {
  const { run } = await functionFor(emulators, waiting);
  const [began, before] = [performance.now(), process.cpuUsage()];
  await run();
  const { user, system } = process.cpuUsage(before);
  const wallMs = performance.now() - began;
  const { nomad, aws, completed } = await emulators.counts();
  return { waiting, cpuMs: (user + system) / 1000, wallMs, requests: nomad + aws, completed };
}

/** A new world in which so many wait, and one sweep of it. */
async function functionFor(emulators: Emulators, waiting: number): Promise<{ run: () => Promise<void> }> {
  const { environment, nomad } = await emulators.start(waiting);
  Object.assign(process.env, environment);
  const { makeHandler } = await loadBundle();
  const document = { groups: [{ name: GROUP, hook: 'nomad-drain' }], nomad: { via: 'http', address: nomad } };
  const quiet = () => {};
  const logger = { debug: quiet, info: quiet, warn: quiet, error: quiet };
  const handler = makeHandler({ environment: { NOMAD_DRAIN_HOOK: JSON.stringify(document) }, logger, print: quiet });
  return {
    run: async () => {
      const deadline = performance.now() + 60_000;
      // With more than fit a minute the run fails, and says for how many: they are the next sweep's.
      await handler(SWEEP, { getRemainingTimeInMillis: () => deadline - performance.now() }).catch(() => {});
    },
  };
}

const of = (samples: readonly Sample[], waiting: number, what: keyof Sample) =>
  samples.filter((sample) => sample.waiting === waiting).map((sample) => sample[what]);

function rowsOf(samples: readonly Sample[]): Row[] {
  const rows = SIZES.flatMap((waiting): Row[] => {
    const figure = `one sweep, ${waiting.toLocaleString('en')} instances waiting`;
    const cpu = of(samples, waiting, 'cpuMs');
    const small = lasts(median(cpu), median(cpu), MEMORY_GB) / 1000;
    const each = `${(median(cpu) / waiting).toFixed(1)} ms each; ${small.toFixed(1)} s at ${MEMORY_GB * 1024} MB`;
    const released = `${median(of(samples, waiting, 'completed'))} of ${waiting} released in it`;
    return [
      { figure: `${figure}: processor time`, unit: 'ms', samples: cpu, note: each },
      { figure: `${figure}: it lasted`, unit: 'ms', samples: of(samples, waiting, 'wallMs'), note: released },
      { figure: `${figure}: requests to Nomad and AWS`, unit: 'requests', samples: of(samples, waiting, 'requests') },
    ];
  });
  const { slope, base } = straightLine(SIZES.map((at) => ({ at, value: median(of(samples, at, 'cpuMs')) })));
  const note = `least squares through the medians; ${base.toFixed(0)} ms at 0`;
  return [...rows, { figure: 'processor time for one instance more, by the line', unit: 'ms', samples: [slope], note }];
}
