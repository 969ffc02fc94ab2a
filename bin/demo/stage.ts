import { AwsEmulator } from '../../emulators/aws/aws.ts';
import { environmentOf } from '../../emulators/aws/environment.ts';
import type { Timeline } from '../../emulators/clock.ts';
import type { ConfigDocument } from '../../lambda/config/config.ts';
import type { NomadApi } from './nomad-api.ts';

export const GROUP = 'builders';
export const HOOK = 'nomad-drain';
/** EC2 takes longer: the audience need not wait for it. */
const SHUTDOWN_MS = 2_000;

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
  clock: Timeline;
  /** How often the audience looks, in milliseconds of the clock. */
  lookEveryMs: number;
  /** When the demo gives up and says which instances were kept, in milliseconds of the clock. */
  limitMs: number;
  aws: AwsEmulator;
  nomad: NomadApi;
  access: ConfigDocument['nomad'];
  builders: Builder[];
  /** What the audience should know of it. */
  about: string;
  close(): Promise<void>;
}

/** Emulated AWS with the group in it, where the function will look for it. */
export async function startAws(clock: Timeline): Promise<{ aws: AwsEmulator; close(): Promise<void> }> {
  const aws = await AwsEmulator.start({ clock, timing: { shutdownMs: SHUTDOWN_MS } });
  aws.addGroup({ name: GROUP, hook: { name: HOOK, heartbeatTimeoutSeconds: 1800, defaultResult: 'CONTINUE' } });
  Object.assign(process.env, environmentOf(aws));
  return { aws, close: () => aws.close() };
}
