import { onTestFinished } from 'vitest';
import { World, type WorldOptions } from '../../emulators/world/world.ts';

/** The world of the test that runs: the one that it has started last. */
export let world: World;

/** Starts a world for the test that runs. It is closed when the test ends. */
export async function start(options?: WorldOptions): Promise<World> {
  const started = await World.start(options);
  onTestFinished(() => started.close());
  world = started;
  return started;
}
