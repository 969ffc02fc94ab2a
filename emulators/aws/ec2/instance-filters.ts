import type { Instance } from '../model.ts';
import { QueryError, type QueryParams } from '../query-protocol.ts';
import { interfacesOf, isGone, primaryAddress } from './network-interfaces.ts';

/** What can be filtered by, and the values of an instance that each filter looks at. */
export type Filters = Record<string, (instance: Instance) => readonly (string | undefined)[]>;

const GROUP_TAG = 'aws:autoscaling:groupName';

/**
 * The filters of DescribeInstances that are emulated; a tag filter, of whatever key, is one too.
 * https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html
 */
export const INSTANCE_FILTERS: Filters = {
  'instance-id': ({ id }) => [id],
  'instance-lifecycle': ({ market }) => [market === 'spot' ? 'spot' : undefined],
  'instance-state-name': ({ ec2State }) => [ec2State],
  'availability-zone': ({ zone }) => [zone],
  'ipv6-address': (instance) => interfacesOf(instance).map(({ ipv6 }) => ipv6),
  // "This can only be used to filter by the primary IP address of the network interface attached to the instance. To filter by
  // additional IP addresses assigned to the network interface, use the filter network-interface.addresses.private-ip-address."
  'private-ip-address': (instance) => [primaryAddress(instance)],
  'private-dns-name': (instance) => [isGone(instance) ? undefined : instance.privateDns],
  'network-interface.addresses.private-ip-address': (instance) =>
    interfacesOf(instance).flatMap(({ privateIps }) => privateIps),
  'network-interface.ipv6-addresses.ipv6-address': (instance) => interfacesOf(instance).map(({ ipv6 }) => ipv6),
  'tag-key': ({ groupTag }) => [groupTag && GROUP_TAG],
  'tag-value': ({ groupTag }) => [groupTag],
};

/**
 * The most values of all filters of one call together: AWS documents 200 for each filter, and counts those of the call.
 * https://github.com/gjbae1212/gossm/issues/47, https://github.com/convox/rack/issues/2205
 */
const MOST_VALUES = 200;

/**
 * "If you specify multiple filters, the filters are joined with an AND"; the values of one are joined with an OR, and both
 * names and values are case-sensitive. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Filter.html
 *
 * @throws QueryError where EC2 does not know a filter, or finds too many values
 */
export function readFilters(params: QueryParams, known: Filters): (instance: Instance) => boolean {
  const filters: ((instance: Instance) => boolean)[] = [];
  let values = 0;
  for (let n = 1; ; n++) {
    const name = params.get(`Filter.${n}.Name`);
    if (name === undefined) return (instance) => filters.every((filter) => filter(instance));
    const valuesOf = known[name] ?? (known === INSTANCE_FILTERS ? tagFilter(name) : undefined);
    if (!valuesOf) throw new QueryError('InvalidParameterValue', `The filter '${name}' is invalid`);
    const wanted = params.list(`Filter.${n}.Value`);
    values += wanted.length;
    if (values > MOST_VALUES) {
      throw new QueryError(
        'FilterLimitExceeded',
        `The maximum number of filter values specified on a single call is ${MOST_VALUES}`,
      );
    }
    const patterns = wanted.map(wildcards);
    filters.push((instance) =>
      valuesOf(instance).some((value) => value !== undefined && patterns.some((pattern) => pattern.test(value))),
    );
  }
}

function tagFilter(name: string): Filters[string] | undefined {
  if (!name.startsWith('tag:')) return undefined;
  return ({ groupTag }) => [name === `tag:${GROUP_TAG}` ? groupTag : undefined];
}

/**
 * An asterisk matches zero or more characters, a question mark one, and a backslash takes the meaning from either.
 * https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Filtering.html
 */
function wildcards(value: string): RegExp {
  const pattern = value.replace(/\\?[\s\S]/g, (each) => {
    if (each === '*') return '.*';
    if (each === '?') return '.';
    const literal = each.length > 1 ? each.slice(1) : each;
    return literal.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  });
  return new RegExp(`^${pattern}$`, 's');
}
