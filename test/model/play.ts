import { expect } from 'vitest';
import { MINUTE, SECOND, SWEEP, World } from '../e2e/world.ts';
import type { EmulatorResponse } from '../emulators/server.ts';
import { BUILDERS, type NomadFault, type Step } from './steps.ts';

const HEARTBEAT_TIMEOUT = 900;
/** Longer than any story: a build that is killed in one was killed by us. */
const POLICY = { deadlineSeconds: 7200, killMarginSeconds: 120, graceSeconds: 60 };

interface Builder {
  instanceId: string;
  nodeId: string;
}

/** A story as it is played, with what must be true all along. */
export class Play {
  readonly #world: World;
  readonly #builders: Builder[];
  readonly #secrets: string[];
  /** Builders whose machine or client the story has killed: their builds are lost, and not by us. */
  readonly #doomed = new Set<string>();
  readonly #leaving = new Map<string, number>();
  #builds = 0;
  #coldStarts = 0;

  private constructor(world: World, builders: Builder[], secrets: string[]) {
    this.#world = world;
    this.#builders = builders;
    this.#secrets = secrets;
  }

  static async start(): Promise<Play> {
    const world = await World.start({
      acl: true,
      policy: POLICY,
      heartbeatTimeoutSeconds: HEARTBEAT_TIMEOUT,
      nomad: { token: { parameter: '/nomad/drain-token' } },
    });
    world.nomad.policy('drainer', 'node { policy = "write" }\nnamespace "*" { capabilities = ["read-job"] }');
    const token = world.nomad.token({ policies: ['drainer'] });
    world.aws.putParameter('/nomad/drain-token', token, 'SecureString');
    const builders = Array.from({ length: BUILDERS }, () => world.addBuilder());
    return new Play(world, builders, [token, world.nomad.managementToken]);
  }

  async step(step: Step): Promise<void> {
    await this.#do(step);
    this.#check();
  }

