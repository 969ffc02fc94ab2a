import { expect } from 'vitest';
import type { InstancePlan } from '../../lambda/core/queries/plan/instance.ts';
import type { Client, Running } from '../../lambda/core/scale-in/candidate.ts';
import { type EarlierRuns, type RunLimits, RunTimes } from '../../lambda/core/scale-in/durations.ts';
import type { Needs } from '../../lambda/core/scale-in/placement.ts';
import { build, client, FULL, MINUTE, NOW, run, service, system, took } from './clients.ts';

/** What is on an instance, and what a scale-in would mean for it. */
export interface Situation {
  when: string;
  /** The clients of the instance. @default one, on which these run */
  clients?: readonly Client[];
  runs?: readonly Running[];
  /** Clients that stay. @default one with room */
  others?: readonly Client[];
  earlier?: EarlierRuns;
  limits?: RunLimits;
  /** Of all jobs. */
  builds?: RunTimes;
  blocked?: ReadonlyMap<string, string>;
  needs?: ReadonlyMap<string, Needs>;
  /** @default an hour */
  deadlineSeconds?: number;
  means: Partial<InstancePlan>;
}

const needsOf = (more: Partial<Needs> = {}) =>
  new Map([
    [
      'default web g',
      {
        nodePool: 'default',
        datacenters: ['dc1'],
        drivers: [],
        constraints: [],
        unseen: [],
        count: 1,
        maxParallel: 1,
        ...more,
      },
    ],
  ]);
const classIs = (nodeClass: string) => ({
  text: `\${node.class} = ${nodeClass}`,
  allows: (other: Client) => other.nodeClass === nodeClass,
});

const tenMinutes = (count: number) => Array.from({ length: count }, (_, index) => (10 + index) * MINUTE);
const ci = (times: RunTimes): EarlierRuns => new Map([['default ci', times]]);
const killed = (ms: number) => ({ ms, ended: false });
const ended = (ms: number) => ({ ms, ended: true });

