import { names, sayAmbiguous, sayUnproven } from '../explain.ts';
import type { EpochMs } from '../model/clock.ts';
import { type Circumstances, type Decision, startDrain, wait } from '../model/decision.ts';
import { deadlineFor } from '../model/job-drain.ts';
import { type NomadNode, remaining } from '../model/node.ts';
import { drainedBy, type Notice } from '../model/notice.ts';
import { nodesOf, type Observation } from '../model/observation.ts';
import type { Policy } from '../model/policy.ts';
import type { Termination } from '../model/termination.ts';
import { orderFor, waitFor } from './several-nodes.ts';

const BECAUSE: Record<Notice['kind'], string> = {
  spot: 'EC2 interrupts the Spot instance',
  reservation: 'EC2 takes back the capacity reservation of the instance',
  rebalance: 'EC2 recommends to replace the Spot instance',
  maintenance: 'maintenance of the instance is scheduled',
};

/** A deadline counts from when Nomad takes the request, a little later than it was calculated. In milliseconds. */
const REQUEST_MS = 2_000;
/** How often a node that is not there is looked for, in milliseconds. */
const AGAIN_MS = 3_000;
/** What a drain may take at least, in milliseconds: a time that comes late, or is a lie, forces no node. */
const LEAST_MS = 10_000;

/**
 * Decides about an instance that goes, or may go, without waiting for our hook. Pure. It is never released here: if Auto Scaling
 * comes to hold it, `decide` does that.
 */
export function decideNotice(
  notice: Notice,
  { ec2, state, policy }: Termination,
  nomad: Observation,
  { now }: Circumstances,
): Decision {
  const circumstances = { now, policy };
  if (ec2 === 'gone') return wait('EC2 no longer runs the instance');
  if (!('endsAt' in notice) && state !== 'InService') {
    return wait(`${BECAUSE[notice.kind]}, but it is not in service (${state})`);
  }
  switch (nomad.is) {
    case 'unanswered':
      return wait(nomad.because, { unserved: true });
    case 'ambiguous':
      return {
        action: 'error',
        because: sayAmbiguous(nomad.nodeIds),
      };
    case 'unproven':
      return wait(sayUnproven(nomad.nodes), { unserved: true });
    case 'absent':
      return awaited(notice, `${BECAUSE[notice.kind]}, but Nomad has no node of it`, circumstances);
    case 'present': {
      if (nodesOf(nomad).every(({ status }) => status === 'down')) {
        return awaited(notice, 'the node is down', circumstances);
      }
      const decided = nodesOf(nomad).map((node) => ({ node, decision: decideOne(notice, node, circumstances) }));
      const [only] = decided;
      const together = decided.length === 1 ? only?.decision : (orderFor(decided) ?? waitFor(decided));
      return together ?? wait(BECAUSE[notice.kind]);
    }
  }
}

/** What a decision about one node rests on. */
interface NoticeCircumstances {
  now: EpochMs;
  policy: Policy;
}

/** A node that is not there may come, or come back, and would take new builds: until its instance ends it is looked for. */
const awaited = (notice: Notice, because: string, { now }: NoticeCircumstances): Decision =>
  'endsAt' in notice && now < notice.endsAt ? wait(because, { unserved: true, until: now + AGAIN_MS }) : wait(because);

function decideOne(notice: Notice, node: NomadNode, circumstances: NoticeCircumstances): Decision {
  const { drain, ended, eligible, status } = node;
  const because = BECAUSE[notice.kind];
  if (status === 'down') return wait('the node is down');
  if (drain?.status === 'complete') return wait(`${because}; the node is drained already`);
  if (drain) {
    const left = node.allocations ? remaining(node, circumstances.policy) : [];
    const runs = left.length > 0 ? `: ${names(left, circumstances.now)}` : '';
    return shorten(notice, node, circumstances) ?? wait(`${because}, and its node drains${runs}`);
  }
  // Not again and again: the node is wanted until then.
  if (notice.kind === 'maintenance' && ended?.drainedBy === drainedBy(notice, circumstances.policy)) {
    return wait(`${because}, but the drain for it has been cancelled`);
  }
  if (notice.kind === 'rebalance' && notice.how === 'cordon') {
    if (!eligible) return wait(`${because}; the node is ineligible already`);
    return { action: 'cordon', because, nodeIds: [node.id] };
  }
  return startDrain(node.id, { how: 'start', deadlineSeconds: secondsFor(notice, node, circumstances) }, because);
}

/** A drain that would end after the instance ends with it: its deadline is shortened. No drain is made longer. */
function shorten(notice: Notice, node: NomadNode, circumstances: NoticeCircumstances): Decision | undefined {
  const deadlineAt = node.drain?.deadlineAt ?? node.drain?.ours?.deadlineAt ?? 'never';
  const endsAt = deadlineAt === 'never' ? Number.POSITIVE_INFINITY : deadlineAt;
  if (endsAt <= latestFor(notice, circumstances) + REQUEST_MS) return undefined;
  const because = `${BECAUSE[notice.kind]} before the current drain would end`;
  return startDrain(node.id, { how: 'shorten', deadlineSeconds: secondsFor(notice, node, circumstances) }, because);
}

/** When the drain is over at the latest. */
const latestFor = (notice: Notice, { now, policy }: NoticeCircumstances): EpochMs =>
  Math.max(now + LEAST_MS, drainedBy(notice, policy) ?? Number.POSITIVE_INFINITY);

/** What the drain may take: the deadline of the policy and the jobs, or what is left. */
const secondsFor = (notice: Notice, node: NomadNode, circumstances: NoticeCircumstances): number =>
  Math.min(
    deadlineFor(remaining(node, circumstances.policy), circumstances.policy),
    Math.floor((latestFor(notice, circumstances) - circumstances.now) / 1000),
  );
