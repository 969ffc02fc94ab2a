import { orderFor, waitFor } from './combine.ts';
import { type Circumstances, type Decision, startDrain, wait } from './decision.ts';
import { names, sayAmbiguous, sayUnproven } from './explain.ts';
import { type NomadNode, remaining } from './node.ts';
import { drainedBy, type Notice } from './notice.ts';
import { nodesOf, type Observation } from './observation.ts';
import type { Termination } from './termination.ts';

const BECAUSE: Record<Notice['kind'], string> = {
  spot: 'EC2 interrupts the Spot instance',
  rebalance: 'EC2 recommends to replace the Spot instance',
  maintenance: 'maintenance of the instance is scheduled',
};

/** A deadline counts from when Nomad takes the request, a little later than it was reckoned. In milliseconds. */
const REQUEST_MS = 2_000;

/**
 * Decides about an instance that goes, or may go, without waiting for our hook. Pure. It is never released here: if Auto Scaling
 * comes to hold it, `decide` does that.
 */
export function decideNotice(
  notice: Notice,
  { ec2, state }: Termination,
  nomad: Observation,
  circumstances: Circumstances,
): Decision {
  if (ec2 === 'gone') return wait('EC2 no longer runs the instance');
  if (notice.kind !== 'spot' && state !== 'InService') {
    return wait(`${BECAUSE[notice.kind]}, but it is not in service (${state})`);
  }
  switch (nomad.is) {
    case 'unanswered':
      return wait(nomad.because, { alarm: true, unserved: true });
    case 'ambiguous':
      return {
        action: 'error',
        because: sayAmbiguous(nomad.nodeIds),
      };
    case 'unproven':
      return wait(sayUnproven(nomad.nodes), { alarm: true, unserved: true });
    case 'absent':
      return wait(`${BECAUSE[notice.kind]}, but Nomad has no node of it`);
    case 'present': {
      const decided = nodesOf(nomad).map((node) => ({ node, decision: decideOne(notice, node, circumstances) }));
      const [only] = decided;
      const together = decided.length === 1 ? only?.decision : (orderFor(decided) ?? waitFor(decided));
      return together ?? wait(BECAUSE[notice.kind]);
    }
  }
}

function decideOne(notice: Notice, node: NomadNode, circumstances: Circumstances): Decision {
  const { drain, ended, eligible, status } = node;
  const because = BECAUSE[notice.kind];
  if (status === 'down') return wait('the node is down');
  if (drain?.status === 'complete') return wait(`${because}; the node is drained already`);
  if (drain) {
    const left = node.allocations ? remaining(node, circumstances.policy) : [];
    const runs = left.length > 0 ? `: ${names(left, circumstances.now)}` : '';
    return shorten(notice, node, circumstances) ?? wait(`${because}, and its node drains${runs}`);
  }
  // Not again and again: somebody wants to use the node until then.
  if (notice.kind === 'maintenance' && ended?.drainedBy === drainedBy(notice, circumstances.policy)) {
    return wait(`${because}, but somebody has ended the drain for it`);
  }
  if (notice.kind === 'rebalance' && notice.how === 'cordon') {
    if (!eligible) return wait(`${because}; the node is ineligible already`);
    return { action: 'cordon', because, nodeIds: [node.id] };
  }
  return order(node, 'start', secondsFor(notice, circumstances), because);
}

/** A drain that would end after the instance ends with it: its deadline is shortened. Nobody's drain is made longer. */
function shorten(notice: Notice, node: NomadNode, circumstances: Circumstances): Decision | undefined {
  const latest = drainedBy(notice, circumstances.policy);
  const deadlineAt = node.drain?.deadlineAt ?? node.drain?.ours?.deadlineAt ?? 'never';
  if (latest === undefined) return undefined;
  if (deadlineAt !== 'never' && deadlineAt <= Math.max(latest, circumstances.now) + REQUEST_MS) return undefined;
  const because = `${BECAUSE[notice.kind]} before the drain that is on would end`;
  return order(node, 'shorten', secondsFor(notice, circumstances), because);
}

const order = ({ id }: NomadNode, how: 'start' | 'shorten', deadlineSeconds: number, because: string): Decision =>
  startDrain(id, deadlineSeconds > 0 ? { how, deadlineSeconds } : { how: 'force' }, because);

/** What the drain may take: the policy's deadline, or what is left. */
function secondsFor(notice: Notice, { now, policy }: Circumstances): number {
  const latest = drainedBy(notice, policy) ?? Number.POSITIVE_INFINITY;
  return Math.min(policy.deadlineSeconds, Math.floor((latest - now) / 1000));
}
