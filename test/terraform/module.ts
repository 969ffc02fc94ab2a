import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Block, type Node, parseHcl } from '../../scripts/hcl.ts';
import { evaluate, type Scope } from './evaluate.ts';
import type { Lazy, Value } from './value.ts';

/** A resource as the module configures it. What only a deployment tells of others is in tokens: `«aws_sqs_queue.failed_runs.arn»`. */
export interface Resource {
  readonly type: string;
  /** Its arguments, and its blocks as lists; without those that are null. */
  readonly config: Record<string, Value>;
}

/** What Terraform would make of a module and its variables. */
export interface Made {
  /** By address: `aws_cloudwatch_event_rule.rule[sweep]`. */
  readonly resources: Record<string, Resource>;
  readonly outputs: Record<string, Value>;
  /** Why it would refuse. */
  readonly problems: readonly string[];
  /** What it would warn of. */
  readonly warnings: readonly string[];
}

/** The folder of the module. */
export const MODULE = new URL('../../deploy/terraform/', import.meta.url).pathname;

/** What the module's data sources tell. */
export const DATA: Record<string, Record<string, string>> = {
  aws_partition: { partition: 'aws' },
  aws_region: { id: 'eu-west-1', region: 'eu-west-1' },
  aws_caller_identity: { account_id: '111122223333' },
};

/** The blocks of all files of a module. */
export const blocksOf = (directory: string): readonly Block[] =>
  globSync(join(directory, '*.tf'))
    .toSorted()
    .flatMap((file) => parseHcl(readFileSync(file, 'utf8'), file));

export const BLOCKS = blocksOf(MODULE);
export const blocksOfType = (type: string): readonly Block[] => BLOCKS.filter((block) => block.type === type);
export const VARIABLES = blocksOfType('variable');

/** Evaluates our module for these variables. */
export function make(variables: Readonly<Record<string, Value>>): Made {
  return new Evaluation(variables).made();
}

class Evaluation {
  readonly #variables: Record<string, Value>;
  readonly #locals = new Map<string, { expression: Node; value?: Value }>();
  readonly #scope: Scope = (name) => this.#root(name);

  constructor(given: Readonly<Record<string, Value>>) {
    for (const name of Object.keys(given)) {
      if (!VARIABLES.some(({ labels }) => labels[0] === name)) throw new Error(`Unsupported argument: ${name}`);
    }
    this.#variables = Object.fromEntries(VARIABLES.map((block) => [block.labels[0], this.#variable(block, given)]));
    for (const { attributes } of blocksOfType('locals'))
      for (const [name, expression] of attributes) this.#locals.set(name, { expression });
  }

