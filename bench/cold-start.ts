import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { bundle } from '../bin/build.ts';
import { BUNDLE } from '../test/e2e/bundle.ts';
import { type Figure, median, type Row } from './row.ts';

const ROUNDS = 15;
/** What the function's bundle has of the SDK. */
const CLIENTS = {
  'client-auto-scaling': 'AutoScalingClient',
  'client-ec2': 'EC2Client',
  'client-eventbridge': 'EventBridgeClient',
  'client-ssm': 'SSMClient',
  'client-sts': 'STSClient',
};

/**
 * How long a new process needs to import the function, beside one that imports the same SDK clients and nothing else, bundled in
 * the same way. Interleaved, each in a process of its own.
 */
export const coldStart: Figure = async () => {
  // Inside the project, so that the SDK is found.
  const directory = mkdtempSync(fileURLToPath(new URL('../dist/bench-', import.meta.url)));
  const clients = join(directory, 'clients.mjs');
  try {
    const entry = join(directory, 'entry.ts');
    const names = Object.entries(CLIENTS).map(([from, name]) => `import { ${name} } from '@aws-sdk/${from}';`);
    // Made once, as the function makes them, so that nothing of them is shaken off.
    const make = `export const handler = [${Object.values(CLIENTS).map((name) => `new ${name}({})`)}];`;
    writeFileSync(entry, [...names, make].join('\n'));
    await bundle(entry, clients);
    const [ours, theirs]: [Import[], Import[]] = [[], []];
    for (let round = 0; round < ROUNDS; round++) {
      ours.push(await imported(BUNDLE));
      theirs.push(await imported(clients));
    }
    return rowsOf(ours, theirs, clients);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
};

/** Milliseconds. The processor time of a busy machine is steadier than what the wall clock says. */
interface Import {
  wall: number;
  cpu: number;
}

function rowsOf(ours: readonly Import[], theirs: readonly Import[], clients: string): Row[] {
  const name = 'the SDK clients alone';
  const kB = (file: string) => [statSync(file).size / 1024];
  const beside = (figure: string, of: keyof Import): Row => {
    const [here, there] = [ours.map((each) => each[of]), theirs.map((each) => each[of])];
    const note = `${(median(here) / median(there)).toFixed(2)} times the clients alone`;
    return { figure, unit: 'ms', samples: here, rival: { name, samples: there }, note };
  };
  return [
    beside('cold start: import of the bundle', 'wall'),
    beside('cold start: processor time of the import', 'cpu'),
    { figure: 'size of the bundle', unit: 'kB', samples: kB(BUNDLE), rival: { name, samples: kB(clients) } },
  ];
}

async function imported(file: string): Promise<Import> {
  const script =
    `const [began, before] = [performance.now(), process.cpuUsage()]; await import(${JSON.stringify(file)});` +
    'const { user, system } = process.cpuUsage(before);' +
    'console.log(JSON.stringify({ wall: performance.now() - began, cpu: (user + system) / 1000 }))';
  const environment = { ...process.env, AWS_REGION: 'us-east-1', NODE_COMPILE_CACHE: '' };
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
    cwd: tmpdir(),
    env: environment,
  });
  return JSON.parse(stdout) as Import;
}
