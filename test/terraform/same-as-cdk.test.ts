import { describe, expect, test } from 'vitest';
import { CONFIG_VARIABLE, parseConfig } from '../../lambda/config/config.ts';
import type { Json } from '../lib/stacks.ts';
import { asCloudFormation } from './as-cloudformation.ts';
import { madeByCdk } from './by-cdk.ts';
import { CASES, type Variables } from './cases.ts';
import { make } from './module.ts';

/** References as a text, as `Fn::Sub` has them. */
function asText(value: Json): Json {
  if (Array.isArray(value)) return value.map(asText);
  if (typeof value !== 'object' || value === null) return value;
  if (typeof value.Ref === 'string') return `\${${value.Ref}}`;
  if (value['Fn::GetAtt']) return `\${${value['Fn::GetAtt'].join('.')}}`;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, asText(item)]));
}

/** In an order that does not follow from the order of fields. */
const sorted = (items: Json[]) => {
  const key = (item: Json) =>
    JSON.stringify(item, (_, value) => (isPlain(value) ? Object.entries(value).toSorted() : value));
  return items.toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
};
const isPlain = (value: Json) => typeof value === 'object' && value !== null && !Array.isArray(value);

/** A statement of a policy; the CDK makes up a name for each of some. */
const statement = ({ Resource, Action, Sid, ...rest }: Json) => ({
  ...rest,
  ...(Sid && !Sid.startsWith('AllowEventRule') && { Sid }),
  Action: sorted([Action].flat()),
  Resource: sorted([Resource].flat()),
});

/**
 * A resource without what may differ: where the code lies, the ids of targets, how a
 * JSON document is spaced, the order of statements and of their resources, what a security group is described as, and what CloudFormation alone is told.
 */
function comparable({ Type, Properties: given = {} }: Json): Json {
  const {
    Code,
    PolicyName,
    GroupDescription,
    Environment,
    PolicyDocument,
    DashboardBody,
    Dimensions,
    Tags,
    ...properties
  } = given;
  const parsed = (text: Json) => (typeof text === 'string' ? JSON.parse(text) : text);
  return {
    Type,
    Properties: {
      ...properties,
      ...(Environment && { Environment: parseConfig(Environment.Variables[CONFIG_VARIABLE]) }),
      ...(DashboardBody && { DashboardBody: parsed(DashboardBody) }),
      ...(Dimensions && { Dimensions: sorted(Dimensions) }),
      // Of a dashboard the provider has none.
      ...(Tags && Type !== 'AWS::CloudWatch::Dashboard' && { Tags: sorted(Tags) }),
      ...(PolicyDocument && {
        PolicyDocument: { ...PolicyDocument, Statement: sorted(PolicyDocument.Statement.map(statement)) },
      }),
      ...(properties.Targets && { Targets: properties.Targets.map(({ Id, ...target }: Json) => target) }),
      ...(Type === 'AWS::EventSchemas::Schema' && { Content: parsed(properties.Content) }),
    },
  };
}

const all = (resources: Record<string, Json>) => {
  const entries = Object.entries(resources).map(([id, resource]): [string, Json] => [id, comparable(resource)]);
  const ingress = ({ Type }: Json) => Type === 'AWS::EC2::SecurityGroupIngress';
  // The CDK has the ids of both groups in the id of a rule between them.
  return {
    ...Object.fromEntries(entries.filter(([, resource]) => !ingress(resource))),
    ingress: sorted(entries.map(([, resource]) => resource).filter(ingress)),
  };
};

const byTerraform = (variables: Variables) => all(asCloudFormation(make(variables)));
const byCdk = (variables: Variables) => all(asText(madeByCdk(variables).resources));

describe('the Terraform module makes what the CDK makes', () => {
  test.each(CASES)('%s', (_, variables) => {
    const made = byTerraform(variables);
    expect(made).toEqual(byCdk(variables));
    expect(Object.keys(made).length).toBeGreaterThan(15);
  });
});
