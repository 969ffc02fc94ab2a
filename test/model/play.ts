import { expect } from 'vitest';
import { MINUTE } from '../../emulators/world/world.ts';
import { type Account, differences } from './account.ts';
import { castOf, type Memory } from './cast.ts';
import { watchCuts } from './cuts.ts';
import { enact } from './enact.ts';
import { end } from './ending.ts';
import { check } from './invariants.ts';
import { Stage } from './stage.ts';
import type { Story } from './steps.ts';

/**
 * Plays a story twice: with a function that stays warm, and with one that is cold in every run. Memory is for speed alone: what they
 * do is the same.
 * @throws the invariant that is violated, as soon as it is
 */
export async function play(story: Story): Promise<void> {
  const warm = await playOnce(story, 'warm');
  const cold = await playOnce(story, 'cold');
  expect(differences(warm, cold), 'a warm function does what a cold one does').toEqual([]);
}

async function playOnce(story: Story, memory: Memory): Promise<Account> {
  const cast = await castOf(story, memory);
  watchCuts(cast);
  const { world, account } = cast;
  const stage = new Stage(cast);
  try {
    for (const step of story.steps) {
      account.steps.push({ at: world.clock.now(), found: stage.found(step) });
      await enact(stage, step);
      check(cast);
    }
    account.steps.push({ at: world.clock.now(), found: '' });
    await end(stage, story.ending);
    account.endedAt = world.clock.now();
    // What Nomad has planned by then is placed.
    await world.advance(MINUTE);
    check(cast);
    return account;
  } catch (error) {
    if (error instanceof Error) error.message = `${memory}: ${error.message}`;
    throw error;
  } finally {
    await world.close();
  }
}
