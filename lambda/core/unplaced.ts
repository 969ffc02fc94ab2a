/** Why an allocation can be placed nowhere, in numbers of nodes. */
export interface Unplaced {
  pool: string;
  /** Eligible nodes of the pool; unknown to Nomad 1.6, then 0. */
  inPool: number;
  /** Of these, those in a datacenter of the job. */
  inDatacenters: number;
  /** What keeps how many of these from use, such as `memory is exhausted on`. */
  reasons: readonly (readonly [what: string, nodes: number])[];
}

/** In a phrase, the same whether the scheduler has found it or we have. */
export function sayUnplaced({ pool, inPool, inDatacenters, reasons }: Unplaced): string {
  if (reasons.length === 0 && inDatacenters === 0) {
    return inPool > 0
      ? `no eligible node of pool ${pool} is in a datacenter of the job`
      : `no eligible node in pool ${pool}`;
  }
  const nodes = `of ${inDatacenters} eligible node${inDatacenters === 1 ? '' : 's'} in pool ${pool}`;
  const tally = reasons.map(([what, count]) => `${what} ${count}`);
  return tally.length > 0 ? `${nodes}, ${tally.join(', ')}` : `${nodes}, none will do`;
}
