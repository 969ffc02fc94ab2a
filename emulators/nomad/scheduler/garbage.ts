import type { Servers } from '../api/http.ts';
import { unregister } from '../client/registration.ts';
import { type Allocation, groupOf, type Job, terminal } from '../model.ts';
import type { Evaluation } from './evaluation.ts';

/** What `nomad system gc` takes at once, whatever its age: `core_sched.go`. */
export const collectGarbage = (servers: Servers): void => {
  const { state } = servers;
  const taken = new Map<Evaluation, { allocations: Allocation[]; whole: boolean }>();
  for (const evaluation of state.evaluations.values()) {
    if (evaluation.Status !== 'complete' && evaluation.Status !== 'cancelled') continue;
    taken.set(evaluation, takenOf(servers, evaluation));
  }
  const jobs = [...state.jobs.values()].filter((job) => isDead(servers, job) && (isBuild(job) || job.Stop));
  for (const job of jobs) {
    const own = [...state.evaluations.values()].filter(isOf(job));
    const every = own.map((evaluation) => takenOf(servers, evaluation, true));
    if (!every.every(({ whole }) => whole)) continue;
    for (const [i, evaluation] of own.entries()) taken.set(evaluation, every[i] ?? { allocations: [], whole: true });
    state.removeJob(job, state.next());
  }
  forget(
    servers,
    [...taken.values()].flatMap(({ allocations }) => allocations),
  );
  for (const [{ ID }, { whole }] of taken) if (whole) state.evaluations.delete(ID);
  state.commit(state.next(), 'evals');
  for (const node of [...state.nodes.values()]) {
    if (node.Status === 'down' && state.allocationsOn(node.ID).every(terminal)) unregister(servers, node);
  }
};

/** The servers forget these allocations; their clients stop what they still run of them. */
export const forget = ({ state, clients }: Servers, gone: Allocation[]): void => {
  state.removeAllocations(gone, state.next());
  for (const allocation of gone) clients.get(allocation.NodeID)?.forgotten(allocation);
};

const isOf = (job: Job) => (evaluation: { JobID: string; Namespace: string }) =>
  evaluation.JobID === job.ID && evaluation.Namespace === job.Namespace;

const isBuild = ({ Type }: Job) => Type === 'batch' || Type === 'sysbatch';

const isDead = ({ state }: Servers, job: Job): boolean =>
  state.allocationsOf(job.Namespace, job.ID).every(terminal) &&
  ![...state.evaluations.values()].some(
    (evaluation) => isOf(job)(evaluation) && (evaluation.Status === 'pending' || evaluation.Status === 'blocked'),
  );

/** `withBuilds`: of a job that is to go as a whole, including builds, stopped or not. */
const takenOf = (servers: Servers, { ID, Type, Namespace, JobID }: Evaluation, withBuilds = false) => {
  const { state } = servers;
  const job = state.job(Namespace, JobID);
  const all = state.allocationsOf(Namespace, JobID).filter(({ EvalID }) => EvalID === ID);
  // What a build job that goes on has ended would be run again: only what is of an older version of it goes, running or not.
  if (Type === 'batch' && job && !(isDead(servers, job) && (job.Stop || withBuilds))) {
    const older = all.filter((allocation) => allocation.CreateIndex < job.JobModifyIndex && terminal(allocation));
    return { allocations: older, whole: older.length === all.length };
  }
  const dead = !job || job.Stop || isDead(servers, job);
  const allocations = all.filter((allocation) => terminal(allocation) && mayGo(allocation, dead));
  return { allocations, whole: allocations.length === all.length };
};

const mayGo = (allocation: Allocation, jobIsDead: boolean): boolean => {
  const { ClientStatus, DesiredStatus, NextAllocation } = allocation;
  if (ClientStatus === 'running') return false;
  if (jobIsDead || DesiredStatus === 'stop' || ClientStatus !== 'failed') return true;
  const policy = groupOf(allocation).ReschedulePolicy;
  if (!policy || (!policy.Unlimited && policy.Attempts === 0) || NextAllocation !== '') return true;
  // It is still to be replaced.
  return false;
};
