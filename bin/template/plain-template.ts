import { BootstraplessSynthesizer, type IReusableStackSynthesizer } from 'aws-cdk-lib';
import { eitherTemplate, type Json } from './either.ts';
import { type Filling, fill } from './fill.ts';
import { HEADINGS, isGiven, PARAMETERS } from './parameters.ts';
import { perGroup } from './per-group.ts';
import {
  LISTS_IN_TEXTS,
  OPTIONS,
  type Option,
  type StandIns,
  settingsOf,
  standInsOf,
  textsOf,
  valuesOf,
} from './stand-ins.ts';
import { synthesized } from './synthesis.ts';

const DESCRIPTION = 'nomad-drain-hook: drains the HashiCorp Nomad nodes of instances that Auto Scaling terminates';

/** The loop's own name for a group: a parameter or a resource must not be called so. */
const EACH_GROUP = 'GroupName';

/**
 * The template for those who deploy without the CDK: the stack of `bin/app.ts`, synthesized with stand-ins for what
 * parameters will say, once with and once without each option, and put together.
 */
export function plainTemplate(standIns: StandIns = standInsOf()): Json {
  const resources = withOptions(Object.entries(OPTIONS), [], standIns).Resources;
  const { each, once } = perGroup(resources, EACH_GROUP);
  const idOf = (type: string) => Object.keys(once).find((id) => once[id].Type === type) ?? type;
  once[idOf('AWS::Lambda::Function')].Properties.Code.S3ObjectVersion = {
    'Fn::If': ['HasCodeVersion', { Ref: 'CodeObjectVersion' }, { Ref: 'AWS::NoValue' }],
  };
  for (const { Type: type, Properties: properties } of Object.values(each)) {
    if (type !== 'AWS::AutoScaling::LifecycleHook') continue;
    properties.DefaultResult = { 'Fn::If': ['HasDefaultResult', { Ref: 'HookDefaultResult' }, { Ref: 'OnTimeout' }] };
  }
  for (const { Type: type, Properties: properties } of Object.values(once)) {
    if (type !== 'AWS::CloudWatch::Alarm') continue;
    for (const actions of ['AlarmActions', 'OKActions'])
      properties[actions] = { 'Fn::If': ['HasAlarmTopic', properties[actions], { Ref: 'AWS::NoValue' }] };
  }
  const { GroupNames: group, ...shared } = standIns;
  const filling: Filling = {
    standIns,
    lists: Object.keys(PARAMETERS).filter((name) => PARAMETERS[name]?.Type === 'CommaDelimitedList'),
    texts: textsOf(standIns),
    values: valuesOf(standIns),
    variables: LISTS_IN_TEXTS,
  };
  const filled = {
    ...fill(once, filling),
    'Fn::ForEach::Groups': [
      EACH_GROUP,
      { Ref: 'GroupNames' },
      fill(each, { ...filling, standIns: { ...shared, [EACH_GROUP]: group } }),
    ],
  };
  checkFilled(standIns, JSON.stringify(resources), JSON.stringify(filled));
  return {
    AWSTemplateFormatVersion: '2010-09-09',
    Description: DESCRIPTION,
    Transform: 'AWS::LanguageExtensions',
    Metadata: { 'AWS::CloudFormation::Interface': { ParameterGroups: parameterGroups() } },
    Parameters: PARAMETERS,
    Conditions: {
      ...Object.fromEntries(Object.entries(OPTIONS).map(([name, { parameters }]) => [name, isGiven(parameters)])),
      HasCodeVersion: isGiven(['CodeObjectVersion']),
      HasAlarmTopic: isGiven(['AlarmTopicArn']),
      HasDefaultResult: isGiven(['HookDefaultResult']),
    },
    Resources: filled,
    Outputs: {
      FunctionName: {
        Description: 'The function: test it with {"command": "status"}',
        Value: { Ref: idOf('AWS::Lambda::Function') },
      },
      LogGroupName: { Description: 'What the function logs', Value: { Ref: idOf('AWS::Logs::LogGroup') } },
    },
  };
}

/** @throws Error naming each stand-in that was for nothing, or is left */
function checkFilled(standIns: StandIns, before: string, after: string): void {
  const has = (text: string, standIn: unknown) => new RegExp(`(?<!\\w)${standIn}(?!\\w)`).test(text);
  const unused = Object.entries(standIns).filter(([, standIn]) => !has(before, standIn));
  const left = Object.entries(standIns).filter(([, standIn]) => has(after, standIn));
  const names = (entries: typeof left) => entries.map(([name]) => name).join(', ') || 'none';
  if (unused.length + left.length > 0)
    throw new Error(
      `parameters that nothing asks for: ${names(unused)}; stand-ins left in the template: ${names(left)}`,
    );
}

/** The headings of the console, and what stands under each. */
const parameterGroups = () =>
  Object.entries(HEADINGS).map(([heading, parameters]) => ({
    Label: { default: heading },
    Parameters: Object.keys(parameters),
  }));

/** One template of all that the construct makes with and without each of these options. */
function withOptions([first, ...rest]: [string, Option][], chosen: Option[], standIns: StandIns): Json {
  if (!first) return synthesized(settingsOf(standIns, chosen), codeByParameter(standIns));
  const [condition, option] = first;
  return eitherTemplate(
    condition,
    withOptions(rest, [...chosen, option], standIns),
    withOptions(rest, chosen, standIns),
  );
}

/** Puts the function's code where the parameters say, in place of the bucket of a bootstrapped account. */
function codeByParameter({ CodeBucket: bucketName, CodeKey: objectKey }: StandIns): IReusableStackSynthesizer {
  const addFileAsset = () => ({ bucketName, objectKey, httpUrl: '', s3ObjectUrl: '' });
  return Object.assign(new BootstraplessSynthesizer(), { addFileAsset }) as IReusableStackSynthesizer;
}
