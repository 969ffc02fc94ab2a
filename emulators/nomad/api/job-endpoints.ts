import { type Allocation, clientTerminal, type Job } from '../model.ts';
import { canonicalJob, JobError } from '../scheduler/canonical-job.ts';
import type { Evaluation } from '../scheduler/evaluation.ts';
import { blockedEvaluation } from '../scheduler/evaluations.ts';
import { collectGarbage, forget } from '../scheduler/garbage.ts';
import type { State } from '../state.ts';
import { allocationJson, allocationStub } from './allocation-json.ts';
import { allow, answer, bodyOf, type Call, type Endpoint, HttpError, page, type Servers, written } from './http.ts';
import { byCreateIndex, checkPrefix, inOrder, namespaceOf, readable } from './lists.ts';

export const registerJob = (state: State, given: Partial<Job>): Job => {
  const index = state.next();
  const existing = state.job(given.Namespace ?? 'default', given.ID ?? '');
  const job: Job = {
    ...canonicalJob(given, state.version),
    CreateIndex: existing?.CreateIndex ?? index,
    ModifyIndex: index,
    JobModifyIndex: index,
    Version: existing ? existing.Version + 1 : 0,
    SubmitTime: state.nanos(),
  };
  if (!state.namespaces.has(job.Namespace))
    throw new JobError(`job "${job.ID}" is in nonexistent namespace "${job.Namespace}"`);
  state.putJob(job);
  state.commit(index, 'jobs');
  return job;
};

const evaluated = (evaluation: Evaluation, job: Job) =>
  written(evaluation.ModifyIndex, {
    EvalCreateIndex: evaluation.CreateIndex,
    EvalID: evaluation.ID,
    Index: evaluation.ModifyIndex,
    JobModifyIndex: job.JobModifyIndex,
    KnownLeader: false,
    LastContact: 0,
    NextToken: '',
    Warnings: '',
  });

export const putJob: Endpoint = (call) => {
  const { state, scheduler } = call.servers;
  const { Job: given } = bodyOf<{ Job?: Partial<Job> }>(call, 'api.JobRegisterRequest');
  if (!given) throw new HttpError(400, 'Job must be specified');
  const Namespace = given.Namespace || namespaceOf(call);
  allow(call.identity.permissions.namespace(Namespace, 'submit-job'));
  try {
    const job = registerJob(state, { ...given, Namespace });
    return evaluated(scheduler.evaluate(job, 'job-register'), job);
  } catch (error) {
    if (error instanceof JobError) throw new HttpError(500, error.message);
    throw error;
  }
};

export const deleteJob: Endpoint = (call) => {
  const { state, scheduler } = call.servers;
  allow(call.identity.permissions.namespace(namespaceOf(call), 'submit-job'));
  const job = state.job(namespaceOf(call), call.parts[0] ?? '');
  if (!job) return written(0, { EvalCreateIndex: 0, EvalID: '', Index: 0, JobModifyIndex: 0 });
  job.Stop = true;
  job.ModifyIndex = state.next();
  state.commit(job.ModifyIndex, 'jobs');
  if (call.query.get('purge') === 'true') purge(call.servers, job);
  return evaluated(scheduler.evaluate(job, 'job-deregister'), job);
};

/** Its allocations go with it, running or not: since 1.5.13, 1.6.6 and 1.7.3 (hashicorp/nomad#19609). */
const purge = (servers: Servers, job: Job): void => {
  const { state } = servers;
  state.removeJob(job, job.ModifyIndex);
  for (const evaluation of state.evaluations.values()) {
    if (evaluation.JobID !== job.ID || evaluation.Namespace !== job.Namespace) continue;
    if (evaluation.Status === 'pending') evaluation.StatusDescription = `job ${job.ID} deleted`;
    if (evaluation.Status === 'pending' || evaluation.Status === 'blocked') evaluation.Status = 'complete';
  }
  forget(servers, state.allocationsOf(job.Namespace, job.ID));
};

/** In Nomad it is a job of its own for the scheduler, and is done a moment after the answer. */
export const COLLECT_MS = 100;

export const systemGc: Endpoint = ({ identity, servers }) => {
  allow(identity.permissions.management);
  servers.state.clock.after(COLLECT_MS, () => collectGarbage(servers));
  return { status: 200 };
};

const jobToRead = (call: Call): Job => {
  const { state } = call.servers;
  allow(call.identity.permissions.namespace(namespaceOf(call), 'read-job'));
  const job = state.job(namespaceOf(call), call.parts[0] ?? '');
  if (!job) throw new HttpError(404, 'job not found', state.indexOf('jobs'));
  return job;
};

const withStatus = (state: State, job: Job): Job => {
  const alive = state.allocationsOf(job.Namespace, job.ID).some((allocation) => !clientTerminal(allocation));
  const waiting = [...state.evaluations.values()].some(
    ({ JobID, Namespace, Status }) =>
      (Status === 'blocked' || Status === 'pending') && JobID === job.ID && Namespace === job.Namespace,
  );
  const system = job.Type === 'system' && !job.Stop;
  return { ...job, Status: alive || system ? 'running' : waiting ? 'pending' : 'dead' };
};

export const readJob: Endpoint = (call) => {
  const { state } = call.servers;
  return answer(call, { index: () => state.indexOf('jobs'), read: () => withStatus(state, jobToRead(call)) });
};