const builds: Situation[] = [
  {
    when: 'a build runs whose job has run often: half of those that took as long say when it ends',
    runs: [build('ci', 15 * MINUTE)],
    earlier: ci(took(...tenMinutes(30))),
    means: { verdict: 'ends', expectedSeconds: 12 * 60, mostSeconds: 23 * 60, killChance: 0 },
  },
  {
    when: 'few runs of its job are known: that is said',
    runs: [build('ci')],
    earlier: ci(took(10 * MINUTE, 20 * MINUTE)),
    means: { verdict: 'ends', expectedSeconds: 5 * 60, mostSeconds: 15 * 60 },
  },
  {
    when: 'one run of its job is known',
    runs: [build('ci')],
    earlier: ci(took(10 * MINUTE)),
    means: { verdict: 'ends', expectedSeconds: 5 * 60, mostSeconds: 5 * 60 },
  },
  {
    when: 'a build has run longer than any before: nobody can say when it ends',
    runs: [build('ci', 50 * MINUTE)],
    earlier: ci(took(...tenMinutes(30))),
    builds: took(90 * MINUTE),
    means: { verdict: 'unknown', killChance: 0, buildCount: 1 },
  },
  {
    when: 'a build has run longer than the one before',
    runs: [build('ci', 50 * MINUTE)],
    earlier: ci(took(10 * MINUTE)),
    means: { verdict: 'unknown' },
  },
  {
    when: 'no run of its job is known: what other jobs take has to do',
    runs: [build('build-42')],
    builds: took(...tenMinutes(10)),
    means: { verdict: 'ends', expectedSeconds: 9 * 60, mostSeconds: 14 * 60 },
  },
  {
    when: 'no earlier run is known at all',
    runs: [build('build-42')],
    means: { verdict: 'unknown' },
  },
  {
    when: 'its max_run_duration ends a build before earlier runs say, and before the deadline',
    runs: [build('ci', 15 * MINUTE)],
    earlier: ci(took(...tenMinutes(30))),
    limits: new Map([['of-ci', 25 * MINUTE]]),
    deadlineSeconds: 11 * 60,
    means: { verdict: 'ends', expectedSeconds: 10 * 60, mostSeconds: 10 * 60, killChance: 0 },
  },
  {
    when: 'its max_run_duration is later than earlier runs say',
    runs: [build('ci', 15 * MINUTE)],
    earlier: ci(took(...tenMinutes(30))),
    limits: new Map([['of-ci', 90 * MINUTE]]),
    means: { verdict: 'ends', expectedSeconds: 12 * 60, mostSeconds: 23 * 60, killChance: 0 },
  },
  {
    when: 'no earlier run is known, and its max_run_duration is before the deadline',
    runs: [build('build-42')],
    limits: new Map([['of-build-42', 45 * MINUTE]]),
    means: { verdict: 'ends', mostSeconds: 40 * 60, killChance: 0 },
  },
  {
    when: 'no earlier run is known, and its max_run_duration is after the deadline',
    runs: [build('build-42')],
    limits: new Map([['of-build-42', 90 * MINUTE]]),
    means: { verdict: 'unknown', mostSeconds: 85 * 60, killChance: 0 },
  },
  {
    when: 'a build is being ended by its max_run_duration',
    runs: [build('build-42')],
    limits: new Map([['of-build-42', 4 * MINUTE]]),
    means: { verdict: 'ends', mostSeconds: 0 },
  },
  {
    when: 'a dispatched build is a run of its job',
    runs: [build('ci/dispatch-1700000000-abcdef')],
    earlier: ci(took(...tenMinutes(10))),
    means: { verdict: 'ends', builds: [buildBy('ci/dispatch-1700000000-abcdef', 10)] },
  },
  {
    when: 'two of thirty runs took longer than the deadline leaves it',
    runs: [build('ci', 5 * MINUTE)],
    earlier: ci(took(...tenMinutes(28), 90 * MINUTE, 100 * MINUTE)),
    means: { verdict: 'may-be-killed', killChance: 0.067, mostSeconds: 85 * 60 },
  },
  {
    when: 'one of thirty runs took longer than the deadline leaves it: that is as good as in time',
    runs: [build('ci', 5 * MINUTE)],
    earlier: ci(took(...tenMinutes(29), 90 * MINUTE)),
    means: { verdict: 'ends', killChance: 0.033 },
  },
  {
    when: 'of twenty runs one was killed before its end: by when all have ended is not known',
    runs: [build('ci', 0)],
    earlier: ci(new RunTimes([...tenMinutes(19).map(ended), killed(60 * MINUTE)])),
    deadlineSeconds: 2 * 3600,
    means: { expectedSeconds: 19 * 60, builds: [saying('1 was killed or still runs')] },
  },
  {
    when: 'most runs took longer than the deadline leaves it',
    runs: [build('ci', 5 * MINUTE)],
    earlier: ci(took(...tenMinutes(28))),
    deadlineSeconds: 10 * 60,
    means: { verdict: 'killed', killChance: 0.786 },
  },
  {
    when: 'all runs took longer than the deadline leaves it',
    runs: [build('ci', 5 * MINUTE)],
    earlier: ci(took(...tenMinutes(28))),
    deadlineSeconds: 60,
    means: { verdict: 'killed', killChance: 1 },
  },
  {
    when: 'most runs were killed before their end: that half end at all is not known',
    runs: [build('ci', 5 * MINUTE)],
    earlier: ci(new RunTimes([ended(10 * MINUTE), ...Array.from({ length: 9 }, () => killed(60 * MINUTE))])),
    means: { verdict: 'killed', killChance: 0.9 },
  },
  {
    when: 'a drain of ours is on: its deadline counts, and it is nearer',
    clients: [
      client('one', { draining: true, eligible: false, deadlineAt: NOW + 2 * MINUTE, runs: [build('ci', 5 * MINUTE)] }),
    ],
    earlier: ci(took(...tenMinutes(28))),
    means: { verdict: 'killed', deadlineSeconds: 120 },
  },
  {
    when: 'several builds run: the last of them is later than each is likely to be',
    runs: [build('ci', 5 * MINUTE), build('ci', 5 * MINUTE), build('ci', 5 * MINUTE)],
    earlier: ci(took(...tenMinutes(30))),
    means: { verdict: 'ends', expectedSeconds: 28 * 60, buildCount: 3 },
  },
  {
    when: 'of one build something is known, of five nothing',
    runs: [build('ci'), ...'abcde'.split('').map((name) => build(name))],
    earlier: ci(took(...tenMinutes(30))),
    means: { verdict: 'unknown', buildCount: 6 },
  },
  {
    when: 'a sysbatch job runs: a drain waits for it like for a build',
    runs: [run('patch', 'sysbatch')],
    earlier: new Map([['default patch', took(10 * MINUTE)]]),
    means: { verdict: 'ends', buildCount: 1 },
  },
  {
    when: 'a build has been told to stop: it is not waited for',
    runs: [{ ...build('ci'), stopping: true }],
    means: { verdict: 'at-once', buildCount: 0 },
  },
];

