import { isDeepStrictEqual } from 'node:util';

// biome-ignore lint/suspicious/noExplicitAny: what a template holds is any JSON; a wrong guess fails the test
type Json = any;

/** Parameters as they are given on the command line. */
export type ParameterValues = Readonly<Record<string, string>>;

/** What CloudFormation would make: the resources by logical id, without their conditions. */
export interface Made {
  readonly resources: Record<string, Json>;
  readonly outputs: Record<string, Json>;
}

const PSEUDO: Record<string, string> = {
  'AWS::Partition': 'aws',
  'AWS::Region': 'eu-west-1',
  'AWS::AccountId': '111122223333',
  'AWS::StackName': 'NomadDrainHook',
};

const NOTHING = Symbol('AWS::NoValue');

/**
 * What CloudFormation makes of a template and the values of its parameters, as far as can be told beforehand: a reference
 * to a resource stays one. Knows the functions that our templates use, and refuses others.
 * @throws Error for parameters that CloudFormation would refuse, by themselves or by a rule of the template
 */
export function make(template: Json, values: ParameterValues = {}): Made {
  const stack = new Evaluation(template, values);
  stack.checkRules();
  const made = (section: Json): [string, Json][] =>
    Object.entries(stack.resolve(section ?? {}) as Record<string, Json>)
      .filter(([, { Condition: name }]) => name === undefined || stack.holds(name))
      .map(([id, { Condition: _, ...rest }]) => [id, rest]);
  const resources = new Map(made(template.Resources));
  for (const [id, { DependsOn: needed, ...rest }] of resources) {
    // What a condition leaves out, nothing waits for.
    const needs = [needed ?? []].flat().filter((each: string) => resources.has(each));
    resources.set(id, { ...rest, ...(needs.length > 0 && { DependsOn: needs }) });
  }
  return { resources: Object.fromEntries(resources), outputs: Object.fromEntries(made(template.Outputs)) };
}

class Evaluation {
  readonly #template: Json;
  readonly #parameters: Record<string, Json>;
  /** The logical ids of the resources; of those of a loop, where its list is one of the template. */
  readonly #ids: ReadonlySet<string>;

  constructor(template: Json, values: ParameterValues) {
    this.#template = template;
    for (const name of Object.keys(values)) {
      if (!(name in template.Parameters)) throw new Error(`Parameters: [${name}] do not exist in the template`);
    }
    const entries = Object.entries((template.Parameters ?? {}) as Json);
    this.#parameters = Object.fromEntries(
      entries.map(([name, declared]) => [name, parameter(name, declared, values[name])]),
    );
    this.#ids = new Set(
      Object.entries(template.Resources as Record<string, Json>).flatMap(([id, loop]) => {
        if (!id.startsWith('Fn::ForEach::')) return [id];
        const [variable, items, body] = loop;
        return Array.isArray(items)
          ? items.flatMap((item) => Object.keys(body).map((key) => idIn(key, variable, item)))
          : [];
      }),
    );
  }

  /** @throws Error for an assertion that does not hold */
  checkRules(): void {
    for (const { RuleCondition: applies, Assertions: assertions } of Object.values<Json>(this.#template.Rules ?? {})) {
      if (applies && !this.#test(applies)) continue;
      for (const { Assert: asserted, AssertDescription: says } of assertions) {
        if (!this.#test(asserted)) throw new Error(`Template validation error: ${says}`);
      }
    }
  }

  holds(condition: string): boolean {
    return this.#test(this.#template.Conditions[condition]);
  }

  #test(condition: Json): boolean {
    const [[name, given]] = Object.entries(condition) as [[string, Json]];
    if (name === 'Fn::Equals') return isDeepStrictEqual(this.resolve(given[0]), this.resolve(given[1]));
    if (name === 'Fn::Not') return !this.#test(given[0]);
    if (name === 'Fn::And') return given.every((each: Json) => this.#test(each));
    if (name === 'Fn::Or') return given.some((each: Json) => this.#test(each));
    if (name === 'Fn::Contains') return this.resolve(given[0]).includes(this.resolve(given[1]));
    if (name === 'Condition') return this.holds(given);
    throw new Error(`not a condition: ${name}`);
  }

  /** @param loop what the variables of the loops around hold */
  resolve(value: Json, loop: Record<string, string> = {}): Json {
    if (Array.isArray(value)) return value.map((item) => this.resolve(item, loop)).filter((item) => item !== NOTHING);
    if (typeof value !== 'object' || value === null) return value;
    const [name = '', ...others] = Object.keys(value);
    if (others.length === 0 && (name === 'Ref' || (name.startsWith('Fn::') && !name.startsWith('Fn::ForEach::'))))
      return this.#call(name, value[name], loop);
    const entries = Object.entries(value).flatMap(([key, item]) =>
      key.startsWith('Fn::ForEach::') ? this.#each(item, loop) : [[key, this.resolve(item, loop)]],
    );
    const keys = entries.map(([key]) => key);
    const twice = keys.find((key, index) => keys.indexOf(key) !== index);
    if (twice) throw new Error(`${twice} is there twice`);
    return Object.fromEntries(entries.filter(([, item]) => item !== NOTHING));
  }

  #each([variable, collection, body]: Json, loop: Record<string, string>): [string, Json][] {
    return (this.resolve(collection, loop) as string[]).flatMap((item) => {
      const inner = { ...loop, [variable]: item };
      return Object.entries(body).map(([key, value]): [string, Json] => {
        return [idIn(key, variable, item), this.resolve(value, inner)];
      });
    });
  }

  #call(name: string, given: Json, loop: Record<string, string>): Json {
    const resolved = (value: Json) => this.resolve(value, loop);
    switch (name) {
      case 'Ref':
        return this.#ref(given, loop);
      case 'Fn::GetAtt':
        return this.#attribute(given[0], given[1]);
      case 'Fn::FindInMap': {
        const [map, key, name] = resolved(given);
        const found = this.#template.Mappings?.[map]?.[key]?.[name];
        if (found === undefined) throw new Error(`Unable to get mapping for ${map}::${key}::${name}`);
        return found;
      }
      case 'Fn::If':
        return resolved(this.holds(given[0]) ? given[1] : given[2]);
      case 'Fn::Join': {
        if (typeof given[0] !== 'string') throw new Error('Fn::Join: the delimiter must be a text');
        return joined(resolved(given[1]), given[0]);
      }
      case 'Fn::Split':
        return resolved(given[1]).split(given[0]);
      case 'Fn::Select':
        return resolved(given[1])[Number(given[0])];
      case 'Fn::Sub': {
        const [text, variables] = Array.isArray(given) ? given : [given, {}];
        const parts = text.split(/(\$\{[^}]+\})/).map((part: string) => {
          const [, escaped, variable] = /^\$\{(!?)([^}]+)\}$/.exec(part) ?? [];
          if (variable === undefined || escaped) return part.replace('${!', '${');
          const value = variable in variables ? resolved(variables[variable]) : this.#named(variable, loop);
          if (Array.isArray(value)) throw new Error(`Fn::Sub: ${variable} is a list`);
          return value;
        });
        return joined(parts, '');
      }
      default:
        throw new Error(`not known here: ${name}`);
    }
  }

  /** What a variable of Fn::Sub stands for that is not declared beside the text. */
  #named(variable: string, loop: Record<string, string>): Json {
    const [id = '', ...attribute] = variable.split('.');
    return attribute.length > 0 ? this.#attribute(id, attribute.join('.')) : this.#ref(variable, loop);
  }

  #attribute(id: string, name: string): Json {
    if (!this.#ids.has(id)) throw new Error(`references undefined resource ${id}`);
    return { 'Fn::GetAtt': [id, name] };
  }

  #ref(name: string, loop: Record<string, string>): Json {
    if (name === 'AWS::NoValue') return NOTHING;
    if (this.#ids.has(name)) return { Ref: name };
    const value = loop[name] ?? this.#parameters[name] ?? PSEUDO[name];
    if (value === undefined) throw new Error(`Unresolved resource dependencies [${name}]`);
    return value;
  }
}