export const listJobs: Endpoint = (call) => {
  const { state } = call.servers;
  allow(call.identity.permissions.namespace(namespaceOf(call), 'list-jobs'));
  const stub = (job: Job) => {
    const { ID, Name, Namespace, Type, Priority, NodePool, Stop, Status, SubmitTime } = withStatus(state, job);
    const { CreateIndex, ModifyIndex, JobModifyIndex, Version } = job;
    const names = { ID, Name, Namespace, ParentID: '', Type, Priority, NodePool, Stop, Status, SubmitTime, Version };
    return { ...names, Datacenters: job.Datacenters, CreateIndex, ModifyIndex, JobModifyIndex };
  };
  return answer(call, {
    index: () => state.indexOf('jobs'),
    read: () => {
      const jobs = inOrder(state.jobs.values()).filter(readable(call, 'list-jobs'));
      return page(call, jobs, byCreateIndex, (job) => job, stub);
    },
  });
};

export const jobAllocations: Endpoint = (call) => {
  const { state } = call.servers;
  allow(call.identity.permissions.namespace(namespaceOf(call), 'read-job'));
  return answer(call, {
    index: () => state.indexOf('allocs'),
    read: () => state.allocationsOf(namespaceOf(call), call.parts[0] ?? '').map(allocationStub(true)),
  });
};

export const jobSummary: Endpoint = (call) => {
  const { state } = call.servers;
  const job = jobToRead(call);
  const count = (allocations: Allocation[], status: string) =>
    allocations.filter(({ ClientStatus }) => ClientStatus === status).length;
  return answer(call, {
    index: () => state.indexOf('allocs'),
    read: () => ({
      Children: { Dead: 0, Pending: 0, Running: 0 },
      CreateIndex: job.CreateIndex,
      JobID: job.ID,
      ModifyIndex: state.indexOf('allocs'),
      Namespace: job.Namespace,
      Summary: Object.fromEntries(
        job.TaskGroups.map(({ Name }) => {
          const of = state.allocationsOf(job.Namespace, job.ID).filter(({ TaskGroup }) => TaskGroup === Name);
          const failed = blockedEvaluation(state, job)?.FailedTGAllocs?.[Name];
          const Queued = failed ? Number(failed.CoalescedFailures) + 1 : 0;
          const [Complete, Failed, Lost] = [count(of, 'complete'), count(of, 'failed'), count(of, 'lost')];
          const [Running, Starting, Unknown] = [count(of, 'running'), count(of, 'pending'), count(of, 'unknown')];
          return [Name, { Complete, Failed, Lost, Queued, Running, Starting, Unknown }];
        }),
      ),
    }),
  });
};

export const listAllocations: Endpoint = (call) => {
  const { state } = call.servers;
  allow(call.identity.permissions.namespace(namespaceOf(call), 'read-job'));
  const prefix = call.query.get('prefix') ?? '';
  checkPrefix(prefix, 'alloc');
  const stub = allocationStub(call.query.get('task_states') !== 'false', call.query.get('resources') === 'true');
  return answer(call, {
    index: () => state.indexOf('allocs'),
    read: () => {
      const allocations = inOrder(state.allocations.values()).filter(readable(call));
      if (prefix === '') return page(call, allocations, byCreateIndex, (allocation) => allocation, stub);
      const found = allocations.filter(({ ID }) => ID.startsWith(prefix)).sort((a, b) => (a.ID < b.ID ? -1 : 1));
      return page(
        call,
        found,
        ({ ID }) => ID,
        (allocation) => allocation,
        stub,
      );
    },
  });
};

/** Its job's evaluation then migrates it, wherever it is: another takes its place, if the job wants one. */
export const stopAllocation: Endpoint = ({ identity, servers: { state, scheduler }, parts }) => {
  const allocation = state.allocations.get(parts[0] ?? '');
  if (!allocation) throw new HttpError(404, 'allocation not found');
  allow(identity.permissions.namespace(allocation.Namespace, 'alloc-lifecycle'));
  allocation.DesiredTransition = { ...allocation.DesiredTransition, Migrate: true };
  allocation.ModifyIndex = state.next();
  state.commit(allocation.ModifyIndex, 'allocs');
  const job = state.job(allocation.Namespace, allocation.JobID) ?? allocation.Job;
  const { ID, ModifyIndex } = scheduler.evaluate(job, 'alloc-stop');
  return written(ModifyIndex, { EvalID: ID, Index: ModifyIndex });
};

export const readAllocation: Endpoint = (call) => {
  const { state } = call.servers;
  const id = call.parts[0] ?? '';
  if (id.length !== 36) throw new HttpError(500, 'alloc lookup failed: index error: UUID must be 36 characters');
  return answer(call, {
    index: () => state.allocations.get(id)?.ModifyIndex ?? state.indexOf('allocs'),
    read: () => {
      const allocation = state.allocations.get(id);
      if (!allocation) throw new HttpError(404, 'alloc not found', state.indexOf('allocs'));
      // To who may not read its namespace, it is as if it were not there.
      if (!call.identity.permissions.namespace(allocation.Namespace, 'read-job')) {
        throw new HttpError(404, `Unknown allocation "${id}"`);
      }
      return allocationJson(allocation);
    },
  });
};
