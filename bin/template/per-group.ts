import type { Json } from './either.ts';

/** Resources that belong to one group. */
const OF_A_GROUP = ['AWS::AutoScaling::LifecycleHook'];

/** What a loop over the groups makes for each, and what there is but once. */
export interface PerGroup {
  readonly each: Record<string, Json>;
  readonly once: Record<string, Json>;
}

/**
 * Sets apart what each group needs of its own, so that a loop can make it. CloudFormation loops over resources, not over
 * the statements of a policy: those that name the group become a policy for each, of the same role.
 * No hook waits for its group's policy, since `DependsOn` takes no variable: for the seconds between them the function may
 * not answer for the group, and the next sweep does.
 * @param group what the group is called in these resources
 * @param name the loop's variable
 */
export function perGroup(resources: Record<string, Json>, group: string, name: string): PerGroup {
  const each: Record<string, Json> = {};
  const once: Record<string, Json> = {};
  for (const [id, resource] of Object.entries(resources)) {
    if (OF_A_GROUP.includes(resource.Type)) each[eachId(resource.Type, name)] = resource;
    else if (resource.Type === 'AWS::IAM::Policy') {
      const { PolicyDocument: document, ...properties } = resource.Properties;
      const names = (statement: Json) => JSON.stringify(statement).includes(group);
      const withStatements = (Statement: Json[]) => ({ ...properties, PolicyDocument: { ...document, Statement } });
      const own = document.Statement.filter(names);
      if (own.length > 0) {
        each[eachId(resource.Type, name)] = {
          ...resource,
          Properties: { ...withStatements(own), PolicyName: group },
        };
      }
      once[id] = { ...resource, Properties: withStatements(document.Statement.filter((each: Json) => !names(each))) };
    } else once[id] = resource;
  }
  return { each, once };
}

/** The id of a resource of each group: the letters and digits of the group's name tell them apart. */
const eachId = (type: string, name: string) => `${type.split('::').at(-1)}&{${name}}`;
