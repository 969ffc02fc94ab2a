import type { InstanceReport } from '../../../../lambda/core/drain/report.ts';
import { type ChangeOptions, confirmAndApply } from '../../confirm-and-apply.ts';
import { consent } from '../../consent.ts';
import type { Context } from '../../context.ts';
import { EXIT, type ExitCode } from '../../exit-code.ts';
import { nomadOf, readNode } from '../../nomad.ts';
import { Problem } from '../../problem.ts';
import { nodeUnknown } from '../../resolve-instance.ts';
import { allocationsText } from '../../terminal/allocations.ts';

/** Makes the node of an instance ineligible, and nothing more. */
export async function cordon(context: Context, instance: InstanceReport, options: ChangeOptions): Promise<ExitCode> {
  const { instanceId, group, nodeId, nodeName = '', remaining, unserved } = instance;
  if (nodeId === null && unserved) throw nodeUnknown(instance);
  if (nodeId === null) throw new Problem(`${instanceId} has no node in Nomad`, 'No work can be placed there.');
  const nomad = nomadOf(process.env);
  const { SchedulingEligibility, Name } = await readNode(nomad, nodeId);
  const back = `nomad node eligibility -enable ${nodeId}`;
  const answer = { cordon: true, instanceId, group, nodeId, nodeName, remaining };
  if (SchedulingEligibility === 'ineligible') {
    const already = `${Name} is ineligible already: nothing was changed. To make it eligible:\n${back}`;
    context.show({ ...answer, changed: false }, () => already);
    return EXIT.ok;
  }
  context.explain(remaining, (allocations, page) =>
    [
      `${page.ink.heading(Name)}  ${instanceId}  ${group}`,
      allocationsText(allocations, page),
      'No new work would be placed there; running work continues; the instance stays.',
    ].join('\n\n'),
  );
  const body = { NodeID: nodeId, Eligibility: 'ineligible' };
  await confirmAndApply(
    context,
    {
      answer,
      agree: (yes) => consent(context, `Make ${Name} ineligible?`, yes),
      make: () => nomad({ method: 'POST', path: `/v1/node/${nodeId}/eligibility`, body }),
      done: `${Name} is ineligible. To make it eligible again:\n${back}`,
    },
    options,
  );
  return EXIT.ok;
}
