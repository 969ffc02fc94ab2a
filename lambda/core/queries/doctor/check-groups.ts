import { say } from '../../explain.ts';
import type { AnswerPorts, DeletionProtection } from '../ports.ts';
import type { Finding } from './finding.ts';

/** Whether each group has its hook, and the hook holds an instance for as long as a drain may take. */
export async function checkGroups({ examination, groups }: AnswerPorts): Promise<Finding[]> {
  const hooks = await examination.hooks();
  return hooks.map(({ group, hook, problem, unknown }): Finding => {
    const id = 'hook';
    if (unknown !== undefined) return { id, level: 'unknown', what: unknown, do: 'run doctor again in a minute' };
    if (problem !== undefined) return { id, level: 'problem', what: problem, do: 'do as it says' };
    const deadline = say(groups.find(({ name }) => name === group)?.policy.deadlineSeconds ?? 0);
    return {
      id,
      level: 'ok',
      what: `hook ${hook} of group ${group} holds an instance for the drain deadline of ${deadline}`,
    };
  });
}

/** Whether Auto Scaling refuses to delete a group with force, which terminates its instances without a hook. */
export async function checkDeletion({ examination, groups }: AnswerPorts): Promise<Finding[]> {
  const protections = await examination.deletionProtections();
  return groups
    .filter(({ name }) => protections.has(name))
    .map(({ name }) => ({ id: 'deletion', ...judge(name, protections.get(name)) }));
}

function judge(group: string, protection: DeletionProtection | undefined): Omit<Finding, 'id'> {
  switch (protection) {
    case 'none':
      return {
        level: 'warning',
        what: `group ${group} can be deleted with force (force_delete in Terraform): all its instances then terminate at once, and no hook runs`,
        do: `aws autoscaling update-auto-scaling-group --auto-scaling-group-name ${group} --deletion-protection prevent-force-deletion`,
      };
    case 'prevent-force-deletion':
    case 'prevent-all-deletion':
      return { level: 'ok', what: `group ${group} is protected against a forced deletion (${protection})` };
    default:
      return {
        level: 'unknown',
        what: `Auto Scaling does not report whether group ${group} is protected against a forced deletion`,
        do: 'before you delete the group, set its desired capacity to zero and wait until no instances are draining',
      };
  }
}