const services: Situation[] = [
  {
    when: 'a service has room elsewhere',
    runs: [service()],
    needs: needsOf(),
    means: { verdict: 'moves', serviceCount: 1 },
  },
  {
    when: 'a service seems to have room, and its job could not be read',
    runs: [service()],
    means: { verdict: 'moves', services: [goes('perhaps')] },
  },
  {
    when: 'a service seems to have room, and asks for more than is looked at',
    runs: [service()],
    needs: needsOf({ unseen: [`constraint \${attr.consul.version} semver >= 1.8.0`, 'its static ports'] }),
    means: { verdict: 'moves', services: [goes('perhaps')] },
  },
  {
    when: 'a service has nowhere to go: too little memory',
    runs: [service('web', 2000)],
    needs: needsOf(),
    others: [client('a'), client('b'), client('c', { status: 'down' }), client('d', { eligible: false })],
    means: { verdict: 'stops' },
  },
  {
    when: 'a service has nowhere to go: the nodes that stay are of other classes',
    runs: [service()],
    needs: needsOf({ constraints: [classIs('gpu')] }),
    others: [client('a', { nodeClass: 'cpu' }), client('b', { nodeClass: 'gpu', ...FULL })],
    means: { verdict: 'stops' },
  },
  {
    when: 'a service has nowhere to go: no other node of its pool',
    runs: [service()],
    needs: needsOf(),
    others: [client('a', { nodePool: 'other' })],
    means: { verdict: 'stops' },
  },
  {
    when: 'a service of pool all may go to a node of any pool',
    runs: [service()],
    needs: needsOf({ nodePool: 'all' }),
    others: [client('a', { nodePool: 'other' })],
    means: { verdict: 'moves' },
  },
  {
    when: 'a service has nowhere to go: none of the nodes that stay is in a datacenter of its job',
    runs: [service()],
    needs: needsOf({ datacenters: ['eu-*'] }),
    means: { verdict: 'stops' },
  },
  {
    when: 'a service names its datacenters by a pattern',
    runs: [service()],
    needs: needsOf({ datacenters: ['eu-*'] }),
    others: [client('a', { datacenter: 'eu-west-1' })],
    means: { verdict: 'moves' },
  },
  {
    when: 'a service has nowhere to go: the nodes that stay lack its driver',
    runs: [service()],
    needs: needsOf({ drivers: ['docker'] }),
    others: [client('a', { drivers: ['raw_exec'] })],
    means: { verdict: 'stops' },
  },
  {
    when: 'a service has nowhere to go: another allocation of it is on each node that stays',
    runs: [service()],
    needs: needsOf({ distinctHosts: 'job' }),
    others: [client('a', { runs: [service()] })],
    means: { verdict: 'stops' },
  },
  {
    when: 'a service has nowhere to go: of its job, nothing else may be on the same node',
    runs: [service()],
    needs: needsOf({ distinctHosts: 'job' }),
    others: [client('a', { runs: [{ ...service(), taskGroup: 'other' }] })],
    means: { verdict: 'stops' },
  },
  {
    when: 'a service is one of its kind on a node, by its task group: another group may be there',
    runs: [service()],
    needs: needsOf({ distinctHosts: 'group' }),
    others: [client('a', { runs: [{ ...service(), taskGroup: 'other' }] })],
    means: { verdict: 'moves' },
  },
  {
    when: 'the scheduler says that a service has nowhere to go, whatever seems to be free',
    runs: [service()],
    needs: needsOf(),
    blocked: new Map([['default web g', 'of 3 eligible nodes in pool default, devices is exhausted on 3']]),
    means: { verdict: 'stops' },
  },
  {
    when: 'two services fit elsewhere, but not both',
    runs: [service('web', 600), service('api', 600)],
    needs: needsOf(),
    means: { verdict: 'moves', services: [goes('elsewhere'), goes('perhaps')] },
  },
  {
    when: 'many services have room elsewhere, and many have not',
    runs: [...'abcdef'.split('').map((name) => service(name, 2000)), service('web'), service('web')],
    needs: needsOf(),
    means: { verdict: 'stops', serviceCount: 8 },
  },
  {
    when: 'a service has nowhere to go, and a build is expected to end: the service is stopped at once all the same',
    runs: [build('ci'), service('web', 2000)],
    earlier: ci(took(...tenMinutes(30))),
    needs: needsOf(),
    means: { verdict: 'stops', buildCount: 1, serviceCount: 1 },
  },
  {
    when: 'two of a service have nowhere to go, and its job lets one move at a time: the drain waits for the other',
    runs: [service('web', 2000), service('web', 2000)],
    needs: needsOf({ count: 2 }),
    means: { verdict: 'nowhere', services: [goes('stopped'), goes('nowhere')] },
  },
  {
    when: 'two of a service have nowhere to go, and its job lets both move at a time',
    runs: [service('web', 2000), service('web', 2000)],
    needs: needsOf({ count: 2, maxParallel: 2 }),
    means: { verdict: 'stops', services: [goes('stopped'), goes('stopped')] },
  },
  {
    when: 'a service has nowhere to go, and two more of its group run elsewhere',
    runs: [service('web', 2000)],
    needs: needsOf({ count: 3 }),
    others: [client('a', { runs: [service(), service()] })],
    means: { verdict: 'stops', services: [goes('stopped')] },
  },
  {
    when: 'a service has nowhere to go, and is one short already: the drain waits for it',
    runs: [service('web', 2000)],
    needs: needsOf({ count: 2 }),
    means: { verdict: 'nowhere', services: [goes('nowhere')] },
  },
  {
    when: 'a service has nowhere to go, and its job lets none move: the drain waits for it',
    runs: [service('web', 2000)],
    needs: needsOf({ maxParallel: 0 }),
    means: { verdict: 'nowhere', services: [goes('nowhere')] },
  },
  {
    when: 'one of a service has been stopped already, and the other has nowhere to go: the drain waits for it',
    runs: [service('web', 2000)],
    needs: needsOf({ count: 2 }),
    others: [client('a', { runs: [{ ...service(), stopping: true }] })],
    means: { verdict: 'nowhere', services: [goes('nowhere')] },
  },
  {
    when: 'two of a service have nowhere to go, and its job could not be read: Nomad moves one at a time by default',
    runs: [service('web', 2000), service('web', 2000)],
    means: { verdict: 'nowhere', services: [goes('stopped'), goes('nowhere')] },
  },
  {
    when: 'the scheduler says that a service has nowhere to go, and its job could not be read: it is one short',
    runs: [service()],
    blocked: new Map([['default web g', 'of 3 eligible nodes in pool default, devices is exhausted on 3']]),
    means: { verdict: 'nowhere', services: [goes('nowhere')] },
  },
];

