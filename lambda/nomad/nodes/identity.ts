import { type NodeJson, type NodeStub, toRecord } from '../json/node.ts';

/** The attribute of a client that runs on EC2. */
export const INSTANCE_ID = 'unique.platform.aws.instance-id';

/** An instance as part of a filter, or several of them. */
const within = (field: string, ids: readonly string[]): string =>
  ids.length === 1
    ? `${field} == ${quoted(ids[0] ?? '')}`
    : `${field} matches ${quoted(`^(${ids.map(literal).join('|')})$`)}`;

/**
 * A filter for the nodes that name one of these instances themselves: by their fingerprint, or, where that names none, by their metadata.
 * @param nodeMetaKey a key of the node's own Meta that holds the instance id
 */
export function naming(instanceIds: readonly string[], nodeMetaKey: string | undefined): string {
  const attribute = within(`Attributes["${INSTANCE_ID}"]`, instanceIds);
  if (!nodeMetaKey) return attribute;
  return `${attribute} or (${within(`Meta[${quoted(nodeMetaKey)}]`, instanceIds)} and "${INSTANCE_ID}" not in Attributes)`;
}

/** A filter for the nodes that name no instance themselves. */
export function namingNone(nodeMetaKey: string | undefined): string {
  return `"${INSTANCE_ID}" not in Attributes${nodeMetaKey ? ` and ${quoted(nodeMetaKey)} not in Meta` : ''}`;
}

/** The instance that our record of a drain in force names, whichever deployment has written it. */
export function recordedInstance({ LastDrain, SchedulingEligibility }: NodeStub): string | undefined {
  if (SchedulingEligibility === 'eligible') return undefined;
  return toRecord(LastDrain?.Meta ?? null)?.instanceId;
}

/** The instance that a node names itself: by its fingerprint, or, where that names none, by its metadata. */
export const namedBy = ({ Attributes, Meta }: NodeJson, nodeMetaKey: string | undefined): string | undefined =>
  Attributes?.[INSTANCE_ID] ?? (nodeMetaKey ? Meta?.[nodeMetaKey] : undefined);

/**
 * Which instance a node is, by the strongest that says so: what EC2 told its agent, then the record of its drain, then its
 * metadata. Undefined for a node that only an address, or its name, may tell.
 */
export function instanceOf(node: NodeJson, nodeMetaKey: string | undefined): string | undefined {
  return node.Attributes?.[INSTANCE_ID] ?? recordedInstance(node) ?? namedBy(node, nodeMetaKey);
}

/** A text as a value in a filter. Nomad reads it as Go does, and ends it at the first quote, also at an escaped one (1.6.10 and 2.0.6). */
export const quoted = (text: string): string => `"${JSON.stringify(text).slice(1, -1).replaceAll('\\"', '\\u0022')}"`;

/** A text as part of a pattern, where it stands for itself. */
export const literal = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&');
