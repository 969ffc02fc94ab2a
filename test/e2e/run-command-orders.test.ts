import { describe, expect, it } from 'vitest';
import type { Delivery } from '../../emulators/aws/ssm/run-command.ts';
import { SECOND, SWEEP } from '../../emulators/world/world.ts';
import { drainsOf, startWithCommands } from './command-world.ts';
import { rebalanceRecommendation } from './notice-events.ts';
import { world } from './start.ts';

/** Where the orders to drain were sent. */
const ordered = () =>
  world.aws.commands.sent.filter(({ parameters }) => parameters.Method === 'POST').map(({ instanceId }) => instanceId);

describe('an order of which nobody knows whether it was carried out', () => {
  /** The first order to drain reaches its instance so. */
  const deliverFirstOrder = (delivery: Delivery) => {
    let first = true;
    world.aws.commands.delivery = ({ parameters }) => {
      if (parameters.Method !== 'POST' || !first) return {};
      first = false;
      return delivery;
    };
  };

  it('is not given to another instance: one that comes late is carried out after SSM has given it up', async () => {
    const { leaving } = await startWithCommands();
    deliverFirstOrder({ afterMs: 95 * SECOND });
    await world.scaleIn(leaving.instanceId);

    await expect(world.deliver()).rejects.toThrow(
      /no instance answers: i-\w+: no answer within the time limit \(Delayed\); its log records/,
    );
    expect(ordered()).toHaveLength(1);

    // While it may still come, no second one is sent, by the next sweep neither.
    await expect(world.wake(SWEEP)).rejects.toThrow(
      /a request for this node was sent before, and may still be executed for \d+ s more/,
    );
    expect(ordered()).toHaveLength(1);
    expect(drainsOf(world)).toHaveLength(0);

    await world.advance(95 * SECOND);
    await world.aws.commands.settled();
    expect(drainsOf(world)).toHaveLength(1);
    await world.wake(SWEEP);
    expect(ordered()).toHaveLength(1);
    expect(world.outcome(leaving.instanceId)).toBe('drained');
  });

  it('holds back no order for another node: each is marked by the same path', async () => {
    const { leaving, others } = await startWithCommands(3, { notices: { rebalance: 'cordon' } });
    const marks = () =>
      world.aws.commands.sent.filter(({ parameters }) => parameters.Path?.startsWith('/v1/client/metadata'));
    deliverFirstOrder({ afterMs: Number.POSITIVE_INFINITY });
    await expect(world.wake(rebalanceRecommendation(leaving.instanceId))).rejects.toThrow('cordon failed');
    expect(marks()).toHaveLength(1);

    const other = others[0]?.instanceId ?? '';
    await world.wake(rebalanceRecommendation(other));
    expect(marks()).toHaveLength(2);
    expect(world.nomad.node(others[0]?.nodeId ?? '')).toMatchObject({ SchedulingEligibility: 'ineligible' });
  });

  it('is given again once it cannot come any more', async () => {
    const { leaving } = await startWithCommands();
    deliverFirstOrder({ afterMs: Number.POSITIVE_INFINITY });
    await world.scaleIn(leaving.instanceId);

    await expect(world.deliver()).rejects.toThrow('no answer within the time limit');
    await world.advance(90 * SECOND);
    await world.wake(SWEEP);

    expect(ordered()).toHaveLength(2);
    expect(drainsOf(world)).toHaveLength(1);
    expect(world.outcome(leaving.instanceId)).toBe('drained');
  });

  it('is found to have been carried out where only its report was lost', async () => {
    const { leaving } = await startWithCommands();
    deliverFirstOrder({ unreported: true });
    await world.scaleIn(leaving.instanceId);

    await expect(world.deliver()).rejects.toThrow('no answer within the time limit (InProgress)');
    await world.wake(SWEEP);

    expect(drainsOf(world)).toHaveLength(1);
    expect(world.outcome(leaving.instanceId)).toBe('drained');
  });

  it('is carried out once where SSM takes it twice, its first answer being lost', async () => {
    const { leaving } = await startWithCommands();
    const { ssm } = world.aws.servers;
    ssm.fault = ({ body }) => {
      const { Parameters } = JSON.parse(body) as { Parameters?: Record<string, string[]> };
      if (Parameters?.Method?.[0] !== 'POST') return undefined;
      ssm.fault = undefined;
      return 'answer lost';
    };
    await world.scaleIn(leaving.instanceId);

    await expect(world.deliver()).rejects.toThrow('this has been asked before');
    await world.wake(SWEEP);

    expect(ordered()).toHaveLength(2);
    expect(new Set(ordered()).size).toBe(1);
    expect(drainsOf(world)).toHaveLength(1);
    expect(world.outcome(leaving.instanceId)).toBe('drained');
  });

  it('is given to another instance where it surely was not: SSM refused to send it', async () => {
    const { leaving, others } = await startWithCommands();
    const [first, second] = others;
    // From its first order on, the agent is lost.
    const { ssm } = world.aws.servers;
    ssm.fault = ({ body }) => {
      const { Parameters } = JSON.parse(body) as { Parameters?: Record<string, string[]> };
      if (Parameters?.Method?.[0] === 'POST') world.aws.commands.offline.add(first?.instanceId ?? '');
      return undefined;
    };
    await world.scaleIn(leaving.instanceId);

    await world.wake(SWEEP);

    expect(ordered()).toEqual([second?.instanceId]);
    expect(drainsOf(world)).toHaveLength(1);
    expect(world.outcome(leaving.instanceId)).toBe('drained');
  });
});
