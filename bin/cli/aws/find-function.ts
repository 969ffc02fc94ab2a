import { paginateGetResources, type ResourceGroupsTaggingAPIClient } from '@aws-sdk/client-resource-groups-tagging-api';
import { FUNCTION_TAG } from '../../../lib/function/function-tag.ts';
import { Problem } from '../problem.ts';

/** CloudFormation tags what it makes with the name of its stack. */
const STACK_TAG = 'aws:cloudformation:stack-name';

interface Found {
  name: string;
  stack: string | undefined;
}

/**
 * Finds the function of an account and region by its tag, in whichever stack it is.
 * @returns its name
 * @throws Problem if there is none, or more than one to choose from
 */
export async function findFunction(client: ResourceGroupsTaggingAPIClient, stack: string | undefined): Promise<string> {
  const found: Found[] = [];
  const TagFilters = [{ Key: FUNCTION_TAG }, ...(stack === undefined ? [] : [{ Key: STACK_TAG, Values: [stack] }])];
  const pages = paginateGetResources({ client }, { TagFilters, ResourceTypeFilters: ['lambda:function'] });
  for await (const { ResourceTagMappingList = [] } of pages) {
    for (const { ResourceARN, Tags = [] } of ResourceTagMappingList) {
      const name = ResourceARN?.split(':')[6];
      if (name) found.push({ name, stack: Tags.find(({ Key }) => Key === STACK_TAG)?.Value });
    }
  }
  const region = await client.config.region();
  const [only, ...others] = found;
  if (only === undefined) {
    throw new Problem(
      `no drain hook is deployed in ${region}${stack === undefined ? '' : ` by a stack named ${stack}`}`,
      `Set --region, --profile or --stack, or name the function: --function <name>.`,
    );
  }
  if (others.length === 0) return only.name;
  const names = found.map(({ name, stack: its }) => (its === undefined ? name : `${name} of stack ${its}`));
  const byStack = new Set(found.map(({ stack: its }) => its)).size === found.length && only.stack !== undefined;
  throw new Problem(
    `${found.length} drain hooks are deployed in ${region}: ${names.join(', ')}`,
    `Choose one, such as ${byStack ? `--stack ${only.stack}` : `--function ${only.name}`}.`,
  );
}
