import type { EpochMs } from '../model/clock.ts';

/** An instance that may go, and what Nomad says of it. */
export interface Candidate {
  instanceId: string;
  /** Its zone and market option: Auto Scaling says how many of each have to go. */
  pool: string;
  /** The nodes that name it: several, if its agent came back under another id; none, if none does. */
  clients: readonly Client[];
}

/** A Nomad client node in a list, with what runs there. */
export interface Client {
  id: string;
  name: string;
  status: string;
  /** Nomad may place something on it. */
  eligible: boolean;
  draining: boolean;
  /** Until when a drain of ours that is on lets builds run. */
  deadlineAt?: EpochMs;
  nodePool: string;
  datacenter: string;
  /** Empty if it has none. */
  nodeClass: string;
  /** Those that are healthy. */
  drivers: readonly string[];
  /** Its host volumes, by name; no other node has the same dynamic one, which Nomad has made. */
  hostVolumes: ReadonlyMap<string, { readOnly: boolean; dynamic: boolean }>;
  /** Its agent ends builds at the `max_run_duration` of their group, if they have one: it is of 2.0.3 or later. */
  enforcesLimits: boolean;
  /** Nomad's index of its registration: the older, the smaller. */
  registered: number;
  /** What is left of it. */
  free: Resources;
  /** What its client has not ended. */
  runs: readonly Running[];
}

export interface Resources {
  /** In MHz. */
  cpu: number;
  memoryMb: number;
}

/** An allocation in a list, as far as it matters to who goes. */
export interface Running {
  id: string;
  job: string;
  jobType: string;
  namespace: string;
  taskGroup: string;
  /** It has been told to stop. */
  stopping: boolean;
  /** When it was created. */
  createdAt: EpochMs;
  takes: Resources;
}

/** What a drain waits for until its deadline; Nomad moves services, and stops system jobs at the end. */
export const isBuild = ({ jobType }: Running): boolean => jobType === 'batch' || jobType === 'sysbatch';

export const runsOf = (of: { clients: readonly Client[] }): Running[] => of.clients.flatMap(({ runs }) => runs);
