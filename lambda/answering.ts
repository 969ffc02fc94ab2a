import { answerPorts } from './answer-ports.ts';
import type { Composition } from './composition.ts';
import { type Answer, answer } from './core/answers/answer.ts';
import type { Command } from './core/answers/command.ts';
import type { RunClock } from './core/clock.ts';
import { iso } from './core/iso.ts';
import { messageOf } from './core/message-of.ts';
import { narrowToken } from './nomad/acl.ts';

/**
 * Answers an operator, with ports that cannot write.
 * @throws Error if what was asked for cannot be read, or not in time
 */
export async function answerTo(command: Command, composition: Composition, clock: RunClock): Promise<Answer> {
  const ports = answerPorts(composition.forAnswers(clock));
  const [given, warnings] = await Promise.all([
    answer(command, ports),
    ports.permissions().then(narrowToken, (error) => [`the Nomad token was not checked: ${messageOf(error)}`]),
  ]);
  return { ...given, at: iso(clock.now()), warnings };
}
