import { describe, expect, it, test } from 'vitest';
import { decide } from '../../lambda/core/decide/decide.ts';
import { asked } from './situations/asked.ts';
import { complete } from './situations/complete.ts';
import { draining } from './situations/draining.ts';
import { nodes } from './situations/nodes.ts';
import { notices } from './situations/notices.ts';
import { at, MINUTE, policy, waiting } from './situations/situation.ts';
import { timeIsUp } from './situations/time-is-up.ts';
import { whatIsLeft } from './situations/what-is-left.ts';

const situations = [...draining, ...complete, ...whatIsLeft, ...nodes, ...timeIsUp, ...notices, ...asked];

describe('an instance waits for our hook, or goes without', () => {
  test.each(situations)('$when', ({ termination = waiting(), nomad, now = at(11 * MINUTE), decision, ...more }) => {
    const under = { ...termination, policy: { ...policy, ...more.policy } };
    expect(decide(under, nomad, { now, seesEveryNamespace: !more.blind })).toMatchObject(decision);
  });

  it('tells an operator why, in a sentence for each situation', async () => {
    const sentences = situations.map(({ when, termination = waiting(), nomad, now = at(11 * MINUTE), ...more }) => {
      const under = { ...termination, policy: { ...policy, ...more.policy } };
      const { action, because, ...rest } = decide(under, nomad, { now, seesEveryNamespace: !more.blind });
      const stuck = 'stuck' in rest ? `  stuck: ${rest.stuck}\n` : '';
      return `${when}\n  ${action}: ${because}\n${stuck}`;
    });
    await expect(sentences.join('')).toMatchFileSnapshot('./decide.sentences.txt');
  });
});
