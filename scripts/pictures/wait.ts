import { inFull } from '../../lambda/config/durations.ts';
import { globalCapSeconds, limits } from '../../lambda/core/decide/deadlines.ts';
import { DEFAULT_POLICY } from '../../lambda/core/model/policy.ts';
import { DEFAULT_HOOK } from '../../lib/props.ts';
import { draw, INK } from './plot.ts';

const DESCRIPTION =
  'The timeline of a wait: the drain begins, allocations finish, and the instance is released as soon as its node is proven empty; ' +
  'at the deadline Nomad kills what is left, a kill margin later the drain is forced, another margin later the instance is released; ' +
  'Auto Scaling holds it for 48 hours at most';

/** docs/wait.svg: the timeline of a wait, with the times of the default settings. Not to scale: the margins would not be seen. */
export function waitPicture(): Promise<string> {
  const heartbeatTimeout = DEFAULT_HOOK.heartbeatTimeout.toSeconds();
  const { forceAt, giveUpAt } = limits(0, heartbeatTimeout, DEFAULT_POLICY);
  const moments = [
    { at: 0, seconds: 0, says: ['scale-in: the hook', 'holds the instance'] },
    { at: 4, seconds: DEFAULT_POLICY.deadlineSeconds, says: ['deadline'] },
    { at: 5.6, seconds: forceAt / 1000, says: ['drain is forced'] },
    { at: 7.2, seconds: giveUpAt / 1000, says: ['released, whatever', 'still runs'] },
    { at: 10.2, seconds: globalCapSeconds(heartbeatTimeout), says: ["Auto Scaling's cap"] },
  ];
  const [start, deadline, force, release, cap] = moments.map(({ at }) => at);
  const phases = [
    {
      from: start,
      to: deadline,
      color: INK.green,
      says: ['the node drains, allocations finish;', 'released once it is proven empty'],
    },
    { from: deadline, to: force, color: INK.orange, says: ['kill margin:', 'killed tasks stop'] },
    { from: force, to: release, color: INK.red, says: ['kill margin', 'once more'] },
    {
      from: release,
      to: cap,
      color: INK.grid,
      says: ['only for a drain with a later deadline,', 'or while Nomad does not answer'],
    },
  ];
  const x = { type: 'quantitative', scale: { domain: [-0.9, 11] as number[], nice: false }, axis: null } as const;
  const y = { type: 'quantitative', scale: { domain: [0, 10] as number[] }, axis: null } as const;
  return draw(
    {
      width: 900,
      height: 180,
      config: { view: { stroke: null } },
      layer: [
        {
          data: { values: phases },
          mark: { type: 'rect' },
          encoding: {
            x: { ...x, field: 'from' },
            x2: { field: 'to' },
            y: { ...y, datum: 4.6 },
            y2: { datum: 6 },
            color: { field: 'color', type: 'nominal', scale: null },
          },
        },
        {
          data: { values: phases.map((phase) => ({ ...phase, middle: ((phase.from ?? 0) + (phase.to ?? 0)) / 2 })) },
          mark: { type: 'text', baseline: 'top', lineHeight: 15, color: INK.quiet },
          encoding: { x: { ...x, field: 'middle' }, y: { ...y, datum: 4.1 }, text: { field: 'says' } },
        },
        {
          data: { values: moments },
          mark: { type: 'rule', color: INK.text, strokeWidth: 2 },
          encoding: { x: { ...x, field: 'at' }, y: { ...y, datum: 4.3 }, y2: { datum: 7.1 } },
        },
        {
          data: { values: moments.map((moment) => ({ ...moment, label: labelOf(moment) })) },
          mark: { type: 'text', baseline: 'top', lineHeight: 15, fontWeight: 'bold' },
          encoding: { x: { ...x, field: 'at' }, y: { ...y, datum: 9.9 }, text: { field: 'label' } },
        },
        {
          data: { values: [{}] },
          mark: {
            type: 'text',
            color: INK.quiet,
            text: 'All the while: a heartbeat each third of the heartbeat timeout (10 of 30 min). Not to scale; default settings.',
          },
          encoding: { x: { ...x, datum: 5.05 }, y: { ...y, datum: 0.6 } },
        },
      ],
    },
    DESCRIPTION,
  );
}

/** Three lines, the last of which are used: so all end above the bar. */
const labelOf = ({ says, seconds }: { says: string[]; seconds: number }): string[] =>
  ['', '', ...says, seconds === 0 ? 'now' : inFull(seconds)].slice(-3);
