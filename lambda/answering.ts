import { answerPorts } from './answer-ports.ts';
import { type Answer, answer } from './core/answers/answer.ts';
import type { Command } from './core/answers/command.ts';
import { type Clock, RunClock } from './core/clock.ts';
import { iso } from './core/iso.ts';
import { messageOf } from './core/message-of.ts';
import { narrowToken } from './nomad/acl.ts';
import type { Wiring } from './wiring.ts';

/** How long an answer may take, in milliseconds: somebody waits for it. */
const ANSWER_MS = 25_000;

/**
 * Answers an operator, with ports that cannot write.
 * @param remainingMs what is left of the function's timeout for this, in milliseconds
 * @throws Error if what was asked for cannot be read, or not in time
 */
export async function answerTo(command: Command, wiring: Wiring, clock: Clock, remainingMs: number): Promise<Answer> {
  const ofRun = new RunClock(clock, clock.now() + Math.max(0, Math.min(ANSWER_MS, remainingMs)));
  const ports = answerPorts(wiring.forAnswers(ofRun));
  const [given, warnings] = await Promise.all([
    answer(command, ports),
    ports.permissions().then(narrowToken, (error) => [`the Nomad token was not checked: ${messageOf(error)}`]),
  ]);
  return { ...given, at: iso(clock.now()), warnings };
}
