import { describe, expect, it } from 'vitest';
import { decide } from '../../lambda/core/decide/decide.ts';
import type { Allocation } from '../../lambda/core/model/allocation.ts';
import type { NomadNode, Readiness } from '../../lambda/core/model/node.ts';
import type { Observation } from '../../lambda/core/model/observation.ts';
import { DEFAULT_ADMISSION, DEFAULT_POLICY } from '../../lambda/core/model/policy.ts';
import type { Launch, Termination } from '../../lambda/core/model/termination.ts';

const NOW = Date.parse('2026-03-01T09:00:00Z');
const MINUTE = 60_000;

const healthy = { healthy: true, description: 'Healthy' };
const ready: Readiness = { drivers: new Map([['docker', healthy]]), settledForMs: MINUTE };
const node = (more: Partial<NomadNode> = {}): NomadNode => ({
  id: 'n1',
  name: 'client-1',
  status: 'ready',
  eligible: true,
  allocations: [],
  readiness: ready,
  ...more,
});
const seen = (...nodes: [NomadNode, ...NomadNode[]]): Observation => ({ is: 'present', nodes });
const absent: Observation = { is: 'absent', seen: false };
const ineligible = (by: Readiness['ineligible']) =>
  node({ eligible: false, readiness: { ...ready, ...(by && { ineligible: by }) } });
const system = (clientStatus: string) =>
  ({
    id: 'a1',
    job: 'logs',
    taskGroup: 'g',
    jobType: 'system',
    desiredStatus: 'run',
    clientStatus,
    createdAt: 0,
    tasks: [],
  }) as unknown as Allocation;

interface Given {
  waited?: number;
  into?: Launch['into'];
  admission?: Partial<Launch['admission']>;
  of?: Partial<Termination>;
  everyNamespace?: boolean;
}

/** What is decided about an instance that has waited for so many minutes. */
function decided(
  nomad: Observation,
  { waited = 1, into = 'service', admission, of, everyNamespace = true }: Given = {},
) {
  const termination: Termination = {
    instanceId: 'i-1',
    group: 'builders',
    hook: 'nomad-ready',
    state: into === 'service' ? 'Pending:Wait' : 'Warmed:Pending:Wait',
    held: true,
    launch: { into, admission: { ...DEFAULT_ADMISSION, ...admission } },
    since: NOW - waited * MINUTE,
    sinceIs: 'activity',
    policy: DEFAULT_POLICY,
    heartbeatTimeoutSeconds: 300,
    ec2: 'running',
    ...of,
  };
  const decision = decide(termination, nomad, { now: NOW, seesEveryNamespace: everyNamespace });
  return { ...decision, ...('result' in decision && { ends: `${decision.outcome}, ${decision.result}` }) };
}

const ADMITTED = { action: 'complete', ends: 'admitted, CONTINUE' };
const ABANDONED = { action: 'complete', ends: 'abandoned, ABANDON', alarm: true };
const waits = (because: string) => ({ action: 'wait', because: expect.stringContaining(because) });

describe('an instance on its way into service', () => {
  it.each<[string, Observation, Given, object]>([
    ['is admitted when its node is ready', seen(node()), {}, ADMITTED],
    ['is admitted also when it is late', seen(node()), { waited: 60 }, ADMITTED],
    ['waits for its node', absent, {}, waits('has not registered')],
    ['waits while its node is initializing', seen(node({ status: 'initializing' })), {}, waits('initializing')],
    ['waits while its node is down', seen(node({ status: 'down' })), {}, waits('its node is down')],
    ['waits while its agent is two nodes', seen(node(), node({ id: 'n2' })), {}, waits('come back as another node')],
    ['waits for a driver', seen(node()), { admission: { drivers: ['exec'] } }, waits('no driver exec')],
    [
      'waits for a driver to be healthy, in the words of Nomad',
      seen(
        node({ readiness: { ...ready, drivers: new Map([['docker', { healthy: false, description: 'no daemon' }]]) } }),
      ),
      { admission: { drivers: ['docker'] } },
      waits('driver docker is unhealthy on its node: no daemon'),
    ],
    [
      'is made eligible, if its node registered as ineligible',
      seen(ineligible('by default')),
      {},
      { action: 'make-eligible', nodeIds: ['n1'] },
    ],
    [
      'is made eligible, if our drain left it ineligible, also late',
      seen(ineligible('by our drain')),
      { waited: 60 },
      { action: 'make-eligible' },
    ],
    [
      'waits while another has made it ineligible',
      seen(ineligible('by another')),
      {},
      waits('neither its registration nor our drain'),
    ],
    [
      'waits until Nomad has had the time to place system jobs',
      seen(node({ readiness: { ...ready, settledForMs: 9_000 } })),
      { admission: { awaitSystemJobs: true } },
      waits('may still place system jobs'),
    ],
    [
      'waits for system jobs',
      seen(node({ allocations: [system('pending')] })),
      { admission: { awaitSystemJobs: true } },
      waits('logs'),
    ],
    [
      'is admitted when they run',
      seen(node({ allocations: [system('running')] })),
      { admission: { awaitSystemJobs: true } },
      ADMITTED,
    ],
    [
      'is admitted without them, where they are not waited for',
      seen(node({ allocations: [system('pending')] })),
      {},
      ADMITTED,
    ],
    ['waits for the other hook that holds it', seen(node()), { of: { completed: true } }, waits('another hook')],
    ['is abandoned at once, if EC2 has ended it', absent, { of: { ec2: 'gone' } }, { ends: 'instance-gone, ABANDON' }],
  ])('%s', (_, nomad, given, expected) => {
    expect(decided(nomad, given)).toMatchObject(expected);
  });
});

