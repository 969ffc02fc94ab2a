import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { Fault } from '../../emulators/server.ts';
import { MINUTE, SECOND, SWEEP } from '../../emulators/world/world.ts';
import { slowly } from './slowly.ts';
import { start, world } from './start.ts';

const scaleIn = async (count: number) => {
  const builders = Array.from({ length: count }, () => world.addBuilder());
  await world.scaleIn(...builders.map(({ instanceId }) => instanceId));
  return builders;
};

describe('a Nomad that never answers about one node', () => {
  it('costs the other instances of the run nothing but the time limit of a question', async () => {
    await start();
    const [sick, ...others] = await scaleIn(20);
    const about = encodeURIComponent(sick?.instanceId ?? '');
    world.nomad.server.fault = ({ url }) =>
      url.search.includes(about) || url.pathname.includes(sick?.nodeId ?? '') ? 'silence' : undefined;
    const began = world.clock.now();

    await expect(world.wake(SWEEP)).rejects.toThrow(
      /1 of 20 instances not served: .*GET \/v1\/nodes: no answer within the time limit/,
    );

    for (const { instanceId } of others) {
      const { at = Number.POSITIVE_INFINITY } = world.completion(instanceId) ?? {};
      expect(at - began).toBeLessThanOrEqual(15 * SECOND);
    }
    expect(world.completion(sick?.instanceId ?? '')).toBeUndefined();
  });
});

describe('a Nomad that takes its time with every answer', () => {
  it('is never asked beyond the time that the function has, and everybody gets a turn in some run', async () => {
    await start();
    const builders = await scaleIn(120);
    world.nomad.server.fault = slowly(world.clock, 3 * SECOND);

    let cutShort = 0;
    for (let minute = 0; minute < 30 && world.aws.waiting.length > 0; minute++) {
      const began = world.clock.now();
      await world.wake(SWEEP).catch((error: Error) => {
        expect(error.message).toContain('instances not served');
        cutShort += 1;
      });
      expect(world.clock.now() - began).toBeLessThan(67 * SECOND);
      await world.advance(Math.max(0, began + MINUTE - world.clock.now()));
    }

    expect(cutShort).toBeGreaterThan(0);
    for (const { instanceId } of builders) expect(world.completion(instanceId)).toMatchObject({ by: 'call' });
  });
});

describe('of several Nomad servers the first', () => {
  /** The emulated Nomad by two names, of which the first is `localhost`. */
  const startWithTwo = async (fault: Fault) => {
    let second = '';
    await start({
      before: async (plainUrl) => {
        second = plainUrl;
        return plainUrl.replace('127.0.0.1', 'localhost');
      },
      nomad: {
        get fallbackAddresses() {
          return [second];
        },
      },
    });
    world.nomad.server.fault = (request) =>
      request.headers.host?.startsWith('localhost') ? fault(request) : undefined;
  };
  const drip = async function* () {
    for (;;) {
      yield ' ';
      await world.clock.sleep(4 * SECOND);
    }
  };

  it.each<[string, Fault]>([
    [
      'sends a byte every four seconds',
      (request) => {
        request.park();
        return { status: 200, headers: { 'X-Nomad-KnownLeader': 'true' }, body: Readable.from(drip()) };
      },
    ],
    ['is silent', () => 'silence'],
    ['says half of each answer', () => 'half an answer'],
    ['has lost its leader', () => ({ status: 500, body: 'rpc error: EOF' })],
  ])('%s: the second is asked, in the same run, for all that wait', async (_, fault) => {
    await startWithTwo(fault);
    const builders = await scaleIn(40);
    const began = world.clock.now();
    await world.wake(SWEEP);
    for (const { instanceId } of builders) {
      expect((world.completion(instanceId)?.at ?? Number.POSITIVE_INFINITY) - began).toBeLessThan(30 * SECOND);
    }
  });
});
