import { expect } from 'vitest';
import { MINUTE, SECOND, SWEEP, World } from '../e2e/world.ts';
import type { EmulatorResponse, Fault } from '../emulators/server.ts';
import { BUILDERS, type Ending, type NomadFault, type Step, type Story } from './steps.ts';

const HEARTBEAT_TIMEOUT = 900;
/** Longer than any story: a build that is killed in one was killed by us. */
const POLICY = { deadlineSeconds: 7200, killMarginSeconds: 120, graceSeconds: 60 };

interface Builder {
  instanceId: string;
  nodeId: string;
}

/** Plays a story to its end. @throws what is not as it must be, as soon as it is not */
export async function play({ steps, ending }: Story): Promise<void> {
  const stage = await Play.start();
  try {
    for (const step of steps) await stage.step(step);
    await stage.end(ending);
  } finally {
    await stage.close();
  }
}

/** A story as it is played, with what must be true all along. */
class Play {
  readonly #world: World;
  readonly #builders: Builder[];
  readonly #secrets: string[];
  /** Builders whose machine or client the story has killed: their builds are lost, and not by us. */
  readonly #doomed = new Set<string>();
  readonly #leaving = new Map<string, number>();
  #builds = 0;
  /** Cold starts and clocks set back: after each, a slot may be served again. */
  #forgotten = 0;

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

  /** The schedule runs on, and everybody who waits is let go. */
  async end(ending: Ending): Promise<void> {
    this.#heal();
    await this.#coldStart();
    if (ending.how === 'Nomad stays away') return this.#endWithoutNomad();
    if (ending.how === 'one stays sick') await this.#serveAllBut(this.#builder(ending.builder), ending.answer);
    await this.#sweepWhile(() => this.#world.aws.waiting.length > 0, 40);
    this.#check();
    expect(this.#world.aws.waiting, 'every waiting instance is let go in the end').toEqual([]);
  }

  /** Nobody hears of builds any more: the instances are let go when their time is up, and not before. */
  async #endWithoutNomad(): Promise<void> {
    const { aws, nomad } = this.#world;
    const before = aws.completions.length;
    nomad.server.fault = () => 'hang-up';
    await this.#sweepWhile(() => aws.waiting.length > 0, (POLICY.deadlineSeconds + 3 * POLICY.killMarginSeconds) / 60);
    this.#check();
    expect(aws.waiting, 'every waiting instance is let go by policy').toEqual([]);
    for (const { at, instanceId } of aws.completions.slice(before)) {
      if (aws.instance(instanceId).ec2State !== 'running') continue;
      const waited = at - (this.#leaving.get(instanceId) ?? 0);
      expect(waited, `${instanceId} is kept for its whole time`).toBeGreaterThanOrEqual(
        POLICY.deadlineSeconds * SECOND,
      );
    }
  }

  async #serveAllBut({ instanceId, nodeId }: Builder, answer: 500 | 'silence'): Promise<void> {
    const { aws, nomad } = this.#world;
    nomad.server.fault = ({ url }) => {
      if (!url.pathname.includes(nodeId) && !url.search.includes(instanceId)) return undefined;
      return answer === 500 ? { status: 500, body: 'sick' } : answer;
    };
    const others = () => aws.waiting.filter((each) => each.instanceId !== instanceId);
    await this.#sweepWhile(() => others().length > 0, 40);
    this.#check();
    expect(others(), 'a failure on one instance leaves all others served').toEqual([]);
    this.#heal();
  }

  async #sweepWhile(condition: () => boolean, minutes: number): Promise<void> {
    for (let minute = 0; minute < minutes && condition(); minute++) await this.#minute();
  }

  close(): Promise<void> {
    return this.#world.close();
  }

  async #do(step: Step): Promise<void> {
    const world = this.#world;
    const { instanceId, nodeId } = this.#builder('builder' in step ? step.builder : 0);
    switch (step.what) {
      case 'scale-in':
        if (world.aws.instance(instanceId).state !== 'InService') return;
        this.#leaving.set(instanceId, world.clock.now());
        world.aws.deliver = () => ({ 'in time': [0], twice: [0, 500], late: [200 * SECOND], lost: [] })[step.event];
        return world.scaleIn(instanceId);
      case 'build':
        // The scheduler places nothing on a node that drains or is down. And who makes a node eligible whose instance has
        // been let go loses what is placed there.
        if (world.nomad.node(nodeId).SchedulingEligibility !== 'eligible' || this.#doomed.has(nodeId)) return;
        if (world.completion(instanceId)) return;
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
        this.#forgotten += 1;
        return world.killRun(SWEEP, step.afterRequests);
      case 'no sweeps':
        await world.advance(step.seconds * SECOND);
        return this.#wake(SWEEP);
      case 'the clock jumps':
        if (step.seconds < 0) this.#forgotten += 1;
        return world.clock.jump(step.seconds * SECOND);
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
        world.nomad.server.fault = failing(step.requests, this.#nomadFault(step.how));
        return;
      case 'the event bus fails':
        world.aws.servers.eventBridge.fault = failing(step.requests, () => 'hang-up');
        return;
      case 'Auto Scaling fails':
        world.aws.servers.autoScaling.fault = failing(step.requests, () => autoScalingFault(step.how));
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

  #builder(index: number): Builder {
    const builder = this.#builders[index];
    if (!builder) throw new Error(`no builder ${index}`);
    return builder;
  }

  async #coldStart(): Promise<void> {
    this.#forgotten += 1;
    await this.#world.coldStart();
  }

  #nomadFault(how: NomadFault): Fault {
    if (how === 'hang-up' || how === 'answer lost' || how === 'silence') return () => how;
    if (how === 'garbage') return () => ({ status: 200, body: '<html>' });
    if (how !== 'slow') return () => ({ status: how, body: how === 403 ? 'Permission denied' : 'no' });
    return async (request) => {
      request.park();
      await this.#world.clock.sleep(3 * SECOND);
      request.resume();
      return undefined;
    };
  }

  #heal(): void {
    for (const server of [this.#world.nomad.server, ...Object.values(this.#world.aws.servers)])
      server.fault = undefined;
  }

  /** What is true at every moment. */
  #check(): void {
    const { aws, nomad, log, told, printed, killedBuilds } = this.#world;
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
      const most = Math.ceil(slots) + 2 + this.#forgotten;
      expect(beats, `heartbeats of ${instanceId}`).toBeLessThanOrEqual(most);
    }
    const written = JSON.stringify([log, told, printed]);
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

/** The first requests fare so, and then all is well again. */
function failing(requests: number, fault: Fault): Fault {
  let left = requests;
  return (request) => (left-- > 0 ? fault(request) : undefined);
}

const autoScalingFault = (code: string): EmulatorResponse => ({
  status: code === 'Throttling' ? 400 : 500,
  headers: { 'Content-Type': 'text/xml' },
  body: `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>Rate exceeded</Message></Error></ErrorResponse>`,
});
