import type { Termination } from '../termination.ts';
import type { NomadApi } from './api.ts';
import type { NodeStub } from './json.ts';

/**
 * The nodes that say that they are this instance; where none does, those at its address that are not down.
 *
 * @param nodeMetaKey a key of the node's own Meta that holds the instance id, for clients that do not fingerprint EC2
 */
export async function matches(
  nomad: NomadApi,
  { instanceId, privateIp, privateDns }: Termination,
  nodeMetaKey: string | undefined,
): Promise<NodeStub[]> {
  const names = [`Attributes["unique.platform.aws.instance-id"] == "${instanceId}"`];
  if (nodeMetaKey) names.push(`Meta["${nodeMetaKey}"] == "${instanceId}"`);
  const { nodes } = await nomad.nodes(names.join(' or '));
  if (nodes.length > 0) return nodes;

  const addresses: string[] = [];
  if (privateIp) addresses.push(`Attributes["unique.network.ip-address"] == "${privateIp}"`);
  if (privateDns) addresses.push(`Name == "${privateDns}"`);
  if (addresses.length === 0) return [];
  // Addresses are used again: a node that is down, or that says that it is another instance, is not this one.
  const silent = '"unique.platform.aws.instance-id" not in Attributes';
  return (await nomad.nodes(`(${addresses.join(' or ')}) and Status != "down" and ${silent}`)).nodes;
}