  /** The faults end, and the schedule runs on: everybody who waits is let go. */
  async end(): Promise<void> {
    this.#heal();
    await this.#world.coldStart();
    for (let minute = 0; minute < 40 && this.#world.aws.waiting.length > 0; minute++) await this.#minute();
    this.#check();
    expect(this.#world.aws.waiting, 'every waiting instance is let go in the end').toEqual([]);
  }

  close(): Promise<void> {
    return this.#world.close();
  }

  async #do(step: Step): Promise<void> {
    const world = this.#world;
    const builder = 'builder' in step ? this.#builders[step.builder] : undefined;
    const { instanceId = '', nodeId = '' } = builder ?? {};
    switch (step.what) {
      case 'scale-in':
        if (world.aws.instance(instanceId).state !== 'InService') return;
        this.#leaving.set(instanceId, world.clock.now());
        world.aws.deliver = () => ({ 'in time': [0], twice: [0, 500], late: [200 * SECOND], lost: [] })[step.event];
        return world.scaleIn(instanceId);
      case 'build':
        // The scheduler places nothing on a node that drains or is down.
        if (world.nomad.node(nodeId).SchedulingEligibility !== 'eligible' || this.#doomed.has(nodeId)) return;
        world.nomad.run({ id: `build-${this.#builds++}`, type: 'batch', on: nodeId, runSeconds: step.seconds });
        return;
      case 'pass':
        return this.#pass(step.seconds * SECOND);
      case 'deliver':
        if (step.backwards) world.events.reverse();
        for (const event of world.events.splice(0)) await this.#wake(event);
        return;
      case 'sweep':
        return this.#wake(SWEEP);
      case 'two sweeps':
        await Promise.all([this.#wake(SWEEP), this.#wake(SWEEP)]);
        return;
      case 'killed run':
        this.#cutOffAfter(step.afterRequests);
        await this.#wake(SWEEP);
        this.#heal();
        this.#coldStarts += 1;
        return world.coldStart();
      case 'stray event':
        return this.#wake(strayEvent(instanceId));
      case 'cancel drain':
        return this.#operate(nodeId, 'drain', { DrainSpec: null, MarkEligible: step.eligible });
      case 'mark ineligible':
        return this.#operate(nodeId, 'eligibility', { Eligibility: 'ineligible' });
      case 'instance dies':
        if (world.aws.instance(instanceId).ec2State !== 'running') return;
        this.#doomed.add(nodeId);
        if (!this.#leaving.has(instanceId)) this.#leaving.set(instanceId, world.clock.now());
        world.aws.terminate(instanceId);
        return;
      case 'client dies':
        this.#doomed.add(nodeId);
        world.nomad.stopClient(nodeId);
        return;
      case 'Nomad fails':
        world.nomad.server.fault = failing(step.requests, nomadFault(step.how));
        return;
      case 'Auto Scaling fails':
        world.aws.servers.autoScaling.fault = failing(step.requests, autoScalingFault(step.how));
    }
  }

  /** Time passes as it does in the world: with a sweep on every full minute, whatever else the story does. */
  async #pass(ms: number): Promise<void> {
    const end = this.#world.clock.now() + ms;
    while (this.#world.clock.now() < end) await this.#minute(end);
  }

  async #minute(end = Number.POSITIVE_INFINITY): Promise<void> {
    const { clock } = this.#world;
    const next = (Math.floor(clock.now() / MINUTE) + 1) * MINUTE;
    await this.#world.advance(Math.min(end, next) - clock.now());
    if (clock.now() >= next) await this.#wake(SWEEP);
  }

  /** A run may fail, as it must where it cannot serve somebody; what it says is looked at like its log. */
  async #wake(event: unknown): Promise<void> {
    await this.#world.wake(event).catch((error: Error) => {
      this.#world.log.push({ level: 'error', message: `${error.message} ${error.stack}` });
    });
  }

  async #operate(nodeId: string, path: string, body: object): Promise<void> {
    const { nomad } = this.#world;
    const fault = nomad.server.fault;
    nomad.server.fault = undefined;
    const headers = { 'X-Nomad-Token': nomad.managementToken };
    await fetch(`${nomad.url}/v1/node/${nodeId}/${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    nomad.server.fault = fault;
  }

  /** The run dies at a request: this one and all later ones of it reach nobody. */
  #cutOffAfter(requests: number): void {
    let left = requests;
    const cut = () => (left-- > 0 ? undefined : 'hang-up');
    for (const server of [this.#world.nomad.server, ...Object.values(this.#world.aws.servers)]) server.fault = cut;
  }

  #heal(): void {
    for (const server of [this.#world.nomad.server, ...Object.values(this.#world.aws.servers)])
      server.fault = undefined;
  }

  /** What is true at every moment. */
  #check(): void {
    const { aws, nomad, log, killedBuilds } = this.#world;
    const lost = killedBuilds.filter(({ nodeId }) => !this.#doomed.has(nodeId));
    expect(lost, 'no build is killed by us').toEqual([]);
    for (const { by, instanceId } of aws.completions) {
      expect(by, `the hook of ${instanceId} never lapses`).toBe('call');
    }
    for (const { instanceId, nodeId } of this.#builders) {
      const drainedByUs = nomad.state.nodes.get(nodeId)?.LastDrain?.Meta?.drained_by === 'nomad-drain-hook';
      if (drainedByUs)
        expect(this.#leaving.has(instanceId), `${instanceId} was drained because it has to go`).toBe(true);
    }
    for (const [instanceId, since] of this.#leaving) {
      const beats = aws.heartbeats.filter((heartbeat) => heartbeat.instanceId === instanceId).length;
      const slots = (this.#world.clock.now() - since) / ((HEARTBEAT_TIMEOUT * 1000) / 3);
      // One for each slot that has begun, those cut at both ends too; a cold start forgets which of them it has served.
      const most = Math.ceil(slots) + 2 + this.#coldStarts;
      expect(beats, `heartbeats of ${instanceId}`).toBeLessThanOrEqual(most);
    }
    const written = JSON.stringify(log);
    for (const secret of this.#secrets) expect(written.includes(secret), 'no secret is written down').toBe(false);
  }
}

/** An event that Auto Scaling has not sent. */
const strayEvent = (instanceId: string) => ({
  source: 'aws.autoscaling',
  'detail-type': 'EC2 Instance-terminate Lifecycle Action',
  detail: {
    AutoScalingGroupName: 'builders',
    LifecycleHookName: 'nomad-drain',
    EC2InstanceId: instanceId,
    LifecycleTransition: 'autoscaling:EC2_INSTANCE_TERMINATING',
  },
});

/** The first requests are answered so, and then all is well again. */
function failing(requests: number, answer: EmulatorResponse | 'hang-up') {
  let left = requests;
  return () => (left-- > 0 ? answer : undefined);
}

function nomadFault(how: NomadFault): EmulatorResponse | 'hang-up' {
  if (how === 'hang-up') return how;
  if (how === 'garbage') return { status: 200, body: '<html>' };
  return { status: how, body: how === 403 ? 'Permission denied' : 'no' };
}

const autoScalingFault = (code: string): EmulatorResponse => ({
  status: code === 'Throttling' ? 400 : 500,
  headers: { 'Content-Type': 'text/xml' },
  body: `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>Rate exceeded</Message></Error></ErrorResponse>`,
});