  made(): Made {
    const problems = [
      ...VARIABLES.flatMap((block) => this.#failed(block.blocks, 'validation')),
      ...BLOCKS.flatMap(({ type, blocks }) =>
        type === 'resource' || type === 'data'
          ? this.#failed(
              blocks.flatMap((inner) => (inner.type === 'lifecycle' ? inner.blocks : [])),
              'precondition',
            )
          : [],
      ),
    ];
    const warnings = blocksOfType('check').flatMap(({ blocks }) => this.#failed(blocks, 'assert'));
    if (problems.length > 0) return { resources: {}, outputs: {}, problems, warnings };
    const resources = blocksOfType('resource').flatMap((block) =>
      this.#instances(block).map(([key, each]): [string, Resource] => [
        address(block, key),
        { type: block.labels[0]!, config: this.#config(block, this.#within(each)) },
      ]),
    );
    const outputs = blocksOfType('output').map(({ labels: [name], attributes }) => [
      name,
      evaluate(attributes.get('value')!, this.#scope),
    ]);
    return { resources: Object.fromEntries(resources), outputs: Object.fromEntries(outputs), problems, warnings };
  }

  #variable({ labels: [name], attributes }: Block, given: Readonly<Record<string, Value>>): Value {
    const type = attributes.get('type')!;
    if (given[name!] !== undefined) return typed(given[name!], type);
    const standard = attributes.get('default');
    if (!standard) throw new Error(`Missing required argument: ${name}`);
    return evaluate(standard, this.#scope);
  }

  /** The messages of the conditions that do not hold. */
  #failed(blocks: readonly Block[], type: string): string[] {
    return blocks.flatMap((block) => {
      if (block.type !== type) return [];
      try {
        if (evaluate(block.attributes.get('condition')!, this.#scope)) return [];
      } catch (error) {
        return [(error as Error).message];
      }
      return [evaluate(block.attributes.get('error_message')!, this.#scope)];
    });
  }

  /** What is made of a block: once, or for each key. */
  #instances({ attributes }: Block): [key: string | number | undefined, each: Value][] {
    const forEach = attributes.get('for_each');
    const count = attributes.get('count');
    if (count) return Array.from({ length: evaluate(count, this.#scope) }, (_, index) => [index, undefined]);
    if (!forEach) return [[undefined, undefined]];
    const collection = evaluate(forEach, this.#scope);
    const keys: string[] = Array.isArray(collection) ? collection : Object.keys(collection);
    return keys.toSorted().map((key) => [key, { key, value: Array.isArray(collection) ? key : collection[key] }]);
  }

  #config({ attributes, blocks }: Block, scope: Scope): Record<string, Value> {
    const config: Record<string, Value> = {};
    for (const [name, expression] of attributes) {
      if (!META.has(name)) config[name] = evaluate(expression, scope);
    }
    for (const block of blocks) {
      if (META.has(block.type)) continue;
      const name = block.type === 'dynamic' ? block.labels[0]! : block.type;
      const items = block.type === 'dynamic' ? this.#dynamic(block, scope) : [this.#config(block, scope)];
      if (items.length > 0) config[name] = [...(config[name] ?? []), ...items];
    }
    return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== null));
  }

  #dynamic({ labels: [name], attributes, blocks }: Block, scope: Scope): Record<string, Value>[] {
    const content = blocks.find(({ type }) => type === 'content')!;
    return evaluate(attributes.get('for_each')!, scope).map((value: Value) =>
      this.#config(content, (root) => (root === name ? { value } : scope(root))),
    );
  }

  #within(each: Value): Scope {
    return (name) => (name === 'each' ? each : this.#root(name));
  }

  #root(name: string): Value {
    if (name === 'var') return this.#variables;
    if (name === 'local') return lazy((local) => this.#local(local));
    if (name === 'path') return { module: MODULE };
    if (name === 'data')
      return lazy((type) => lazy(() => lazy((attribute) => known(DATA[type]?.[attribute], attribute))));
    return lazy((label) => {
      const block = BLOCKS.find(({ type, labels }) => type === 'resource' && labels[0] === name && labels[1] === label);
      if (!block) throw new Error(`Reference to undeclared resource: ${name}.${label}`);
      const instances = this.#instances(block).map(([key]): [Value, Lazy] => [key, token(address(block, key))]);
      if (block.attributes.has('for_each')) return Object.fromEntries(instances);
      return block.attributes.has('count') ? instances.map(([, instance]) => instance) : instances[0]![1];
    });
  }

  #local(name: string): Value {
    const local = this.#locals.get(name);
    if (!local) throw new Error(`Reference to undeclared local value: ${name}`);
    if (!('value' in local)) local.value = evaluate(local.expression, this.#scope);
    return local.value;
  }
}

/** What Terraform reads itself: no arguments of a resource. */
const META = new Set(['for_each', 'count', 'depends_on', 'lifecycle']);

const lazy = (attribute: (name: string) => Value): Lazy => ({ attribute });
const token = (address: string) => lazy((name) => `«${address}.${name}»`);

function known<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new Error(`Unsupported attribute: ${name}`);
  return value;
}

/** Without the quotes that Terraform puts around a key: a token may lie in JSON within JSON. */
const address = ({ labels }: Block, key: string | number | undefined) =>
  `${labels.join('.')}${key === undefined ? '' : `[${key}]`}`;

/** A value as the variable's type has it: optional attributes that are not given are null. */
function typed(value: Value, type: Node): Value {
  if (value === null || !type.text.startsWith('object(')) return value;
  const elements = type.descendantsOfType('object_elem');
  return Object.fromEntries(
    elements.map((element) => {
      const name = element.childForFieldName('key')!.text;
      const optional = element.childForFieldName('val')!.text.startsWith('optional(');
      if (!optional && value[name] === undefined) throw new Error(`attribute "${name}" is required`);
      return [name, value[name] ?? null];
    }),
  );
}
