import type { Made, Resource } from './module.ts';
import { known, OURS, TRANSLATIONS } from './translations.ts';

// biome-ignore lint/suspicious/noExplicitAny: what a property holds is any JSON; a wrong guess fails the test
type Json = any;

/** A resource in the terms of CloudFormation, under the id that the CDK gives it, without the path and the hash. */
export interface Translated {
  readonly Type: string;
  readonly Properties: Record<string, Json>;
}

/** What an attribute of a resource is in CloudFormation: an attribute there, or nothing for what `Ref` gives. */
const ATTRIBUTES: Record<string, Record<string, string>> = {
  aws_lambda_function: { arn: '.Arn', function_name: '' },
  aws_iam_role: { arn: '.Arn', name: '' },
  aws_sqs_queue: { arn: '.Arn', url: '', name: '.QueueName' },
  // Terraform's has no ":*" at its end: see `references`.
  aws_cloudwatch_log_group: { arn: '.Arn', name: '' },
  aws_cloudwatch_event_rule: { arn: '.Arn', name: '' },
  aws_cloudwatch_metric_alarm: { arn: '.Arn' },
  aws_cloudwatch_dashboard: { dashboard_name: '' },
  aws_security_group: { id: '.GroupId' },
  aws_ssm_document: { name: '' },
};

/** The id of a resource, from its address. */
export function idOf(address: string): string {
  const [, type = '', label = '', key = ''] = /^(\w+)\.(\w+)(?:\[(.*)\])?$/.exec(address) ?? [];
  return known(TRANSLATIONS, type, 'the translation').id(label, key);
}

/** A text with references as CloudFormation has them: `${FailedRuns.Arn}`. */
export function references(text: string): string {
  return text
    .replaceAll(/«(\w+)\.([^»]*?)\.(\w+)»/g, (_, type: string, name: string, attribute: string) => {
      return `\${${idOf(`${type}.${name}`)}${known(known(ATTRIBUTES, type, 'a reference'), attribute, type)}}`;
    })
    .replaceAll(/(\$\{Log\.Arn\}):\*/g, '$1');
}

/**
 * The module's resources as CloudFormation would have them.
 * @throws Error for an argument that is not known here
 */
export function asCloudFormation({ resources }: Pick<Made, 'resources'>): Record<string, Translated> {
  const referred: Record<string, Resource> = JSON.parse(references(JSON.stringify(resources)));
  const translated: Record<string, Translated> = {};
  const parts: [id: string, type: string, properties: Record<string, Json>][] = [];
  for (const [address, { type, config }] of Object.entries(referred)) {
    const translation = known(TRANSLATIONS, type, 'the translation');
    const properties = Object.entries(config).map(([name, value]) => {
      const argument = known(translation.arguments, name, type);
      if (argument === OURS) return {};
      return typeof argument === 'string' ? { [argument]: value } : argument(value);
    });
    const all = Object.assign({}, translation.always, ...properties);
    const id = idOf(address);
    if (translation.type === undefined) parts.push([id, type, all]);
    else translated[id] = { Type: translation.type, Properties: all };
  }
  for (const [id, type, properties] of parts) {
    const whole = translated[id]!.Properties;
    if (type === 'aws_cloudwatch_event_target') whole.Targets = [properties];
    else whole.SecurityGroupEgress = [properties];
  }
  return translated;
}
