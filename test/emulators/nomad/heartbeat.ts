import type { Servers } from './http.ts';
import { clientTerminal, type Node } from './model.ts';
import { seconds } from './nodes.ts';
import { lostAfterMs } from './plan.ts';

/** The servers' view of a client that no longer answers, and of one that answers again. */
export class Heartbeats {
  readonly #servers: Servers;
  readonly #timers = new Map<string, () => void>();
  /** Since when each disconnected node has been silent. */
  readonly #silent = new Map<string, number>();

  constructor(servers: Servers) {
    this.#servers = servers;
  }

  stopped(node: Node): void {
    this.#timers.get(node.ID)?.();
    this.#expectWithin(node, this.#servers.heartbeatTtlMs);
  }

  resumed(node: Node): void {
    this.#timers.get(node.ID)?.();
    this.#timers.delete(node.ID);
    this.#silent.delete(node.ID);
    const { state, scheduler, clients } = this.#servers;
    if (node.Status !== 'ready') {
      this.#setStatus(node, 'ready', node.Status === 'down' ? 'Node reregistered by heartbeat' : undefined);
    }
    clients.get(node.ID)?.reconnect();
    // Once its allocations have reported, replacements that are not needed any more are stopped.
    state.clock.after(500, () => scheduler.nodeChanged(node));
  }

  #expectWithin(node: Node, ms: number): void {
    this.#timers.set(
      node.ID,
      this.#servers.state.clock.after(ms, () => this.#missed(node)),
    );
  }

  /** A node whose allocations may outlive its silence is disconnected, and down only when none may any more. */
  #missed(node: Node): void {
    const { state, scheduler, heartbeatTtlMs } = this.#servers;
    if (state.nodes.get(node.ID) !== node) return;
    const now = state.clock.now();
    const since = this.#silent.get(node.ID) ?? now;
    this.#silent.set(node.ID, since);
    const windows = state
      .allocationsOn(node.ID)
      .filter((allocation) => allocation.DesiredStatus === 'run' && !clientTerminal(allocation))
      .flatMap((allocation) => lostAfterMs(allocation) ?? [])
      .filter((window) => since + window > now);
    if (windows.length === 0) {
      this.#setStatus(node, 'down', 'Node heartbeat missed');
    } else {
      this.#setStatus(node, 'disconnected', 'Node heartbeat missed');
      // Allocations are lost the moment their time is up; the node is down only at its next missed heartbeat.
      for (const window of new Set(windows)) state.clock.after(since + window - now, () => scheduler.nodeChanged(node));
      this.#expectWithin(node, heartbeatTtlMs);
    }
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
