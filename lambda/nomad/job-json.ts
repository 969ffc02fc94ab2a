/** A job that is read by its id, as far as it says where it may run. */
export interface JobJson {
  Datacenters: string[] | null;
  /** Nomad has no pools before 1.6. */
  NodePool?: string;
  Constraints: ConstraintJson[] | null;
  TaskGroups:
    | {
        Name: string;
        Constraints: ConstraintJson[] | null;
        Volumes: Record<string, unknown> | null;
        Networks: { ReservedPorts: unknown[] | null }[] | null;
        Tasks: {
          Driver: string;
          Constraints: ConstraintJson[] | null;
          Resources: { Devices: unknown[] | null } | null;
        }[];
      }[]
    | null;
}

export interface ConstraintJson {
  LTarget: string;
  Operand: string;
  RTarget: string;
}
