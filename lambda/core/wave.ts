import pMap from 'p-map';
import { messageOf } from './message-of.ts';
import { nodesOf } from './observation.ts';
import { type Ports, UNKNOWN } from './ports.ts';
import type { Progress } from './progress.ts';

/** How long drains wait for each other, in milliseconds: a node that does not answer holds up no other for longer. */
const TOGETHER_MS = 2_000;
/** Nodes made ineligible, and drains started, at once. */
const CONCURRENCY = 8;

/** What was decided about one instance, and is yet to be carried out. */
export type Decided = Pick<Progress, 'termination' | 'seen' | 'decision'>;

/** Whether a drain is about to start that may move services onto the nodes that are next. */
export const startsDrain = ({ termination, decision }: Decided): boolean =>
  decision.action === 'start-drain' && decision.order.how === 'start' && termination.state.startsWith('Terminating');

/**
 * Drains that start in one pass. First all their nodes are made ineligible, and then the drains start: one after the other, each
 * would move its services onto the node that is next, and that one again.
 */
export class Wave {
  readonly #ports: Ports;
  /** The run serves one instance alone: the others that go with it have runs of their own. */
  readonly #alone: boolean;
  readonly #start: (decided: Decided) => Promise<void>;
  readonly #held: Decided[] = [];
  /** A while after the first drain was held. */
  readonly #soon = Promise.withResolvers<void>();
  #started = false;

  constructor(ports: Ports, size: number, start: (decided: Decided) => Promise<void>) {
    this.#ports = ports;
    this.#alone = size === 1;
    this.#start = start;
  }

  /** Starts this drain together with the others, or at once where those have started. */
  async join(decided: Decided): Promise<void> {
    await (this.#alone ? this.#holdOffOthers() : this.#holdOff(decided));
    if (this.#started) return this.#start(decided);
    if (this.#held.push(decided) > 1) return;
    const { resolve } = this.#soon;
    void this.#ports.clock.sleep(TOGETHER_MS).then(resolve, resolve);
  }

  /** Starts the drains once all instances have been decided about, or soon. Resolves when that is done too. */
  async startWith(all: Promise<unknown>): Promise<void> {
    // Whether one has failed is seen below.
    await Promise.race([all.catch(() => {}), this.#soon.promise]);
    this.#started = true;
    await Promise.all([all, pMap(this.#held, this.#start, { concurrency: CONCURRENCY })]);
  }

  /** Never throws: what a node does not take is said by its drain. */
  async #holdOff({ termination, seen, decision }: Decided): Promise<void> {
    const { instanceId, group } = termination;
    if (!(await this.#ports.terminations.waitsForUs(termination).catch(() => false))) return;
    const ids = 'nodeIds' in decision ? decision.nodeIds : [];
    for (const { id } of nodesOf(seen).filter((node) => node.eligible && ids.includes(node.id))) {
      await this.#ports.takenNodes
        .holdOff(id)
        .catch((error) => this.#mayMove({ instanceId, nodeId: id, group }, error));
    }
  }

  /** Never throws. */
  async #holdOffOthers(): Promise<void> {
    const { terminations, takenNodes } = this.#ports;
    try {
      const others = await terminations.alsoGoing();
      const nodeIds = others.length > 0 ? await takenNodes.eligibleNodesOf(others) : [];
      await pMap(nodeIds, (nodeId) => takenNodes.holdOff(nodeId), { concurrency: CONCURRENCY });
    } catch (error) {
      this.#mayMove({ nodeId: UNKNOWN }, error);
    }
  }

  #mayMove(fields: object, error: unknown): void {
    this.#ports.journal.warn('services may be moved onto a node that goes too', {
      ...fields,
      because: messageOf(error),
    });
  }
}
