import type { Allocation } from '../model.ts';
import { clientTerminal, groupOf } from '../model.ts';
import type { State } from '../state.ts';
import type { Casualties } from './casualties.ts';
import { copyMsOf } from './tasks.ts';

interface Surroundings {
  state: State;
  /** The clients of all nodes, by node: a disk is copied from one that is connected. */
  peers: ReadonlyMap<string, { readonly connected: boolean }>;
  casualties: Casualties;
}

/**
 * Begins when the allocation's ephemeral disk is there: one that is sticky, or migrates, waits for its predecessor to
 * stop, and is then copied (`drain-migrate-disk`). Returns what gives up the waiting.
 */
export const awaitDisk = (around: Surroundings, allocation: Allocation, begin: () => void): (() => void) => {
  const { state } = around;
  const { Sticky, Migrate } = groupOf(allocation).EphemeralDisk;
  const previous = state.allocations.get(allocation.PreviousAllocation);
  let giveUp = () => {};
  if (!previous || !(Sticky || Migrate)) {
    begin();
    return giveUp;
  }
  const go = () => {
    if (Migrate && previous.NodeID !== allocation.NodeID) giveUp = copy(around, allocation, previous, begin);
    else begin();
  };
  if (clientTerminal(previous)) go();
  else {
    giveUp = state.onCommit(() => {
      if (!clientTerminal(previous)) return;
      giveUp();
      go();
    });
  }
  return () => giveUp();
};

const copy = (
  { state, peers, casualties }: Surroundings,
  allocation: Allocation,
  previous: Allocation,
  begin: () => void,
): (() => void) => {
  const reachable = () => peers.get(previous.NodeID)?.connected === true;
  const begun = reachable();
  return state.clock.after(begun ? copyMsOf(allocation) : 0, () => {
    if (!begun || !reachable()) {
      const at = state.clock.now();
      casualties.lostDisks.push({ allocationId: allocation.ID, previousAllocationId: previous.ID, at });
    }
    begin();
  });
};
