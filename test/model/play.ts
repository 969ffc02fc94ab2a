import { expect } from 'vitest';
import { rebalanceRecommendation, spotWarning } from '../e2e/notice-events.ts';
import { MINUTE, SECOND, SWEEP } from '../e2e/world.ts';
import { type Builder, type Cast, castOf, isAnyAwayForGood } from './cast.ts';
import { autoScalingFault, ec2Fault, failing, nomadFault, strayEvent } from './faults.ts';
import { CAP_MS, check } from './invariants.ts';
import type { BuildKind, Ending, Step, Story, Way } from './steps.ts';

/** How far away maintenance is when it is announced, in milliseconds. */
const MAINTENANCE_IN_MS = 20 * MINUTE;

/** Plays a story to its end. @throws the invariant that is violated, as soon as it is */
export async function play(story: Story): Promise<void> {
  const cast = await castOf(story);
  const stage = new Play(cast);
  try {
    for (const step of story.steps) await stage.step(step);
    await stage.end(story.ending);
  } finally {
    await cast.world.close();
  }
}

/** A story as it is played. */
class Play {
  readonly #cast: Cast;
  #builds = 0;

  constructor(cast: Cast) {
    this.#cast = cast;
  }

  async step(step: Step): Promise<void> {
    await this.#do(step);
    check(this.#cast);
  }

  /** Ends all faults and goes on with the schedule: every waiting instance must be released. */
  async end(ending: Ending): Promise<void> {
    this.#heal();
    await this.#coldStart();
    const { aws } = this.#cast.world;
    if (ending.how === 'Nomad stays away') return this.#endWithoutNomad();
    if (ending.how === 'one stays sick') await this.#serveAllBut(this.#builder(ending.builder), ending.answer);
    await this.#sweepWhile(() => aws.waiting.length > 0, 40);
    // Builds that Nomad keeps as unknown for an agent that never comes back hold the instance to the deadline and its margins.
    if (isAnyAwayForGood(this.#cast)) await this.#sweepWhile(() => aws.waiting.length > 0, 140);
    check(this.#cast);
    expect(aws.waiting, 'every waiting instance is released in the end').toEqual([]);
    await this.#sweepWhile(() => this.#leftIneligible().length > 0, 45);
    expect(this.#leftIneligible(), 'what stays in service is made eligible again').toEqual([]);
  }

  /** Nodes that we have made ineligible, and nobody else, though their instances are in service after all. */
  #leftIneligible(): string[] {
    const { world, touched, doomed, builders } = this.#cast;
    return builders
      .filter(({ nodeId }) => !touched.has(nodeId) && !doomed.has(nodeId) && world.nomad.state.nodes.has(nodeId))
      .filter(({ instanceId }) => world.aws.instance(instanceId).state === 'InService')
      .filter(({ instanceId }) => world.aws.instance(instanceId).ec2State === 'running')
      .filter(({ nodeId }) => world.nomad.node(nodeId).SchedulingEligibility === 'ineligible')
      .map(({ nodeId }) => nodeId);
  }

  /** Nomad never answers again: the instances are released just before Auto Scaling's cap, and not earlier. */
  async #endWithoutNomad(): Promise<void> {
    const { world, leaving } = this.#cast;
    const before = world.aws.completions.length;
    world.nomad.server.fault = () => 'hang-up';
    const end = world.clock.now() + CAP_MS;
    while (world.aws.waiting.length > 0 && world.clock.now() < end) {
      const capAt = Math.min(...world.aws.waiting.map(({ globalExpiresAt }) => globalExpiresAt));
      // Every other sweep is skipped, to save time, except the last ones.
      const minutes = capAt - world.clock.now() > 5 * MINUTE ? 2 : 1;
      await world.advance(minutes * MINUTE - (world.clock.now() % MINUTE));
      await this.#wake(SWEEP);
    }
    check(this.#cast);
    expect(world.aws.waiting, 'every waiting instance is released by policy').toEqual([]);
    for (const { at, instanceId } of world.aws.completions.slice(before)) {
      if (world.aws.instance(instanceId).ec2State !== 'running') continue;
      const waited = at - (leaving.get(instanceId) ?? 0);
      expect(waited, `${instanceId} is kept for its whole time`).toBeGreaterThanOrEqual(CAP_MS - 4 * MINUTE);
    }
  }

  async #serveAllBut({ instanceId, nodeId }: Builder, answer: 500 | 'silence'): Promise<void> {
    const { aws, nomad } = this.#cast.world;
    nomad.server.fault = ({ url }) => {
      if (!url.pathname.includes(nodeId) && !url.search.includes(instanceId)) return undefined;
      return answer === 500 ? { status: 500, body: 'sick' } : answer;
    };
    const others = () => aws.waiting.filter((each) => each.instanceId !== instanceId);
    await this.#sweepWhile(() => others().length > 0, 40);
    if (isAnyAwayForGood(this.#cast)) await this.#sweepWhile(() => others().length > 0, 140);
    check(this.#cast);
    expect(others(), 'a failure on one instance leaves all others served').toEqual([]);
    this.#heal();
  }

  async #sweepWhile(condition: () => boolean, minutes: number): Promise<void> {
    for (let minute = 0; minute < minutes && condition(); minute++) await this.#minute();
  }

  async #do(step: Step): Promise<void> {
    const { world, leaving, doomed, away } = this.#cast;
    const builder = this.#builder('builder' in step ? step.builder : 0);
    const { instanceId, nodeId } = builder;
    switch (step.what) {
      case 'scale-in':
        if (world.aws.instance(instanceId).state !== 'InService') return;
        this.#leaves(instanceId);
        world.aws.deliver = () => ({ 'in time': [0], twice: [0, 500], late: [200 * SECOND], lost: [] })[step.event];
        return world.scaleIn(instanceId);
      case 'build':
        return this.#build(builder, step.seconds, step.kind);
      case 'system job':
        world.nomad.run({ id: `system-${this.#builds++}`, type: 'system' });
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
        this.#cast.forgotten += 1;
        return world.killRun(SWEEP, step.afterRequests);
      case 'no sweeps':
        await world.advance(step.seconds * SECOND);
        return this.#wake(SWEEP);
      case 'the clock jumps':
        if (step.seconds < 0) this.#cast.forgotten += 1;
        return world.clock.jump(step.seconds * SECOND);
      case 'stray event':
        return this.#wake(strayEvent(instanceId));
      case 'cancel drain':
        return this.#operate(nodeId, 'drain', { DrainSpec: null, MarkEligible: step.eligible });
      case 'mark ineligible':
        return this.#operate(nodeId, 'eligibility', { Eligibility: 'ineligible' });
      case 'another tool drains': {
        // Once the instance is released it is too late for more time.
        if (world.completion(instanceId)) return;
        const DrainSpec = { Deadline: step.seconds * 1e9, IgnoreSystemJobs: step.ignoreSystemJobs };
        return this.#operate(nodeId, 'drain', { DrainSpec, Meta: { drained_by: 'another tool' } });
      }
      case 'Spot interruption':
        return this.#interrupt(builder, step);
      case 'rebalance recommendation':
        if (world.aws.instance(instanceId).ec2State !== 'running') return;
        this.#cast.noticed.add(instanceId);
        return this.#wake(rebalanceRecommendation(instanceId, world));
      case 'maintenance': {
        if (world.aws.instance(instanceId).ec2State !== 'running') return;
        this.#cast.noticed.add(instanceId);
        world.aws.deliver = () => (step.event === 'lost' ? [] : [0]);
        const code = 'AWS_EC2_INSTANCE_REBOOT_MAINTENANCE_SCHEDULED';
        world.aws.scheduleMaintenance([instanceId], { code, startTime: world.clock.now() + MAINTENANCE_IN_MS });
        return;
      }
      case 'another way':
        return this.#leaveBy(step.how, instanceId);
      case 'instance dies':
        if (world.aws.instance(instanceId).ec2State !== 'running') return;
        doomed.add(nodeId);
        if (!leaving.has(instanceId)) leaving.set(instanceId, world.clock.now());
        world.aws.terminate(instanceId);
        return;
      case 'client dies':
        if (!world.nomad.state.nodes.has(nodeId)) return;
        doomed.add(nodeId);
        world.nomad.stopClient(nodeId);
        return;
      case 'agent goes away':
        if (!this.#lives(builder) || away.has(nodeId)) return;
        away.add(nodeId);
        world.nomad.stopClient(nodeId);
        return;
      case 'agent comes back':
        if (this.#lives(builder) && away.delete(nodeId)) world.nomad.startClient(nodeId);
        return;
      case 'agent comes back as another':
        if (!this.#lives(builder)) return;
        doomed.add(nodeId);
        away.delete(nodeId);
        builder.nodeId = world.newIdentity(instanceId);
        return;
      case 'Nomad is away':
        world.nomad.server.fault = () => 'hang-up';
        await this.#pass(step.seconds * SECOND);
        world.nomad.server.fault = undefined;
        return;
      case 'Nomad fails':
        world.nomad.server.fault = failing(step.requests, nomadFault(step.how, world.clock));
        return;
      case 'the event bus fails':
        world.aws.servers.eventBridge.fault = failing(step.requests, () => 'hang-up');
        return;
      case 'Auto Scaling fails':
        world.aws.servers.autoScaling.fault = failing(step.requests, () => autoScalingFault(step.how));
        return;
      case 'EC2 fails':
        world.aws.servers.ec2.fault = failing(step.requests, () => ec2Fault(step.how));
    }
  }

  #leaves(instanceId: string): void {
    const { leaving, world } = this.#cast;
    if (!leaving.has(instanceId)) leaving.set(instanceId, world.clock.now());
  }

  #leaveBy(how: Way, instanceId: string): void {
    const { aws } = this.#cast.world;
    const { state } = aws.instance(instanceId);
    if (how === 'back from standby' && state === 'Standby') aws.exitStandby(instanceId);
    if (how === 'back from standby' || state !== 'InService') return;
    aws.deliver = () => [0];
    if (how === 'standby') aws.standby(instanceId);
    if (how === 'detach') aws.detach(instanceId);
    if (how === 'refresh') aws.refresh(instanceId);
    if (how === 'lifetime') aws.exceedLifetime(instanceId);
    if (how === 'zones') aws.rebalanceZones(instanceId);
    if (how === 'root volume') aws.replaceRootVolume(instanceId);
  }

  /** EC2 warns, or its warning is lost, and ends the instance two minutes later, whatever else happens. */
  async #interrupt(
    { instanceId, nodeId }: Builder,
    { action, event }: Step & { what: 'Spot interruption' },
  ): Promise<void> {
    const { world, interrupted, noticed } = this.#cast;
    if (interrupted.has(nodeId) || world.aws.instance(instanceId).ec2State !== 'running') return;
    interrupted.set(nodeId, world.clock.now());
    noticed.add(instanceId);
    const warning = spotWarning(instanceId, world, action);
    if (event === 'late') world.clock.after(60 * SECOND, () => world.events.push(warning));
    world.clock.after(120 * SECOND, () => {
      if (world.aws.instance(instanceId).ec2State !== 'running') return;
      if (!this.#cast.leaving.has(instanceId)) this.#cast.leaving.set(instanceId, world.clock.now());
      world.aws.terminate(instanceId);
    });
    if (event === 'in time') await this.#wake(warning);
  }

  /** The scheduler places nothing on a node that drains or is down; and a build on a released instance would be lost with it. */
  #build(builder: Builder, seconds: number, kind: BuildKind): void {
    const { world, away, version } = this.#cast;
    const { instanceId, nodeId } = builder;
    if (!world.nomad.state.nodes.has(nodeId)) return;
    const { SchedulingEligibility, Status } = world.nomad.node(nodeId);
    if (SchedulingEligibility !== 'eligible' || Status !== 'ready' || away.has(nodeId)) return;
    if (!this.#lives(builder) || world.completion(instanceId)) return;
    world.nomad.run({
      id: `build-${this.#builds++}`,
      type: 'batch',
      on: nodeId,
      runSeconds: seconds,
      ...(kind === 'fails and uploads' && { exitCode: 1, poststopSeconds: seconds }),
      ...(kind === 'outlives its agent' &&
        (version === '1.8.4' ? { preventRescheduleOnLost: true } : { lostAfterSeconds: 1200 })),
    });
  }

  /** The instance runs, and its agent has not been killed for good. Without an instance its node may have been purged. */
  #lives({ instanceId, nodeId }: Builder): boolean {
    const { world, doomed } = this.#cast;
    const known = world.nomad.state.nodes.has(nodeId);
    return known && world.aws.instance(instanceId).ec2State === 'running' && !doomed.has(nodeId);
  }

  /** Time passes as in production: with a sweep on every full minute, whatever else the story does. */
  async #pass(ms: number): Promise<void> {
    const end = this.#cast.world.clock.now() + ms;
    while (this.#cast.world.clock.now() < end) await this.#minute(end);
  }

  async #minute(end = Number.POSITIVE_INFINITY): Promise<void> {
    const { world } = this.#cast;
    const next = (Math.floor(world.clock.now() / MINUTE) + 1) * MINUTE;
    await world.advance(Math.min(end, next) - world.clock.now());
    if (world.clock.now() >= next) await this.#wake(SWEEP);
  }

  /** A run may fail, and has to if it cannot serve an instance; its error is checked like its log. */
  async #wake(event: unknown): Promise<void> {
    const { world } = this.#cast;
    await world.wake(event).catch((error: Error) => {
      world.log.push({ level: 'error', message: `${error.message} ${error.stack}` });
    });
  }

  async #operate(nodeId: string, path: string, body: object): Promise<void> {
    this.#cast.touched.add(nodeId);
    const { nomad } = this.#cast.world;
    const fault = nomad.server.fault;
    nomad.server.fault = undefined;
    const headers = { 'X-Nomad-Token': nomad.managementToken };
    await fetch(`${nomad.url}/v1/node/${nodeId}/${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    nomad.server.fault = fault;
  }

  #builder(index: number): Builder {
    const builder = this.#cast.builders[index];
    if (!builder) throw new Error(`no builder ${index}`);
    return builder;
  }

  async #coldStart(): Promise<void> {
    this.#cast.forgotten += 1;
    await this.#cast.world.coldStart();
  }

  /** No fault is left, and the agents that were away are back. */
  #heal(): void {
    const { world, away, builders } = this.#cast;
    for (const server of [world.nomad.server, ...Object.values(world.aws.servers)]) server.fault = undefined;
    for (const builder of builders) {
      if (this.#lives(builder) && away.delete(builder.nodeId)) world.nomad.startClient(builder.nodeId);
    }
  }
}
