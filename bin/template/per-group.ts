import type { Json } from './either.ts';

/** Resources that belong to one group. */
const OF_A_GROUP = ['AWS::AutoScaling::LifecycleHook'];

/** What a loop over the groups makes for each, and what there is but once. */
export interface PerGroup {
  readonly each: Record<string, Json>;
  readonly once: Record<string, Json>;
}

/**
 * Sets apart what each group has of its own, so that a loop can make it.
 * @param name the loop's variable
 */
export function perGroup(resources: Record<string, Json>, name: string): PerGroup {
  const isOfAGroup = ([, { Type: type }]: [string, Json]) => OF_A_GROUP.includes(type);
  const [each, once] = [true, false].map((own) =>
    Object.entries(resources).filter((entry) => isOfAGroup(entry) === own),
  ) as [[string, Json][], [string, Json][]];
  return {
    // The letters and digits of the group's name tell the ids apart.
    each: Object.fromEntries(each.map(([, resource]) => [`${resource.Type.split('::').at(-1)}&{${name}}`, resource])),
    once: Object.fromEntries(once),
  };
}
