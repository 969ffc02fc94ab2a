import type { Clock, EpochMs } from '../../core/model/clock.ts';
import type { IneligibleNode } from '../../core/ports.ts';
import type { NodesAnswer, NomadApi } from '../api.ts';
import { type NodeStub, ourRecord } from '../json/node.ts';
import { recordedInstance } from './identity.ts';

/** Every node that is drained or being drained. Nodes that are down stay in Nomad for a day: they are looked up one by one. */
const FLEET = 'SchedulingEligibility == "ineligible" and Status != "down"';

/** The drained nodes of the whole fleet: one question for all of them, and another that Nomad answers when one changes. */
export class DrainedNodes {
  readonly #nomad: NomadApi;
  readonly #clock: Clock;
  readonly #deployment: string;
  #byId = new Map<string, NodeStub>();
  #ofInstance = new Map<string, NodeStub[]>();
  #byUs: IneligibleNode[] = [];
  #index: string | undefined;
  /** Which nodes there are, each with the index of its last change. */
  #version = '';
  readonly #pace = new Pace();
  /** Nomad has just told of a change: its answer is that of the next question. */
  #told = false;

  /**
   * @param clock the clock of the run
   * @param deployment whose drains are ours
   */
  constructor(nomad: NomadApi, clock: Clock, deployment: string) {
    this.#nomad = nomad;
    this.#clock = clock;
    this.#deployment = deployment;
  }

  /** Asks Nomad, unless it has just told. @throws NomadError */
  async ask(): Promise<void> {
    const told = this.#told;
    this.#told = false;
    if (told) return;
    this.#index = undefined;
    this.#note(await this.#nomad.nodes(FLEET));
  }

  /** Whether {@link changed} resolves at once when a node changes; else only after its time. */
  get tellsChanges(): boolean {
    return this.#index !== undefined;
  }

  /**
   * Resolves when a node changes, after `ms` milliseconds at the latest.
   * @param untilDue how long until what a client reports of its allocations, of whatever node, is worth a pass, in milliseconds
   */
  async changed(ms: number, untilDue: () => number): Promise<void> {
    const end = this.#clock.now() + ms;
    let reported = false;
    for (;;) {
      const left = Math.min(end - this.#clock.now(), reported ? untilDue() : ms);
      if (left <= 0) return;
      if (this.#index === undefined) return this.#clock.sleep(left);
      const rest = Math.min(left, this.#pace.next(this.#clock.now()));
      if (rest > 0) await this.#clock.sleep(rest);
      const answer = await this.#nomad.changed(FLEET, this.#index, left - rest);
      if (!answer) return;
      const [version, index] = [this.#version, this.#index];
      this.#note(answer);
      reported ||= this.#index !== index;
      this.#told = this.#version !== version || (reported && untilDue() <= 0);
      if (this.#told) return;
    }
  }

  /** The node with this id, if it is drained. */
  node(id: string): NodeStub | undefined {
    return this.#byId.get(id);
  }

  /** The nodes whose drain names this instance. */
  ofInstance(instanceId: string): readonly NodeStub[] {
    return this.#ofInstance.get(instanceId) ?? [];
  }

  /** The nodes whose drain is ours. */
  get byUs(): readonly IneligibleNode[] {
    return this.#byUs;
  }

  #note({ nodes, index }: NodesAnswer): void {
    this.#byId = new Map(nodes.map((node) => [node.ID, node]));
    this.#ofInstance = new Map();
    this.#byUs = [];
    for (const node of nodes) {
      const named = recordedInstance(node);
      if (named === undefined) continue;
      this.#ofInstance.set(named, [...(this.#ofInstance.get(named) ?? []), node]);
      const record = ourRecord(node, this.#deployment);
      if (record === undefined) continue;
      const { instanceId, restoreAt } = record;
      const since = Date.parse(node.LastDrain?.StartedAt ?? '') - (this.#nomad.skewMs ?? 0);
      const times = { since, ...(restoreAt !== undefined && { restoreAt }) };
      this.#byUs.push({ nodeId: node.ID, instanceId, how: 'drain', ...times });
    }
    this.#index = index;
    this.#version = nodes.map(({ ID, ModifyIndex }) => `${ID} ${ModifyIndex}`).join();
  }
}

/** How many queries may follow each other at once; after them, one every `EACH_MS` milliseconds. */
const BURST = 20;
const EACH_MS = 1_000;

/**
 * How fast blocking queries may follow each other. Nomad answers one on nodes whenever a client tells anything of its allocations:
 * in a quiet cluster every answer is processed at once; in a busy one the server would be queried without a pause.
 */
class Pace {
  /** When the questions until now would all have been asked, one each {@link EACH_MS}. */
  #paidUntil: EpochMs = 0;

  /** Counts a question. @returns how long to wait before it, in milliseconds */
  next(now: number): number {
    this.#paidUntil = Math.max(this.#paidUntil, now - BURST * EACH_MS) + EACH_MS;
    return Math.max(0, this.#paidUntil - now);
  }
}
