import { describe, it } from 'vitest';
import { kept } from './kept.ts';
import { withoutChance } from './many.ts';
import { play } from './play.ts';

withoutChance();

describe('stories that once failed', () => {
  it.each(kept)('$because', { timeout: 300_000 }, ({ story }) => play(story));
});
