import { Stack } from 'aws-cdk-lib';
import * as autoscaling from 'aws-cdk-lib/aws-autoscaling';
import type { IConstruct } from 'constructs';
import type { ConfigDocument } from '../../lambda/config/config.ts';
import { ANY_GROUP } from '../../lambda/config/names.ts';
import type { ConfigProblem } from '../../lambda/errors.ts';
import type { GroupTerms } from '../group-terms.ts';
import type { DrainedGroup, IdleFirstOptions } from '../props.ts';
import { knownGroup } from './group-problems.ts';

/** A group that asks which instances go. */
export interface AskingGroup {
  /** In the list of all groups. */
  readonly index: number;
  readonly group: autoscaling.IAutoScalingGroup;
  /** Undefined where what is made before the group cannot know it. */
  readonly name: string | undefined;
  readonly idleFirst: IdleFirstOptions;
}

/** Those groups that ask which instances go. @param groups the constructs of the groups, in the order of `terms` */
export function askingGroups(
  stack: Stack,
  terms: readonly GroupTerms[],
  groups: readonly autoscaling.IAutoScalingGroup[],
): AskingGroup[] {
  return groups.flatMap((group, index): AskingGroup[] => {
    const { group: given = group, idleFirst } = terms[index] ?? {};
    return idleFirst ? [{ index, group, name: nameInAdvance(given, stack), idleFirst }] : [];
  });
}

/** The name of a group before it is made; undefined for a group of the stack whose name CloudFormation makes up. */
function nameInAdvance(group: DrainedGroup, stack: Stack): string | undefined {
  const { key } = knownGroup(group);
  if (typeof key === 'string') return key;
  const { node } = key as IConstruct;
  const resource = node.defaultChild ?? key;
  if (resource instanceof autoscaling.CfnAutoScalingGroup && Stack.of(resource) === stack) return undefined;
  return typeof group === 'string' ? group : group.autoScalingGroupName;
}

type Choosing = Pick<ConfigDocument['groups'][number], 'name' | 'chooses'>;

/**
 * The groups as the function that chooses knows them: any, and by name those with other options. It cannot name a group that is made
 * after it: such a group is any.
 */
export function choosingGroups(asking: readonly AskingGroup[], shared: IdleFirstOptions | undefined): Choosing[] {
  const ofAny = asking.find(({ name }) => name === undefined)?.idleFirst ?? shared ?? asking[0]?.idleFirst ?? {};
  const others = asking.filter(({ name, idleFirst }) => name !== undefined && !isSameWait(idleFirst, ofAny));
  return [
    { name: ANY_GROUP, chooses: choosesOf(ofAny) },
    ...others.flatMap(({ name, idleFirst }) => (name === undefined ? [] : [{ name, chooses: choosesOf(idleFirst) }])),
  ];
}

/** Groups of the stack whose names CloudFormation makes up, and that do not wait for idle instances in the same way. */
export function choiceProblems(asking: readonly AskingGroup[]): ConfigProblem[] {
  const [first, ...others] = asking.filter(({ name }) => name === undefined);
  return others
    .filter(({ idleFirst }) => !isSameWait(idleFirst, first?.idleFirst ?? {}))
    .map(({ index }) => ({
      path: ['groups', index],
      id: 'nomad-drain-hook:idleFirstDiffers',
      message:
        `has another chooseIdleFirst than groups[${first?.index}], and CloudFormation makes up the names of both: the function that ` +
        'chooses is made before them, and knows groups by name. Give one an autoScalingGroupName, or both the same options',
    }));
}

const choosesOf = ({ onlyIdleFor }: IdleFirstOptions): NonNullable<Choosing['chooses']> => ({
  on: true,
  ...(onlyIdleFor && { onlyIdle: true, onlyIdleForSeconds: onlyIdleFor.toSeconds({ integral: false }) }),
});

const isSameWait = (one: IdleFirstOptions, other: IdleFirstOptions): boolean =>
  one.onlyIdleFor?.toSeconds({ integral: false }) === other.onlyIdleFor?.toSeconds({ integral: false });
