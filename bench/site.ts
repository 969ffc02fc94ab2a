import { AwsEmulator } from '../emulators/aws/aws.ts';
import { environmentOf } from '../emulators/aws/environment.ts';
import { RunningClock } from '../emulators/clock.ts';
import { NomadEmulator } from '../emulators/nomad/emulator.ts';
import { loadBundle } from '../emulators/world/bundle.ts';
import type { Report } from '../lambda/core/drain/report.ts';

export const SWEEP = { source: 'aws.events', 'detail-type': 'Scheduled Event' };
const GROUP = 'builders';

/** A Nomad on the wall clock, with a client for each of these instances. */
export interface Site {
  /** Which Nomad it is. */
  of: string;
  address: string;
  /** The function's token, where ACLs are on. */
  token?: string;
  nodes: readonly { instanceId: string; nodeId: string }[];
  /** A build on the node; call what it answers to end it. That answers when Nomad's client saw it end, by `Date.now()`. */
  build(nodeId: string): Promise<() => Promise<number>>;
  /** Ends the drain of all nodes and makes them eligible. */
  giveBack(): Promise<void>;
  close(): Promise<void>;
}

export type Run = (event: unknown, context?: { getRemainingTimeInMillis(): number }) => Promise<Report>;

/** The emulated one. */
export async function emulated(count: number): Promise<Site> {
  const nomad = await NomadEmulator.start({ clock: new RunningClock() });
  const nodes = Array.from({ length: count }, (_, index) => {
    const instanceId = `i-${index.toString(16).padStart(17, '0')}`;
    return { instanceId, nodeId: nomad.addNode({ instanceId }).id };
  });
  let builds = 0;
  return {
    of: 'emulated Nomad',
    address: nomad.url,
    nodes,
    build: async (on) => {
      const [id = ''] = nomad.run({ id: `build-${++builds}`, type: 'batch', on, runSeconds: 3600 });
      return async () => {
        nomad.finish(id);
        return Date.now();
      };
    },
    giveBack: async () => {
      for (const { nodeId } of nodes) await giveBack(nomad.url, nodeId);
    },
    close: () => nomad.close(),
  };
}

export async function giveBack(address: string, nodeId: string, token = ''): Promise<void> {
  const body = JSON.stringify({ NodeID: nodeId, DrainSpec: null, MarkEligible: true });
  const headers = { 'X-Nomad-Token': token };
  const response = await fetch(`${address}/v1/node/${nodeId}/drain`, { method: 'POST', body, headers });
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
}

/** The instances of a site in an emulated group, and functions that serve it. */
export class Account {
  readonly aws: AwsEmulator;
  readonly #site: Site;
  readonly #arrived: ((event: unknown) => void)[] = [];

  private constructor(aws: AwsEmulator, site: Site) {
    this.aws = aws;
    this.#site = site;
    aws.onEvent((event) => this.#arrived.shift()?.(event), { detailType: 'EC2 Instance-terminate Lifecycle Action' });
  }

  static async of(site: Site): Promise<Account> {
    const aws = await AwsEmulator.start({ clock: new RunningClock(), timing: { beforeWaitMs: 100 } });
    aws.addGroup({ name: GROUP, hook: { name: 'nomad-drain', heartbeatTimeoutSeconds: 1800 } });
    Object.assign(process.env, environmentOf(aws));
    if (site.token) aws.putParameter('/nomad/token', site.token, 'SecureString');
    for (const { instanceId: id } of site.nodes) aws.addInstance(GROUP, { id });
    return new Account(aws, site);
  }

  /** A new function environment, cold. */
  async environment(): Promise<Run> {
    const { makeHandler } = await loadBundle();
    const { address, token } = this.#site;
    const document = {
      groups: [{ name: GROUP, hook: 'nomad-drain', heartbeatTimeoutSeconds: 1800 }],
      nomad: { via: 'http', address, ...(token && { token: { parameter: '/nomad/token' } }) },
    };
    const quiet = () => {};
    const logger = { debug: quiet, info: quiet, warn: quiet, error: quiet };
    return makeHandler({ environment: { NOMAD_DRAIN_HOOK: JSON.stringify(document) }, logger, print: quiet });
  }

  /** Scales an instance in. @returns the event, when it arrives */
  scaleIn(instanceId: string): Promise<unknown> {
    const event = new Promise<unknown>((resolve) => this.#arrived.push(resolve));
    this.aws.scaleIn(GROUP, [instanceId]);
    return event;
  }

  /** When the wait of the instance was completed, by `Date.now()`. */
  completedAt(instanceId: string): number {
    const completion = this.aws.completions.find((each) => each.instanceId === instanceId);
    if (!completion) throw new Error(`${instanceId} is not completed`);
    return completion.at;
  }

  close(): Promise<void> {
    return this.aws.close();
  }
}
