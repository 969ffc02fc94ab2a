import type { Stack } from 'aws-cdk-lib';
import { NomadAccess } from '../../lib/access/nomad-access.ts';
import type { NomadDrainHookProps } from '../../lib/props.ts';
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
  const { via, nomad = {}, ...properties } = given.reduce(merged, {});
  // In a list of Terraform's that is empty nothing is given.
  if (properties.securityGroups?.length === 0) delete properties.securityGroups;
  return { ...properties, nomad: accessBy(via, nomad) };
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
