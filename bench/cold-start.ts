import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { atStart, bundle } from '../scripts/build.ts';
import { type Figure, median, type Row } from './row.ts';

const ROUNDS = 15;
/** The SDK clients that every run needs. */
const AT_ONCE = { 'client-auto-scaling': 'AutoScalingClient', 'client-ec2': 'EC2Client' };
/** All that the function has: the others are loaded where its configuration needs them. */
const ALL = {
  ...AT_ONCE,
  'client-eventbridge': 'EventBridgeClient',
  'client-ssm': 'SSMClient',
  'client-sts': 'STSClient',
};
/** With a token in Parameter Store and a bus for events, as most have it. */
const DOCUMENT = {
  groups: [{ name: 'builders', hook: 'nomad-drain', heartbeatTimeoutSeconds: 1800 }],
  nomad: { via: 'http', address: 'https://nomad.internal:4646', token: { parameter: '/nomad/drain-token' } },
  events: { bus: 'default' },
};

/**
 * How long a new process needs to import the function, beside one that imports SDK clients and nothing else, bundled in the same way.
 * Interleaved, each in a process of its own.
 */
export const coldStart: Figure = async () => {
  // Inside the project, so that the SDK is found.
  const directory = mkdtempSync(fileURLToPath(new URL('../dist/bench-', import.meta.url)));
  try {
    const ours = await Bundled.of(undefined, join(directory, 'function'));
    const configured = new Bundled(ours.file, ours.kB, { NOMAD_DRAIN_HOOK: JSON.stringify(DOCUMENT) });
    const all = await clients(ALL, join(directory, 'all'));
    const atOnce = await clients(AT_ONCE, join(directory, 'at-once'));
    for (let round = 0; round < ROUNDS; round++) {
      for (const each of [ours, configured, all, atOnce]) await each.import();
    }
    return [
      beside('cold start: import of the function', 'wall', ours, all, 'all its five SDK clients alone'),
      beside('cold start: processor time of the import', 'cpu', ours, all, 'all its five SDK clients alone'),
      beside('the same', 'cpu', ours, atOnce, 'the two clients that it loads at once alone'),
      {
        figure: 'the same, configured with a token in Parameter Store and a bus, made ready for its first event',
        unit: 'ms',
        samples: configured.imports.map(({ cpu }) => cpu),
      },
      beside('memory of the process after it', 'megabytes', ours, all, 'all its five SDK clients alone'),
      {
        figure: 'size of what is loaded at once',
        unit: 'kB',
        samples: [ours.kB],
        rival: { name: 'all its five SDK clients alone', samples: [all.kB] },
      },
    ];
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
};

/** Milliseconds, and what the process has of memory. The processor time of a busy machine is steadier than what the wall clock says. */
interface Import {
  wall: number;
  cpu: number;
  megabytes: number;
}

/** Modules that can be imported by a new process, and what that took. */
class Bundled {
  readonly file: string;
  readonly kB: number;
  readonly imports: Import[] = [];
  readonly #environment: Record<string, string>;

  constructor(file: string, kB: number, environment: Record<string, string> = {}) {
    this.file = file;
    this.kB = kB;
    this.#environment = environment;
  }

  static async of(entry: string | undefined, directory: string): Promise<Bundled> {
    const metafile = await bundle(entry, directory);
    const bytes = atStart(metafile).reduce((sum, path) => sum + (metafile.outputs[path]?.bytes ?? 0), 0);
    return new Bundled(join(directory, 'index.mjs'), bytes / 1024);
  }

  async import(): Promise<void> {
    const script =
      `const [began, before] = [performance.now(), process.cpuUsage()]; await import(${JSON.stringify(this.file)});` +
      'const { user, system } = process.cpuUsage(before); const wall = performance.now() - began;' +
      'const megabytes = process.memoryUsage.rss() / 1e6;' +
      'console.log(JSON.stringify({ wall, cpu: (user + system) / 1000, megabytes }))';
    const env = { ...process.env, AWS_REGION: 'us-east-1', NODE_COMPILE_CACHE: '', ...this.#environment };
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
      cwd: tmpdir(),
      env,
    });
    this.imports.push(JSON.parse(stdout) as Import);
  }
}

/** Clients made once, as the function makes them, so that nothing of them is shaken off. */
function clients(of: Readonly<Record<string, string>>, directory: string): Promise<Bundled> {
  const entry = `${directory}.ts`;
  const names = Object.entries(of).map(([from, name]) => `import { ${name} } from '@aws-sdk/${from}';`);
  const make = `export const handler = [${Object.values(of).map((name) => `new ${name}({})`)}];`;
  writeFileSync(entry, [...names, make].join('\n'));
  return Bundled.of(entry, directory);
}

function beside(figure: string, of: keyof Import, ours: Bundled, theirs: Bundled, name: string): Row {
  const [here, there] = [ours, theirs].map(({ imports }) => imports.map((each) => each[of])) as [number[], number[]];
  return {
    figure,
    unit: of === 'megabytes' ? 'MB' : 'ms',
    samples: here,
    rival: { name, samples: there },
    note: `${(median(here) / median(there)).toFixed(2)} times`,
  };
}
