import type { Decision } from './decide.ts';
import { messageOf } from './errors.ts';
import type { Observation } from './nomad/node.ts';
import { type Ports, UNKNOWN } from './ports.ts';
import { nodeOf } from './report.ts';
import type { Termination } from './termination.ts';

const SAID = { start: 'drain started', renew: 'drain renewed', force: 'drain forced' };

/** Does what was decided for one instance. What fails is its decision then, and no other instance's. */
export async function carryOut(
  termination: Termination,
  seen: Observation,
  decision: Decision,
  ports: Ports,
): Promise<Decision> {
  const { instanceId, group } = termination;
  const fields = { instanceId, nodeId: nodeOf(seen)?.id ?? UNKNOWN, group, ...decision };
  try {
    switch (decision.action) {
      case 'start-drain':
        if (!(await ports.terminations.waitsForUs(termination))) {
          return { action: 'wait', because: 'the instance waits for another hook than ours' };
        }
        if (!(await startDrain(termination, seen, decision, ports))) {
          return { action: 'wait', because: 'another run has just started the drain' };
        }
        ports.journal.info(SAID[decision.order.how], fields);
        return decision;

      case 'complete': {
        // Completed before: the instance now waits for another hook of its group, which is no concern of ours.
        const released = await ports.terminations.complete(instanceWithToken(termination, seen), decision.result);
        if (!released) return { ...decision, because: `${decision.because}; it had been let go before` };
        ports.journal.info('instance let go', fields);
        return decision;
      }
      case 'wait':
        if (decision.alarm) ports.journal.error('instance cannot be served as it should', fields);
        return decision;

      case 'error':
        ports.journal.error('instance cannot be served', fields);
        return decision;
    }
  } catch (error) {
    const because = `${decision.action} failed: ${messageOf(error)}`;
    ports.journal.error('instance cannot be served', { ...fields, because });
    return { action: 'error', because };
  }
}

/** @returns false where a drain is on already */
async function startDrain(
  termination: Termination,
  seen: Observation,
  { order }: Decision & { action: 'start-drain' },
  { nodes, clock }: Ports,
): Promise<boolean> {
  const node = nodeOf(seen);
  if (!node) return false;
  const now = clock.now();
  const before = node.drain?.ours;
  const token = termination.token ?? before?.token;
  return nodes.startDrain(node.id, order, {
    instanceId: termination.instanceId,
    waitingSince: termination.since ?? before?.waitingSince ?? now,
    deadlineAt: order.how === 'start' ? now + order.deadlineSeconds * 1000 : (before?.deadlineAt ?? now),
    ...(order.how === 'force' && { forcedAt: now }),
    ...(token && { token }),
  });
}

/** The sweep has no event: the drain that the event's run started has written its token down. */
function instanceWithToken(termination: Termination, seen: Observation): Termination {
  const token = termination.token ?? nodeOf(seen)?.drain?.ours?.token;
  return token ? { ...termination, token } : termination;
}
