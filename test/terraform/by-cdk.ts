import { Duration, type Stack } from 'aws-cdk-lib';
import { NomadAccess } from '../../lib/access/nomad-access.ts';
import type { GroupOptions, NomadDrainHookProps } from '../../lib/props.ts';
import { emptyStack, type Json, templateOf } from '../lib/stacks.ts';
import { type Made, make, readable } from '../template/cloudformation.ts';
import { AS_PROPERTY, type Properties } from './as-property.ts';
import type { Variables } from './cases.ts';

/** The default of the variable `name`: in the CDK the stack has another. */
const NAME = 'nomad-drain-hook';

/** The properties of the construct for the same settings. */
export function propertiesOf(variables: Variables, stack: Stack): Partial<NomadDrainHookProps> {
  const given = Object.entries({ name: NAME, ...variables }).map(([name, value]) =>
    AS_PROPERTY[name]!.give(value, stack),
  );
  const { via, nomad = {}, own = {}, groups: names = [], ...properties } = given.reduce(merged, {});
  const groups = [...names, ...ownGroups(own, variables)];
  // In a list of Terraform's that is empty nothing is given.
  if (properties.securityGroups?.length === 0) delete properties.securityGroups;
  return { ...properties, groups, nomad: accessBy(via, nomad) };
}

/** Terraform takes the text of a number or a bool for it. */
const asTyped = (value: Json): Json => (/^(\d+|true|false)$/.test(String(value)) ? JSON.parse(String(value)) : value);

/** Groups with options of their own, in Terraform's order: what chooses is an option of its own there. */
function ownGroups(
  own: Json,
  { choose_idle_first: asks = false, only_idle_for_seconds: waits }: Variables,
): GroupOptions[] {
  const byName: Record<string, Json> = Array.isArray(own)
    ? Object.fromEntries(own.map((each: Json) => (typeof each === 'string' ? [each, {}] : [each.group, each])))
    : own;
  return Object.entries(byName)
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, { group: _, choose_idle_first: chosen, only_idle_for_seconds: wait, ...options }]) => {
      const given = Object.entries(options)
        .filter(([, value]) => value !== null)
        .map(([option, value]) => AS_PROPERTY[option]!.give(asTyped(value), emptyStack()));
      const { policy, ...properties } = given.reduce(merged, {});
      const onlyIdleFor = wait ?? waits;
      const idleFirst = (chosen ?? asks) && {
        ...(onlyIdleFor !== undefined && { onlyIdleFor: Duration.seconds(onlyIdleFor) }),
      };
      const says = chosen !== undefined || wait !== undefined;
      return { group: name, ...policy, ...properties, ...(says && { chooseIdleFirst: idleFirst }) };
    });
}

function accessBy(via: string | undefined, nomad: Json): NomadAccess {
  if (via === 'ssm') return NomadAccess.runCommand(nomad);
  return via === 'clients' ? NomadAccess.clients(nomad) : NomadAccess.http(nomad);
}

/** What the CDK makes for the same settings, under ids without the path and the hash. */
export function madeByCdk(variables: Variables): Made {
  const stack = emptyStack();
  return readable(make(templateOf(propertiesOf(variables, stack), stack).toJSON()), suffix);
}

/** One object of both: their plain objects are merged, of anything else the second wins. */
function merged(one: Properties, other: Properties): Properties {
  const isPlain = (value: Json) => value?.constructor === Object;
  const entries = Object.entries(other).map(([key, value]) => [
    key,
    isPlain(value) && isPlain(one[key]) ? merged(one[key], value) : value,
  ]);
  return { ...one, ...Object.fromEntries(entries) };
}

/** What an id of this type ends in, where what the CDK has of it would not say enough. */
const SUFFIXES: Record<string, string> = { 'AWS::Lambda::Permission': 'Permission', 'AWS::CloudWatch::Alarm': 'Alarm' };

const suffix = (type: string, name: string) => (name === 'WhoGoesAutoScaling' ? '' : (SUFFIXES[type] ?? ''));
