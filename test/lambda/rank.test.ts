import { describe, expect, it, test } from 'vitest';
import { rank } from '../../lambda/core/scale-in/rank.ts';
import { NOW } from './clients.ts';
import { type Situation, situations } from './rank-situations.ts';

const ONE = new Map([['us-east-1a on-demand', 1]]);

const ranked = ({ candidates, wanted = ONE, others = [], earlier = new Map(), limits = new Map() }: Situation) => {
  const clients = [...candidates.flatMap((candidate) => candidate.clients), ...others];
  return rank(candidates, { wanted, clients, earlier, limits, now: NOW });
};

describe('a group scales in', () => {
  test.each(situations)('$when', (situation) => {
    const chosen = ranked(situation);
    expect(chosen.map(({ instanceId, place }) => [instanceId, place])).toEqual(
      situation.goes.map(([instanceId, place]) => [instanceId, place]),
    );
    for (const [index, [, , idle]] of situation.goes.entries()) {
      if (idle !== undefined) expect(chosen[index]).toMatchObject({ idle });
    }
  });

  it('says of each why it goes', async () => {
    const sentences = situations.map((situation) => {
      const lines = ranked(situation).map(({ instanceId, because }) => `  ${instanceId}: ${because}\n`);
      return `${situation.when}\n${lines.join('')}`;
    });
    await expect(sentences.join('')).toMatchFileSnapshot('./rank.sentences.txt');
  });
});