describe('an instance that is not ready in time', () => {
  const late = { waited: 15 };
  const drained = (more: Partial<NomadNode> = {}) =>
    node({
      eligible: false,
      status: 'ready',
      settling: { ineligibleForMs: MINUTE, sameLeader: true, olderEvaluations: 0 },
      drain: {
        status: 'complete',
        startedAt: NOW - 5 * MINUTE,
        updatedAt: NOW - 4 * MINUTE,
        ours: { instanceId: 'i-1', gaveUp: true },
      },
      ...more,
    });

  it('waits until the last second', () => {
    expect(decided(absent, { waited: 14.99 })).toMatchObject({ action: 'wait' });
  });

  it('is abandoned, if it never registered', () => {
    expect(decided(absent, late)).toMatchObject({
      ...ABANDONED,
      because: expect.stringMatching(
        /^not ready after 15 min: Nomad has no node of this instance.*; Nomad has no node/,
      ),
    });
  });

  it('is drained first, if builds may have begun there, and is given up for good', () => {
    const unhealthy = seen(node());
    const given = { ...late, admission: { drivers: ['exec'] } };
    expect(decided(unhealthy, given)).toMatchObject({ action: 'start-drain', gaveUp: true });
    expect(decided(seen(drained()), late)).toMatchObject(ABANDONED);
    const build = { ...system('running'), jobType: 'batch', desiredStatus: 'stop' };
    expect(decided(seen(drained({ allocations: [build] })), late)).toMatchObject({ action: 'wait' });
  });

  it.each<[string, Observation]>([
    ['Nomad does not answer', { is: 'unanswered', because: 'no answer' }],
    ['any of some nodes may be it', { is: 'unproven', nodes: ['somewhere (n9)'] }],
    ['several nodes have its address', { is: 'ambiguous', nodeIds: ['n1', 'n2'] }],
  ])('is never abandoned while %s, not even at the end of the time that Auto Scaling holds it', (_, nomad) => {
    for (const waited of [15, 60, 499, 600]) expect(decided(nomad, { waited })).not.toHaveProperty('ends');
  });

  it('is not abandoned because a token that does not see every namespace sees nothing', () => {
    const justDrained = drained({
      drain: { status: 'complete', startedAt: NOW, updatedAt: NOW, ours: { instanceId: 'i-1', gaveUp: true } },
    });
    expect(decided(seen(justDrained), { ...late, everyNamespace: false })).toMatchObject({ action: 'wait' });
  });

  it('has its time from when everything on its old node had ended, where no launch tells: its root volume is new', () => {
    const { since: _, ...undated } = { since: 0, seenSince: NOW };
    const old = (minutesAgo: number) =>
      seen(
        node({
          status: 'down',
          eligible: false,
          drain: { status: 'complete', startedAt: NOW - 300 * MINUTE, updatedAt: NOW - minutesAgo * MINUTE },
          allocations: [{ ...system('complete'), changedAt: NOW - minutesAgo * MINUTE }],
        }),
      );
    expect(decided(old(14), { of: { ...undated, since: undefined } as never })).toMatchObject({ action: 'wait' });
    expect(decided(old(16), { of: { ...undated, since: undefined } as never })).toMatchObject(ABANDONED);
  });
});

describe('an instance on its way into a warm pool', () => {
  const pool = { into: 'warm pool' } as const;

  it('is drained when its node is ready, whether it is eligible or not: in the pool it is stopped', () => {
    for (const each of [node(), ineligible('by default')]) {
      expect(decided(seen(each), pool)).toMatchObject({
        action: 'start-drain',
        because: expect.stringContaining('warm pool'),
      });
      expect(decided(seen(each), pool)).not.toHaveProperty('gaveUp');
    }
  });

  it('waits for its driver there, too', () => {
    expect(decided(seen(node()), { ...pool, admission: { drivers: ['exec'] } })).toMatchObject(waits('no driver exec'));
  });
});
