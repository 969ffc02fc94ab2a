/** A job that is read by its id, as far as it says where, and for how long, it may run. */
export interface JobJson {
  /** When this version of it was registered, in nanoseconds since the epoch. */
  SubmitTime: number;
  Datacenters: string[] | null;
  /** Nomad has no pools before 1.6. */
  NodePool?: string;
  Constraints: ConstraintJson[] | null;
  TaskGroups:
    | {
        Name: string;
        Constraints: ConstraintJson[] | null;
        Count: number;
        /** Of builds, since 2.0.3, in nanoseconds: null if there is none. */
        MaxRunDuration?: number | null;
        /** Of services only. */
        Migrate: { MaxParallel: number } | null;
        Volumes: Record<string, VolumeJson> | null;
        Networks: { ReservedPorts: unknown[] | null }[] | null;
        Tasks: {
          Driver: string;
          Constraints: ConstraintJson[] | null;
          Resources: { Devices: unknown[] | null } | null;
        }[];
      }[]
    | null;
}

/** A volume that a task group asks for. */
export interface VolumeJson {
  Type: string;
  Source: string;
  ReadOnly: boolean;
  PerAlloc: boolean;
  AccessMode: string;
  /** Since 1.10: the group stays with the very volume that it has had. */
  Sticky?: boolean;
}

export interface ConstraintJson {
  LTarget: string;
  Operand: string;
  RTarget: string;
}
