import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { commandDocument } from '../lib/access/run-command.ts';
import { testEventDocument } from '../lib/function/console-test-events.ts';
import { type Block, type Node, parseHcl } from './hcl.ts';
import { inserted, table } from './markdown.ts';

const MODULE = fileURLToPath(new URL('../deploy/terraform', import.meta.url));

/**
 * The files of the Terraform module that follow from others: the README's tables from the variables and outputs, and two documents
 * from what the construct has.
 * @returns their texts by name
 */
export function generated(): Record<string, string> {
  return {
    'README.md': inserted(readFileSync(join(MODULE, 'README.md'), 'utf8'), 'TF_DOCS', tables()),
    'ask-nomad.json': json(commandDocument()),
    'test-events.json': json(testEventDocument()),
  };
}

const json = (document: object) => `${JSON.stringify(document, null, 2)}\n`;

/** In the form of terraform-docs, in the order of the files. */
function tables(): string {
  const blocks = (file: string, type: string) =>
    parseHcl(readFileSync(join(MODULE, file), 'utf8'), file).filter((block) => block.type === type);
  const variables = ['variables.tf', 'variables-nomad.tf', 'variables-drain.tf'].flatMap((file) =>
    blocks(file, 'variable'),
  );
  const [settings] = blocks('versions.tf', 'terraform');
  const provider = settings?.blocks[0]?.attributes.get('aws')?.descendantsOfType('object_elem')[1];
  return [
    titled(
      'Requirements',
      ['Name', 'Version'],
      [
        ['terraform', textOf(settings?.attributes.get('required_version'))],
        ['aws', textOf(provider?.childForFieldName('val') ?? undefined)],
      ],
    ),
    titled('Inputs', ['Name', 'Description', 'Type', 'Default', 'Required'], variables.map(input)),
    titled('Outputs', ['Name', 'Description'], blocks('outputs.tf', 'output').map(output)),
  ].join('\n');
}

const titled = (title: string, columns: string[], rows: string[][]) => `## ${title}\n\n${table(columns, rows)}`;

function input({ labels: [name = ''], attributes }: Block): string[] {
  const standard = attributes.get('default');
  return [
    anchored('input', name),
    textOf(attributes.get('description')),
    code(attributes.get('type')?.text ?? 'any'),
    standard ? code(standard.text) : 'n/a',
    standard ? 'no' : 'yes',
  ];
}

const output = ({ labels: [name = ''], attributes }: Block) => [
  anchored('output', name),
  textOf(attributes.get('description')),
];
const anchored = (kind: string, name: string) => `<a name="${kind}_${name}"></a> [${name}](#${kind}_${name})`;

/** Of several lines as they are, for a table has none. */
const code = (text: string) =>
  text.includes('\n') ? `<pre>${text.replaceAll(/ {2,}=/g, ' =').replaceAll('\n', '<br/>')}</pre>` : `\`${text}\``;

/** The text of a literal. */
const textOf = (literal: Node | undefined): string => JSON.parse(literal?.text ?? '""');

if (import.meta.main) {
  for (const [file, text] of Object.entries(generated())) writeFileSync(join(MODULE, file), text);
}
