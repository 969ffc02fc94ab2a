import { type Allocation, groupOf, type TaskGroup } from '../model.ts';
import { NO_RESOURCES } from '../scheduler/placement.ts';

/** What a reason to look again is written as; Nomad lists all five, the emulator knows two. */
const desiredTransition = (allocation: Allocation) => ({
  ForceReschedule: null,
  Migrate: allocation.DesiredTransition.Migrate,
  MigrateDisablePlacement: allocation.DesiredTransition.MigrateDisablePlacement,
  NoShutdownDelay: null,
  Reschedule: null,
});

const allocatedResources = (group: TaskGroup): object => ({
  Shared: { DiskMB: group.EphemeralDisk.SizeMB, Networks: null, Ports: null },
  TaskLifecycles: Object.fromEntries(group.Tasks.map(({ Name, Lifecycle }) => [Name, Lifecycle])),
  Tasks: Object.fromEntries(
    group.Tasks.map(({ Name, Resources }) => [
      Name,
      {
        Cpu: { CpuShares: Resources.CPU, ReservedCores: null },
        Devices: null,
        Memory: { MemoryMB: Resources.MemoryMB, MemoryMaxMB: Resources.MemoryMaxMB },
        Networks: null,
      },
    ]),
  ),
});

/** An allocation in full, as `/v1/allocation/:id` and a node's list have it: what is empty is left out. */
export const allocationJson = (allocation: Allocation): object => {
  const group = groupOf(allocation);
  const asked = allocation.DesiredTransition.Migrate !== null;
  const disk = group.EphemeralDisk.SizeMB;
  const cpu = group.Tasks.reduce((sum, { Resources }) => sum + Resources.CPU, 0);
  const memory = group.Tasks.reduce((sum, { Resources }) => sum + Resources.MemoryMB, 0);
  return {
    ...(allocation.AllocStates ? { AllocStates: allocation.AllocStates } : {}),
    AllocModifyIndex: allocation.AllocModifyIndex,
    AllocatedResources: allocatedResources(group),
    ...filled('ClientDescription', allocation.ClientDescription),
    ClientStatus: allocation.ClientStatus,
    CreateIndex: allocation.CreateIndex,
    CreateTime: allocation.CreateTime,
    ...filled('DeploymentID', allocation.DeploymentID),
    ...(allocation.DeploymentStatus ? { DeploymentStatus: allocation.DeploymentStatus } : {}),
    ...filled('DesiredDescription', allocation.DesiredDescription),
    DesiredStatus: allocation.DesiredStatus,
    ...(asked ? { DesiredTransition: desiredTransition(allocation) } : {}),
    EvalID: allocation.EvalID,
    ...filled('FollowupEvalID', allocation.FollowupEvalID),
    ID: allocation.ID,
    Job: allocation.Job,
    JobID: allocation.JobID,
    Metrics: allocation.Metrics,
    ModifyIndex: allocation.ModifyIndex,
    ModifyTime: allocation.ModifyTime,
    Name: allocation.Name,
    Namespace: allocation.Namespace,
    ...(allocation.TaskStates ? { NetworkStatus: { Address: '', AddressIPv6: '', DNS: null, InterfaceName: '' } } : {}),
    ...filled('NextAllocation', allocation.NextAllocation),
    NodeID: allocation.NodeID,
    NodeName: allocation.NodeName,
    ...filled('PreviousAllocation', allocation.PreviousAllocation),
    Resources: { ...NO_RESOURCES, CPU: cpu, MemoryMB: memory, MemoryMaxMB: memory, DiskMB: disk },
    ...(allocation.RescheduleTracker ? { RescheduleTracker: allocation.RescheduleTracker } : {}),
    SharedResources: { ...NO_RESOURCES, DiskMB: disk },
    SigningKeyID: '',
    TaskGroup: allocation.TaskGroup,
    TaskResources: Object.fromEntries(group.Tasks.map(({ Name, Resources }) => [Name, Resources])),
    ...(allocation.TaskStates ? { TaskStates: allocation.TaskStates } : {}),
  };
};

/** An allocation as lists across nodes have it: every field, empty or not, and no job. */
export const allocationStub =
  (taskStates: boolean, resources = false) =>
  (allocation: Allocation): object => ({
    ...(resources ? { AllocatedResources: allocatedResources(groupOf(allocation)) } : {}),
    ClientDescription: allocation.ClientDescription,
    ClientStatus: allocation.ClientStatus,
    CreateIndex: allocation.CreateIndex,
    CreateTime: allocation.CreateTime,
    DeploymentStatus: allocation.DeploymentStatus,
    DesiredDescription: allocation.DesiredDescription,
    DesiredStatus: allocation.DesiredStatus,
    DesiredTransition: desiredTransition(allocation),
    EvalID: allocation.EvalID,
    FollowupEvalID: allocation.FollowupEvalID,
    ID: allocation.ID,
    JobID: allocation.JobID,
    JobType: allocation.Job.Type,
    JobVersion: allocation.Job.Version,
    ModifyIndex: allocation.ModifyIndex,
    ModifyTime: allocation.ModifyTime,
    Name: allocation.Name,
    Namespace: allocation.Namespace,
    NextAllocation: allocation.NextAllocation,
    NodeID: allocation.NodeID,
    NodeName: allocation.NodeName,
    PreemptedAllocations: null,
    PreemptedByAllocation: '',
    RescheduleTracker: allocation.RescheduleTracker,
    TaskGroup: allocation.TaskGroup,
    TaskStates: taskStates ? allocation.TaskStates : null,
  });

const filled = (field: string, value: string) => (value === '' ? {} : { [field]: value });
