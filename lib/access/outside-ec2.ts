import type { NomadDocument } from './nomad-document.ts';

/** Nomad clients that are not EC2 instances. Names are exact, without wildcards. */
export interface OutsideEc2 {
  /**
   * The datacenters that have only such clients.
   * @default - none
   */
  readonly datacenters?: readonly string[];
  /**
   * The node pools that have only such clients.
   * @default - none
   */
  readonly nodePools?: readonly string[];
}

/** The field of the document, where any is named: the environment of a function is small. */
export function outsideEc2Of({ datacenters = [], nodePools = [] }: OutsideEc2 = {}): NomadDocument['outsideEc2'] {
  const named = {
    ...(datacenters.length > 0 && { datacenters: [...datacenters] }),
    ...(nodePools.length > 0 && { nodePools: [...nodePools] }),
  };
  return Object.keys(named).length > 0 ? named : undefined;
}