const nodes: Situation[] = [
  { when: 'nothing runs there', means: { verdict: 'at-once', nodeId: 'node-one', node: 'one' } },
  { when: 'only system jobs run there', runs: [system], means: { verdict: 'at-once' } },
  { when: 'no node names the instance', clients: [], means: { verdict: 'unknown', nodeId: null } },
  {
    when: 'its node is down, with nothing alive',
    clients: [client('one', { status: 'down' })],
    means: { verdict: 'at-once' },
  },
  {
    when: 'its node is down, and a build may live there',
    clients: [client('one', { status: 'down', runs: [build('ci')] })],
    earlier: ci(took(...tenMinutes(30))),
    means: { verdict: 'unknown', buildCount: 0 },
  },
  {
    when: 'somebody else drains its node: the deadline of that drain is not known',
    clients: [client('one', { draining: true, eligible: false, runs: [build('ci')] })],
    earlier: ci(took(...tenMinutes(30))),
    means: { verdict: 'unknown' },
  },
  {
    when: 'somebody else drains its node, and nothing is left there',
    clients: [client('one', { draining: true, eligible: false, runs: [system] })],
    means: { verdict: 'at-once' },
  },
  {
    when: 'its agent came back as another node: what runs on that one counts',
    clients: [client('before', { status: 'down' }), client('after', { runs: [build('ci')] })],
    earlier: ci(took(...tenMinutes(30))),
    means: { verdict: 'ends', nodeId: 'node-after' },
  },
];

function buildBy(job: string, basis: number): InstancePlan['builds'][number] {
  return { job, basis } as InstancePlan['builds'][number];
}

function saying(text: string): InstancePlan['builds'][number] {
  return { because: expect.stringContaining(text) } as InstancePlan['builds'][number];
}

function goes(where: 'elsewhere' | 'perhaps' | 'stopped' | 'nowhere'): InstancePlan['services'][number] {
  return { goes: where } as InstancePlan['services'][number];
}

export const situations: readonly Situation[] = [...nodes, ...builds, ...services];
