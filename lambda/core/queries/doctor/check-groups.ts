import { say } from '../../explain.ts';
import type { AnswerPorts } from '../ports.ts';
import type { Finding } from './finding.ts';

/** Whether each group has its hook, and the hook holds an instance for as long as a drain may take. */
export async function checkGroups({ examination, policy }: AnswerPorts): Promise<Finding[]> {
  const hooks = await examination.hooks();
  return hooks.map(({ group, hook, problem, unknown }): Finding => {
    const id = 'hook';
    if (unknown !== undefined) return { id, level: 'unknown', what: unknown, do: 'look again in a minute' };
    if (problem !== undefined) return { id, level: 'problem', what: problem, do: 'do as it says' };
    const deadline = say(policy.deadlineSeconds);
    return {
      id,
      level: 'ok',
      what: `hook ${hook} of group ${group} holds an instance for the drain deadline of ${deadline}`,
    };
  });
}
