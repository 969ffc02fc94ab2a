import type { CapacityAnswer } from '../../../../lambda/core/queries/capacity.ts';
import type { JobsAnswer } from '../../../../lambda/core/queries/jobs.ts';
import type { Context } from '../../context.ts';
import { FunctionFailed } from '../../function-failed.ts';
import { Problem } from '../../problem.ts';
import { instanceMeant, resolveInstance } from '../../resolve-instance.ts';
import type { Logs } from './text.ts';

const INSTANCE = /^i-[0-9a-f]{8,17}$/;
const BEGINNING_OF_INSTANCE = /^i-[0-9a-f]*$/;
const BEGINNING_OF_ID = /^(?=.{4,36}$)[0-9a-f]+(-[0-9a-f]*)*$/;

/**
 * Asks for the logs of what is meant: an instance by its id or a beginning of it; an allocation in the same way; or a node.
 * @throws Problem or FunctionFailed if nothing is meant, or several things are
 */
export async function askWhose(
  context: Context,
  whose: string,
  asked: { job?: string } & Record<string, unknown>,
): Promise<Logs> {
  const ask = (by: object) => context.ask<Logs>({ command: 'logs', ...by, ...asked });
  if (INSTANCE.test(whose)) return ask({ instanceId: whose });
  if (BEGINNING_OF_INSTANCE.test(whose)) return ask({ instanceId: await instanceBeginning(context, whose) });
  const askPrefix = async (error: Error) => ask({ node: await nodeOfPrefix(context, whose, error) });
  const askNode = () => ask({ node: whose }).catch(askPrefix);
  if (!BEGINNING_OF_ID.test(whose) || asked.job !== undefined) return askNode();
  try {
    return await ask({ allocation: whose });
  } catch (error) {
    if (!isNothing(error)) throw error;
    // What looks like an id may be that of a node, or even a node's name.
    return ask({ node: whose }).catch((other) => {
      if (!isNothing(other)) throw other;
      return askPrefix(error as Error);
    });
  }
}

const isNothing = (error: unknown): boolean =>
  error instanceof FunctionFailed &&
  error.type === 'AnswerError' &&
  /^(no allocation that the token sees|Nomad has no node)/.test(error.message);

/**
 * The id of the node whose name begins so, such as the first label of a host name.
 * @param error why it is no name or id of a node
 * @throws Problem if there is none, or more than one, or a job has this name; the error if it says something else
 */
async function nodeOfPrefix(context: Context, whose: string, error: Error): Promise<string> {
  if (!isNothing(error)) throw error;
  const { jobs } = await context.ask<JobsAnswer>({ command: 'jobs' });
  const [found] = jobs.filter(({ job }) => job === whose);
  if (!found) {
    const { nodes } = await context.ask<CapacityAnswer>({ command: 'capacity' });
    const named = nodes.map(({ id, name, instanceId = id }) => ({ instanceId, nodeId: id, nodeName: name }));
    const meant = instanceMeant(whose, named);
    if (meant) return meant.nodeId;
    throw new Problem(
      `there is no allocation, instance, node or job ${whose}, or the token does not see it`,
      'nomad-drain-hook nodes and nomad-drain-hook jobs list what there is.',
    );
  }
  const named = found.allocations.map(({ id, node }) => `${id.slice(0, 8)} on ${node}`).join(', ');
  const [first] = found.allocations;
  throw new Problem(
    `${whose} is a job: logs belong to an allocation, an instance or a node`,
    first
      ? `Its allocations: ${named}. Say: nomad-drain-hook logs ${first.id.slice(0, 8)}`
      : 'It has no allocation yet.',
  );
}

async function instanceBeginning(context: Context, beginning: string): Promise<string> {
  const { nodes } = await context.ask<CapacityAnswer>({ command: 'capacity' });
  const instances = nodes.flatMap(({ instanceId, id, name }) =>
    instanceId ? [{ instanceId, nodeId: id, nodeName: name }] : [],
  );
  const todo = 'nomad-drain-hook nodes lists them.';
  return resolveInstance(
    beginning,
    instances,
    new Problem(`no node belongs to an instance whose id begins with ${beginning}`, todo),
  ).instanceId;
}
