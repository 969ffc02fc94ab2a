import type { LifecycleAction } from '../../emulators/aws/auto-scaling/lifecycle-actions.ts';
import { MINUTE, SWEEP } from '../../emulators/world/world.ts';
import { LAUNCHING_HOOK } from '../../emulators/world/world-options.ts';
import { type Builder, type Cast, released } from './cast.ts';
import type { Step } from './steps.ts';

/** Where a story is played: wakes the function, and lets time pass as in production. */
export class Stage {
  readonly cast: Cast;

  constructor(cast: Cast) {
    this.cast = cast;
  }

  /** A run may fail, and has to if it cannot serve an instance; its error is checked like its log. */
  async wake(event: unknown): Promise<void> {
    const { world, memory } = this.cast;
    if (memory === 'cold') await this.coldStart();
    await world.wake(event).catch((error: Error) => {
      world.log.push({ level: 'error', message: `${error.message} ${error.stack}` });
    });
  }

  /** At once: in one environment that stays warm, or each in its own. */
  async wakeTwice(event: unknown): Promise<void> {
    const { world, memory } = this.cast;
    if (memory === 'warm') return void (await Promise.all([this.wake(event), this.wake(event)]));
    const other = await world.environment();
    await Promise.all([this.wake(event), world.wake(event, other).catch(() => {})]);
  }

  async coldStart(): Promise<void> {
    this.cast.forgotten += 1;
    this.cast.remembersSince = this.cast.world.clock.now();
    await this.cast.world.coldStart();
  }

  /** With a sweep on every full minute, whatever else the story does. */
  async pass(ms: number): Promise<void> {
    const end = this.cast.world.clock.now() + ms;
    while (this.cast.world.clock.now() < end) await this.minute(end);
  }

  async minute(end = Number.POSITIVE_INFINITY): Promise<void> {
    const { world } = this.cast;
    const next = (Math.floor(world.clock.now() / MINUTE) + 1) * MINUTE;
    await world.advance(Math.min(end, next) - world.clock.now());
    if (world.clock.now() >= next) await this.wake(SWEEP);
  }

  async sweepWhile(condition: () => boolean, minutes: number): Promise<void> {
    for (let minute = 0; minute < minutes && condition(); minute++) await this.minute();
  }

  /** The waits that have to end: on what replaces an instance no agent ever registers, and the story is not about it. */
  get waiting(): readonly LifecycleAction[] {
    const { world, builders } = this.cast;
    const isOurs = (id: string) => builders.some(({ instanceId }) => instanceId === id);
    return world.aws.waiting.filter(({ hook, instanceId }) => hook.name !== LAUNCHING_HOOK.name || isOurs(instanceId));
  }

  /** An operator, or another tool, asks Nomad for something. */
  async ask(method: 'POST' | 'PUT' | 'DELETE', path: string, body?: object): Promise<void> {
    const { nomad } = this.cast.world;
    const { fault } = nomad.server;
    const { hollow } = nomad;
    nomad.server.fault = undefined;
    nomad.hollow = false;
    const headers = { 'X-Nomad-Token': nomad.managementToken };
    await fetch(`${nomad.url}/v1/${path}`, { method, headers, ...(body && { body: JSON.stringify(body) }) });
    nomad.server.fault = fault;
    nomad.hollow = hollow;
  }

  async operate(nodeId: string, path: string, body: object): Promise<void> {
    this.cast.touched.add(nodeId);
    await this.ask('POST', `node/${nodeId}/${path}`, body);
  }

  builder(index: number): Builder {
    const builder = this.cast.builders[index];
    if (!builder) throw new Error(`no builder ${index}`);
    return builder;
  }

  /** The instance runs, and its agent has not been killed for good. Without an instance its node may have been purged. */
  lives({ instanceId, nodeId }: Builder): boolean {
    const { world, doomed } = this.cast;
    const known = world.nomad.state.nodes.has(nodeId);
    return known && world.aws.instance(instanceId).ec2State === 'running' && !doomed.has(nodeId);
  }

  /** The scheduler places work there, and the instance has not been released yet: what it runs would be lost with it. */
  takesWork(builder: Builder): boolean {
    const { cast } = this;
    const { world, away } = cast;
    const { instanceId, nodeId } = builder;
    if (!this.lives(builder) || away.has(nodeId) || released(cast, instanceId)) return false;
    const { SchedulingEligibility, Status } = world.nomad.node(nodeId);
    return SchedulingEligibility === 'eligible' && Status === 'ready';
  }

  /** What a step finds of its instance: if that is not the same, the story is another one from then on. */
  found(step: Step): string {
    if (!('builder' in step)) return '';
    const { cast } = this;
    const { world } = cast;
    const { instanceId, nodeId } = this.builder(step.builder);
    const { state, ec2State } = world.aws.instance(instanceId);
    const node = world.nomad.state.nodes.get(nodeId);
    const drain = node?.LastDrain?.Status;
    return [state, ec2State, node?.Status, node?.SchedulingEligibility, drain, released(cast, instanceId)?.by].join();
  }

  /** No fault is left, and the agents that were away are back. */
  heal(): void {
    const { world, away, builders } = this.cast;
    for (const server of [world.nomad.server, ...Object.values(world.aws.servers)]) server.fault = undefined;
    world.nomad.hollow = false;
    for (const builder of builders) {
      if (this.lives(builder) && away.delete(builder.nodeId)) world.nomad.startClient(builder.nodeId);
    }
  }
}
