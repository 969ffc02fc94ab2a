import type { CapacityAnswer } from '../../../../lambda/core/queries/capacity.ts';
import type { LogsAnswer } from '../../../../lambda/core/queries/logs.ts';
import type { Context } from '../../context.ts';
import { FunctionFailed } from '../../function-failed.ts';
import { Problem } from '../../problem.ts';
import { resolveInstance } from '../../resolve-instance.ts';

const INSTANCE = /^i-[0-9a-f]{8,17}$/;
const BEGINNING_OF_INSTANCE = /^i-[0-9a-f]*$/;
const BEGINNING_OF_ID = /^(?=.{4,36}$)[0-9a-f]+(-[0-9a-f]*)*$/;

/**
 * Asks for the logs of what is meant: an instance by its id or a beginning of it; an allocation likewise; or a node.
 * @throws Problem or FunctionFailed if nothing is meant, or several things are
 */
export async function askWhose(
  context: Context,
  whose: string,
  asked: { job?: string } & Record<string, unknown>,
): Promise<LogsAnswer> {
  const ask = (by: object) => context.ask<LogsAnswer>({ command: 'logs', ...by, ...asked });
  if (INSTANCE.test(whose)) return ask({ instanceId: whose });
  if (BEGINNING_OF_INSTANCE.test(whose)) return ask({ instanceId: await instanceBeginning(context, whose) });
  if (!BEGINNING_OF_ID.test(whose) || asked.job !== undefined) return ask({ node: whose });
  try {
    return await ask({ allocation: whose });
  } catch (error) {
    if (!isNothing(error)) throw error;
    // What looks like an id may be that of a node, or even a node's name.
    return ask({ node: whose }).catch((other) => {
      throw isNothing(other) ? error : other;
    });
  }
}

const isNothing = (error: unknown): boolean =>
  error instanceof FunctionFailed &&
  error.type === 'AnswerError' &&
  /^(no allocation|Nomad has no node)/.test(error.message);

async function instanceBeginning(context: Context, beginning: string): Promise<string> {
  const { nodes } = await context.ask<CapacityAnswer>({ command: 'capacity' });
  const instances = nodes.flatMap(({ instanceId, id, name }) =>
    instanceId ? [{ instanceId, nodeId: id, nodeName: name }] : [],
  );
  const todo = 'nomad-drain-hook nodes lists them.';
  return resolveInstance(
    beginning,
    instances,
    new Problem(`no node is of an instance that begins with ${beginning}`, todo),
  ).instanceId;
}
