import type { ConfigDocument } from '../../lambda/config.ts';
import { AwsEmulator } from '../../test/emulators/aws/aws.ts';
import { RunningClock } from '../../test/emulators/clock.ts';
import { NomadEmulator } from '../../test/emulators/nomad/emulator.ts';
import { type NomadApi, nomadApi } from './nomad-api.ts';

export const GROUP = 'builders';
export const HOOK = 'nomad-drain';

/** One instance of the group and its Nomad client. */
export interface Builder {
  instanceId: string;
  nodeId: string;
  name: string;
  /** The jobs that it builds when the story begins. */
  builds: string[];
}

/** Where the demo plays: AWS is emulated, Nomad is emulated or real. */
export interface Stage {
  clock: RunningClock;
  aws: AwsEmulator;
  nomad: NomadApi;
  access: ConfigDocument['nomad'];
  builders: Builder[];
  /** What the audience should know of it. */
  about: string;
  close(): Promise<void>;
}

/** Emulated time passes so much faster: six minutes in half a minute. */
const SPEED = 12;
/** How long the builds of each builder take, in seconds; the last builder stays and takes over the service. */
const SECONDS = [[], [75], [40, 200], [140, 330], []];

export async function emulatedStage(): Promise<Stage> {
  const clock = new RunningClock(SPEED);
  const { aws, close } = await startAws(clock);
  const nomad = await NomadEmulator.start({ clock });
  const builders = SECONDS.map((durations, index): Builder => {
    const instanceId = aws.addInstance(GROUP);
    const name = `client-${index + 1}`;
    const nodeId = nomad.addNode({ instanceId, name, address: aws.instance(instanceId).privateIp }).id;
    const builds = durations.map((runSeconds, build) => {
      const id = `build-${index + 1}${'ab'[build]}`;
      nomad.run({ id, type: 'batch', on: nodeId, runSeconds });
      return id;
    });
    return { instanceId, nodeId, name, builds };
  });
  nomad.run({ id: 'web', type: 'service', minHealthySeconds: 10 });
  aws.onInstanceGone(({ id }) => {
    const builder = builders.find(({ instanceId }) => instanceId === id);
    if (builder) nomad.killInstance(builder.nodeId);
  });
  return {
    clock,
    aws,
    nomad: nomadApi(nomad.url),
    access: { via: 'http', address: nomad.url },
    builders,
    about: `emulated AWS and Nomad; ${SPEED} s of their time pass in one second`,
    close: async () => {
      await nomad.close();
      await close();
    },
  };
}

/** The key of a node's own Meta by which a client that knows no EC2 instance id is given one. */
const META_KEY = 'nomad_drain_hook_demo_instance';

/**
 * A real Nomad: its ready and eligible clients on which nothing runs, all but one of which will be drained. They are
 * made eligible again at the end, and the demo's own jobs are purged.
 *
 * @throws Error when there are not two such clients with the raw_exec driver
 */
export async function realStage(address: string, token: string | undefined): Promise<Stage> {
  const nomad = nomadApi(address, token);
  const idle = await nomad.idleNodes('raw_exec');
  if (idle.length < 2) {
    throw new Error(
      `the demo needs two clients of ${address} that are ready and eligible, run nothing and have raw_exec: found ${idle.length}`,
    );
  }
  const clock = new RunningClock();
  const { aws, close } = await startAws(clock);
  const builders: Builder[] = [];
  for (const [index, { id, name }] of idle.slice(0, 5).entries()) {
    const instanceId = aws.addInstance(GROUP);
    await nomad.setMeta(id, META_KEY, instanceId);
    const builds = index === 0 ? [] : [`nomad-drain-hook-demo-${index}`];
    builders.push({ instanceId, nodeId: id, name, builds });
    for (const build of builds) await nomad.runBuild(build, id, 4 + 5 * index);
  }
  if (token) aws.putParameter('/nomad/drain-token', token, 'SecureString');
  return {
    clock,
    aws,
    nomad,
    access: {
      via: 'http',
      address,
      nodeMetaKey: META_KEY,
      ...(token && { token: { parameter: '/nomad/drain-token' } }),
    },
    builders: [...builders.slice(1), ...builders.slice(0, 1)],
    about: `emulated AWS, and the Nomad at ${address}`,
    close: async () => {
      for (const { nodeId, builds } of builders) {
        await nomad.makeEligible(nodeId);
        await nomad.setMeta(nodeId, META_KEY, null);
        for (const build of builds) await nomad.purge(build);
      }
      await close();
    },
  };
}

async function startAws(clock: RunningClock): Promise<{ aws: AwsEmulator; close(): Promise<void> }> {
  const aws = await AwsEmulator.start({ clock });
  aws.addGroup({ name: GROUP, hook: { name: HOOK, heartbeatTimeoutSeconds: 1800, defaultResult: 'CONTINUE' } });
  Object.assign(process.env, {
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'demo',
    AWS_SECRET_ACCESS_KEY: 'demo',
    AWS_ENDPOINT_URL_AUTO_SCALING: aws.autoScalingUrl,
    AWS_ENDPOINT_URL_EC2: aws.ec2Url,
    AWS_ENDPOINT_URL_SSM: aws.ssmUrl,
  });
  return { aws, close: () => aws.close() };
}
