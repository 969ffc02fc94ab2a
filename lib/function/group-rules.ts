import { Stack } from 'aws-cdk-lib';
import * as events from 'aws-cdk-lib/aws-events';
import type { Construct } from 'constructs';
import { deployedLength } from './deployed-size.ts';

/** EventBridge's limit for an event pattern, in characters. */
const PATTERN_CHARACTERS = 2048;

/** Rules for events that name the group of an instance. */
export interface GroupRulesProps {
  readonly description: string;
  /** The names of the groups; may be tokens. */
  readonly groupNames: readonly string[];
  /** The pattern for events of these groups. */
  readonly patternFor: (names: string[]) => events.EventPattern;
  /** The target of a rule. Each rule gets its own. */
  readonly target: () => events.IRuleTarget;
}

/** As few rules as the names of the groups fit into: one, but for very many. */
export function groupRules(
  scope: Construct,
  id: string,
  { description, groupNames, patternFor, target }: GroupRulesProps,
): readonly events.Rule[] {
  const room = PATTERN_CHARACTERS - JSON.stringify(patternFor([])).length;
  const sizeOf = (name: string) => deployedLength(name, Stack.of(scope)) + '"",'.length;
  return packed(groupNames, sizeOf, room).map((names, index) => {
    const rule = new events.Rule(scope, `${id}${index || ''}`, { description, eventPattern: patternFor(names) });
    rule.addTarget(target());
    return rule;
  });
}

/** Splits the items, in order, into as few lists as their sizes allow. */
function packed(items: readonly string[], sizeOf: (item: string) => number, room: number): string[][] {
  const lists: string[][] = [];
  let left = 0;
  for (const item of items) {
    left -= sizeOf(item);
    const last = lists.at(-1);
    if (last && left >= 0) last.push(item);
    else {
      lists.push([item]);
      left = room - sizeOf(item);
    }
  }
  return lists;
}
