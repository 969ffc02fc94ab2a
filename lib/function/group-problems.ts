import { Stack, Token } from 'aws-cdk-lib';
import * as autoscaling from 'aws-cdk-lib/aws-autoscaling';
import type { Construct } from 'constructs';
import { ANY_GROUP } from '../../lambda/config/names.ts';
import type { ConfigProblem } from '../../lambda/errors.ts';
import type { DrainedGroup } from '../props.ts';
import { referredTo } from './hook-id.ts';

/** A group as Auto Scaling knows it, and as its author calls it. */
interface KnownGroup {
  /** Equal for the same group, however it is given. */
  readonly key: unknown;
  readonly name: string;
}

/**
 * What is wrong with the groups beside their names: one that is given twice, by its construct and by its name perhaps; one of another
 * region or account, whose instances the function would look for in its own; our own sign for all groups.
 */
export function groupProblems(scope: Construct, groups: readonly DrainedGroup[]): ConfigProblem[] {
  const keys = groups.map((group) => knownGroup(group).key);
  return groups.flatMap((group, index): ConfigProblem[] => {
    const { key, name } = knownGroup(group);
    const path = ['groups', index];
    if (name === ANY_GROUP) {
      const message = 'must be the name of a group: "*" does not stand for all groups here';
      return [{ path, id: 'nomad-drain-hook:groupName', message }];
    }
    if (keys.indexOf(key) < index) {
      return [{ path, id: 'nomad-drain-hook:groupTwice', message: `group ${name} is named more than once` }];
    }
    const away = typeof group === 'string' ? undefined : elsewhere(group, Stack.of(scope));
    const message = `group ${name} is in ${away}: its instances are drained by a stack there`;
    return away ? [{ path, id: 'nomad-drain-hook:groupElsewhere', message }] : [];
  });
}

/** The groups of ours that another construct of the app drains too. Known at synthesis, when all are made. */
export function groupsOfOthers(
  ours: readonly DrainedGroup[],
  others: readonly { readonly path: string; readonly groups: readonly DrainedGroup[] }[],
): ConfigProblem[] {
  return ours.map(knownGroup).flatMap(({ key, name }, index): ConfigProblem[] => {
    const other = others.find(({ groups }) => groups.some((group) => knownGroup(group).key === key));
    const message = `group ${name} is drained by ${other?.path} too: one NomadDrainHook drains a group`;
    return other ? [{ path: ['groups', index], id: 'nomad-drain-hook:groupTwice', message }] : [];
  });
}

/** A group as it is known at synthesis: its name, if it has one that is. */
export function knownGroup(group: DrainedGroup): KnownGroup {
  const named = typeof group === 'string' ? group : group.autoScalingGroupName;
  if (!Token.isUnresolved(named)) return { key: named, name: named };
  const made = referredTo(named) ?? group;
  if (typeof made === 'string') return { key: made, name: 'of a token' };
  const name = made instanceof autoscaling.CfnAutoScalingGroup ? made.autoScalingGroupName : undefined;
  return name === undefined || Token.isUnresolved(name)
    ? { key: made, name: (typeof group === 'string' ? made : group).node.path }
    : { key: name, name };
}

/** The account or region of a group that is known not to be the stack's. */
function elsewhere({ env }: autoscaling.IAutoScalingGroup, stack: Stack): string | undefined {
  const differs = (one: string, other: string) =>
    one !== other && !Token.isUnresolved(one) && !Token.isUnresolved(other);
  if (differs(env.region, stack.region)) return env.region;
  return differs(env.account, stack.account) ? `account ${env.account}` : undefined;
}
