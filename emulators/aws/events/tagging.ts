import { page } from '../query-protocol.ts';
import { JsonError } from '../ssm/ssm.ts';

/** Something with tags, as the Resource Groups Tagging API lists it. */
interface TaggedResource {
  arn: string;
  /** `service:type`. */
  type: string;
  tags: Record<string, string>;
}

export const tagged = (arn: string, type: string, tags: Record<string, string>): TaggedResource => ({
  arn,
  type,
  tags,
});

interface TagFilter {
  Key?: string;
  Values?: string[];
}

/** https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html */
export function taggingActions(resources: () => TaggedResource[]) {
  return {
    GetResources: ({ TagFilters, ResourceTypeFilters, PaginationToken, ResourcesPerPage }: Record<string, unknown>) => {
      const filters = (TagFilters ?? []) as TagFilter[];
      const types = (ResourceTypeFilters ?? []) as string[];
      const size = (ResourcesPerPage ?? 50) as number;
      if (filters.length > 50) throw invalid('TagFilters must have at most 50 members');
      for (const { Key, Values = [] } of filters) {
        if (!Key || Key.length > 128) throw invalid('a TagFilter needs a Key of 1 to 128 characters');
        if (Values.length > 20) throw invalid('a TagFilter has at most 20 Values');
      }
      if (size < 1 || size > 100) throw invalid('ResourcesPerPage must be between 1 and 100');
      // All of the filters, and one of the values of each; no value is any value. A type is a service, or one of its types.
      const wanted = resources().filter(
        ({ type, tags }) =>
          (types.length === 0 || types.some((each) => each === type || each === type.split(':')[0])) &&
          filters.every(({ Key = '', Values = [] }) => {
            const value = tags[Key];
            return value !== undefined && (Values.length === 0 || Values.includes(value));
          }),
      );
      // The token is empty on the first page, and again on the last.
      const { items, next } = page(wanted, size, (PaginationToken as string | undefined) || undefined);
      return {
        PaginationToken: next ?? '',
        ResourceTagMappingList: items.map(({ arn, tags }) => ({
          ResourceARN: arn,
          Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
        })),
      };
    },
  };
}

const invalid = (message: string) => new JsonError('InvalidParameterException', message);
