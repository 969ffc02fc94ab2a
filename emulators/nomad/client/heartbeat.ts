import type { Servers } from '../api/http.ts';
import type { Node } from '../model.ts';
import { seconds } from '../nodes.ts';
import { disconnectOf, expired } from './away.ts';

/** From a disconnected client's return to its being ready, and from any return to its allocations' being told. */
const INITIALIZING_MS = 1000;
const UPDATE_MS = 1000;

/** The servers' view of a client that no longer answers, and of one that answers again. */
export class Heartbeats {
  readonly #servers: Servers;
  readonly #timers = new Map<string, (() => void)[]>();

  constructor(servers: Servers) {
    this.#servers = servers;
  }

  /** The first one after a registration: the node is ready. */
  first(node: Node): void {
    this.#setStatus(node, 'ready', undefined);
    this.#servers.scheduler.nodeChanged(node);
  }

  stopped(node: Node): void {
    this.#cancel(node);
    this.#expectWithin(node, this.#servers.heartbeatTtlMs);
  }

  resumed(node: Node): void {
    this.#cancel(node);
    const { state, scheduler } = this.#servers;
    if (node.Status === 'disconnected') {
      // It has to tell how its allocations are before it is ready.
      this.#setStatus(node, 'initializing', undefined);
      this.#later(node, INITIALIZING_MS, () => {
        this.#setStatus(node, 'ready', undefined);
        scheduler.nodeChanged(node);
      });
    } else if (node.Status === 'down') {
      this.#setStatus(node, 'ready', 'Node reregistered by heartbeat');
      scheduler.nodeChanged(node);
    }
    this.#later(node, UPDATE_MS, () => {
      const client = this.#servers.clients.get(node.ID);
      if (!client?.powered) return;
      client.reconnect();
      // Once its allocations have reported, replacements that are not needed any more are stopped.
      state.clock.after(500, () => scheduler.nodeChanged(node));
    });
  }

  #expectWithin(node: Node, ms: number): void {
    this.#later(node, ms, () => this.#missed(node));
  }

  #later(node: Node, ms: number, callback: () => void): void {
    const timers = this.#timers.get(node.ID) ?? [];
    this.#timers.set(node.ID, timers);
    timers.push(this.#servers.state.clock.after(ms, callback));
  }

  #cancel(node: Node): void {
    for (const cancel of this.#timers.get(node.ID)?.splice(0) ?? []) cancel();
  }

  /**
   * A node whose allocations may outlive its silence is disconnected, and down when none may any more: those that have
   * ended count too, as Nomad looks at what is desired.
   */
  #missed(node: Node): void {
    const { state, scheduler, heartbeatTtlMs } = this.#servers;
    if (state.nodes.get(node.ID) !== node) return;
    const now = state.now();
    const awaited = state
      .allocationsOn(node.ID)
      .filter((allocation) => allocation.DesiredStatus === 'run' && !expired(allocation, state.version, now))
      .some((allocation) => disconnectOf(allocation, state.version).lostAfterMs > 0);
    this.#setStatus(node, awaited ? 'disconnected' : 'down', 'Node heartbeat missed');
    if (awaited) this.#expectWithin(node, heartbeatTtlMs);
    scheduler.nodeChanged(node);
  }

  #setStatus(node: Node, status: Node['Status'], event: string | undefined): void {
    const { state } = this.#servers;
    const index = state.next();
    node.Status = status;
    node.StatusUpdatedAt = seconds(state);
    node.ModifyIndex = index;
    if (event) state.addEvent(node, index, { Subsystem: 'Cluster', Message: event });
    state.commit(index, 'nodes');
  }
}
