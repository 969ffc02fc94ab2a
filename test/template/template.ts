import { readFileSync } from 'node:fs';
import { type CollectionTag, parseDocument, type ScalarTag, YAMLMap } from 'yaml';
import type { Json } from '../lib/stacks.ts';

/** A parameter as CloudFormation is told of it. */
export interface Parameter {
  readonly Type: 'String' | 'Number' | 'CommaDelimitedList';
  readonly Description: string;
  readonly Default?: string | number;
  readonly MinValue?: number;
  readonly MaxValue?: number;
}

/** The short forms of CloudFormation's functions that the template uses. */
const FUNCTIONS = [
  'Ref',
  'Condition',
  'Contains',
  'Equals',
  'FindInMap',
  'GetAtt',
  'If',
  'Join',
  'Not',
  'Or',
  'Split',
  'Sub',
];

const customTags = FUNCTIONS.flatMap((name): (ScalarTag | CollectionTag)[] => {
  const tag = `!${name}`;
  const key = name === 'Ref' || name === 'Condition' ? name : `Fn::${name}`;
  const given = (text: string) => (name === 'GetAtt' ? text.split(/\.(.*)/s).slice(0, 2) : text);
  return [
    { tag, resolve: (text) => ({ [key]: given(text) }) },
    {
      tag,
      collection: 'seq',
      resolve: (list) => {
        const map = new YAMLMap();
        map.set(key, list);
        return map;
      },
    },
  ];
});

/**
 * A template in YAML, with the long forms of the functions. As strict as CloudFormation, which reads YAML 1.1 without aliases.
 * @throws Error for a key that is there twice, a tag that is no function, or an alias
 */
export function parse(text: string): Json {
  const document = parseDocument(text, { version: '1.1', customTags });
  // A tag that it does not know is but a warning to the parser.
  const [problem] = [...document.errors, ...document.warnings];
  if (problem) throw problem;
  return document.toJS({ maxAliasCount: 0 });
}

export const TEXT = readFileSync(new URL('../../deploy/cloudformation/template.yaml', import.meta.url), 'utf8');
/** The template for those without the CDK. */
export const TEMPLATE = parse(TEXT);
export const PARAMETERS: Readonly<Record<string, Parameter>> = TEMPLATE.Parameters;
