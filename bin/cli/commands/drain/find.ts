import type { InstanceReport, Report } from '../../../../lambda/core/drain/report.ts';
import type { CapacityAnswer } from '../../../../lambda/core/queries/capacity.ts';
import type { Context } from '../../context.ts';
import { Problem } from '../../problem.ts';
import { type Named, resolveInstance } from '../../resolve-instance.ts';

const WHOLE_ID = /^i-[0-9a-f]{17}$/;

/**
 * The instance that is meant, of all that the function serves. A whole id is taken as it is.
 * @throws Problem if it is none, or more than one
 */
async function findInstance(context: Context, given: string): Promise<Named> {
  if (WHOLE_ID.test(given)) return { instanceId: given };
  const { nodes, nodesLeftOut, withoutNode } = await context.ask<CapacityAnswer>({ command: 'capacity' });
  const ofGroups = nodes.flatMap(({ id, name, instanceId }) =>
    instanceId === undefined ? [] : [{ instanceId, nodeId: id, nodeName: name }],
  );
  const others = nodesLeftOut > 0 ? ` among those that fit the answer; ${nodesLeftOut} do not` : '';
  const isForeign = nodes.some(({ id, name, instanceId }) => instanceId === undefined && [id, name].includes(given));
  return resolveInstance<Named>(
    given,
    [...ofGroups, ...withoutNode],
    isForeign
      ? new Problem(
          `node ${given} is not on an instance of the groups`,
          'To drain it alone: nomad node drain -enable <node>',
        )
      : new Problem(`no instance or node matches ${given}${others}`, 'List them with: nomad-drain-hook nodes'),
  );
}

/**
 * What the hook would do with the instance that is meant, if it had to be terminated.
 * @throws Problem if it is none, or more than one
 */
export async function dryRunOf(context: Context, given: string): Promise<{ report: Report; instance: InstanceReport }> {
  const { instanceId } = await findInstance(context, given);
  const report = await context.ask<Report>({ command: 'dryRun', instanceId });
  const [instance] = report.instances;
  if (instance) return { report, instance };
  throw new Problem(report.because ?? `there is no ${instanceId}`, 'List them with: nomad-drain-hook nodes');
}