/** The id of a resource in a loop. */
const idIn = (key: string, variable: string, item: string): string =>
  key.replaceAll(`&{${variable}}`, item.replaceAll(/[^A-Za-z0-9]/g, '')).replaceAll(`\${${variable}}`, item);

/** Text, with what only a deployment tells in the notation of Fn::Sub. */
function joined(parts: Json[], by: string): string {
  const text = (part: Json) =>
    typeof part === 'object' ? `\${${part.Ref ?? part['Fn::GetAtt'].join('.')}}` : String(part);
  return parts.map(text).join(by);
}

function parameter(name: string, declared: Json, given: string | undefined): Json {
  const text = given ?? declared.Default;
  if (text === undefined) throw new Error(`Parameters: [${name}] must have values`);
  const values =
    declared.Type === 'CommaDelimitedList'
      ? String(text)
          .split(',')
          .map((item) => item.trim())
      : [String(text)];
  const refuse = (rule: string) => new Error(`Parameter ${name} failed to satisfy constraint: ${rule}`);
  for (const value of values) {
    if (declared.AllowedPattern && !new RegExp(`^(?:${declared.AllowedPattern})$`).test(value))
      throw refuse('AllowedPattern');
    if (declared.AllowedValues && !declared.AllowedValues.includes(value)) throw refuse('AllowedValues');
    if (declared.MinValue !== undefined && Number(value) < declared.MinValue) throw refuse('MinValue');
    if (declared.MaxValue !== undefined && Number(value) > declared.MaxValue) throw refuse('MaxValue');
  }
  if (declared.Type === 'CommaDelimitedList') return values;
  // A property gets a number, as CloudFormation reads it for a number's sake.
  return declared.Type === 'Number' ? Number(text) : values[0];
}

/**
 * What the CDK makes, under ids to compare with: without their path and their hash.
 * @param suffix what the id of a type ends in, where what the CDK has of it would not say enough
 */
export function readable({ resources, outputs }: Made, suffix: (type: string, name: string) => string): Made {
  const ids = Object.entries({ ...resources, ...outputs }).map(([id, { Type: type }]) => {
    const name = id.replace(/^DrainHook(Monitoring|WakeUps|Notices)?/, '').replace(/(Invoke)?[0-9A-F]{8}$/, '');
    return [id, name + suffix(type, name)] as const;
  });
  const renamed = ids.reduce(
    (text, [id, name]) => text.replaceAll(RegExp(`\\b${id}\\b`, 'g'), name),
    JSON.stringify({ resources, outputs }),
  );
  return JSON.parse(renamed);
}
