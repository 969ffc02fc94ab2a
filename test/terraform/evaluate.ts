import type { Node } from '../../scripts/hcl.ts';
import { call } from './functions.ts';
import { entriesOf, isLazy, text, type Value } from './value.ts';

/** What the names at the beginning of references stand for: `var`, `local`, `each`, the type of a resource, a variable of a loop. */
export type Scope = (name: string) => Value;

/**
 * The value of an expression of Terraform's language. Knows what our module uses of it, and refuses the rest. It does not know
 * types: what Terraform itself makes of the same, terraform.test.ts compares.
 * @throws Error saying what is wrong, as Terraform would
 */
export function evaluate(node: Node, scope: Scope): Value {
  const inner = (child: Node | null | undefined) => {
    if (!child) throw new Error(`nothing in ${node.text}`);
    return evaluate(child, scope);
  };
  const children = childrenOf(node);
  switch (node.type) {
    case 'expression':
    case 'template_expr':
    case 'literal_value':
    case 'collection_value':
    case 'operation':
    case 'for_expr':
      return chain(children, scope);
    case 'variable_expr':
      return scope(node.text);
    case 'numeric_lit':
      return Number(node.text);
    case 'bool_lit':
      return node.text === 'true';
    case 'null_lit':
      return null;
    case 'string_lit':
    case 'quoted_template':
      return template(node, scope);
    case 'tuple':
      return children.map(inner);
    case 'object':
      return Object.fromEntries(
        children.map((element) => [
          key(element.childForFieldName('key') as Node, scope),
          inner(element.childForFieldName('val')),
        ]),
      );
    case 'conditional': {
      const [condition, yes, no] = children as [Node, Node, Node];
      // The grammar reads a chain of them from the left, Terraform from the right.
      if (condition.firstNamedChild?.type === 'conditional') throw new Error(`parentheses are missing: ${node.text}`);
      return truth(inner(condition)) ? inner(yes) : inner(no);
    }
    case 'unary_operation':
      return node.firstChild?.text === '!' ? !truth(chain(children, scope)) : -chain(children, scope);
    case 'binary_operation': {
      // Among the children of both sides, and their parentheses, the operator is the one without a name.
      const operator = node.children.find(({ isNamed, type }) => !isNamed && !/^[()]$/.test(type)) as Node;
      const isLeft = ({ endIndex }: Node) => endIndex <= operator.startIndex;
      const side = (left: boolean) =>
        chain(
          children.filter((child) => isLeft(child) === left),
          scope,
        );
      // Both sides always, as Terraform before 1.12 does: what stands behind || must not fail either.
      return operate(operator.text, side(true), side(false));
    }
    case 'function_call':
      return functionCall(node, scope);
    case 'for_tuple_expr':
    case 'for_object_expr':
      return loop(node, scope);
    default:
      throw new Error(`not known here: ${node.type}: ${node.text}`);
  }
}

const MARKS = /^(comment|(tuple|object|quoted_template|template_interpolation)_(start|end))$/;
const childrenOf = (node: Node) => node.namedChildren.filter(({ type }) => !MARKS.test(type));

/** A value, and what is asked of it: `.name`, `["key"]`, `[*]`. */
function chain([first, ...steps]: Node[], scope: Scope): Value {
  let value = evaluate(first as Node, scope);
  for (const [index, step] of steps.entries()) {
    if (step.type === 'splat') {
      const of = value === null ? [] : Array.isArray(value) ? value : [value];
      const each = [...childrenOf(step.firstNamedChild as Node), ...steps.slice(index + 1)];
      return of.map((item: Value) => each.reduce((part, next) => follow(part, next, scope), item));
    }
    value = follow(value, step, scope);
  }
  return value;
}

function follow(value: Value, step: Node, scope: Scope): Value {
  if (step.type === 'get_attr') return attribute(value, step.firstNamedChild?.text ?? '');
  const [index] = childrenOf(step.type === 'index' ? (step.firstNamedChild as Node) : step);
  return attribute(value, evaluate(index as Node, scope));
}

function attribute(value: Value, name: string | number): Value {
  if (isLazy(value)) return value.attribute(String(name));
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name))
    throw new Error(`Unsupported attribute: ${name} of ${JSON.stringify(value)}`);
  return value[name];
}

/** A name is itself as a key; in parentheses it is a reference. */
function key(node: Node, scope: Scope): string {
  const [only] = childrenOf(node);
  return only?.type === 'variable_expr' && node.namedChildCount === 1 && !node.text.startsWith('(')
    ? only.text
    : evaluate(node, scope);
}

const ESCAPES: Record<string, string> = {
  '\\n': '\n',
  '\\t': '\t',
  '\\"': '"',
  '\\\\': '\\',
  '$${': '${',
  '%%{': '%{',
};

/**
 * A text with what is interpolated into it. What stands between the interpolations is taken from the source: the grammar leaves
 * out white space at the ends of literals.
 */
function template(node: Node, scope: Scope): Value {
  const begin = node.startIndex + 1;
  const end = node.endIndex - 1;
  const interpolations = node.namedChildren.filter(({ type }) => type === 'template_interpolation');
  const directive = node.namedChildren.find(({ type }) => type === 'template_directive');
  if (directive) throw new Error(`not known here: ${directive.text}`);
  const values = interpolations.map((part) => evaluate(childrenOf(part)[0] as Node, scope));
  // "${value}" is the value itself, of whatever type.
  const [only] = interpolations;
  if (interpolations.length === 1 && only?.startIndex === begin && only.endIndex === end) return values[0];
  const literal = (from: number, to: number) =>
    node.text
      .slice(from - node.startIndex, to - node.startIndex)
      .replaceAll(/\\.|\$\$\{|%%\{/g, (escaped) => ESCAPES[escaped] ?? refuse(escaped));
  const literals = [...interpolations, undefined].map((part, index) =>
    literal(interpolations[index - 1]?.endIndex ?? begin, part?.startIndex ?? end),
  );
  return literals.map((part, index) => part + (index < values.length ? text(values[index]) : '')).join('');
}

function refuse(escaped: string): never {
  throw new Error(`not known here: ${escaped}`);
}

function truth(value: Value): boolean {
  if (typeof value !== 'boolean') throw new Error(`${JSON.stringify(value)} is neither true nor false`);
  return value;
}

function operate(operator: string, left: Value, right: Value): Value {
  if (operator === '==') return equal(left, right);
  if (operator === '!=') return !equal(left, right);
  if (operator === '&&') return truth(left) && truth(right);
  if (operator === '||') return truth(left) || truth(right);
  if (typeof left !== 'number' || typeof right !== 'number')
    throw new Error(`no numbers: ${left} ${operator} ${right}`);
  switch (operator) {
    case '+':
      return left + right;
    case '-':
      return left - right;
    case '*':
      return left * right;
    case '/':
      return left / right;
    case '%':
      return left % right;
    case '<':
      return left < right;
    case '<=':
      return left <= right;
    case '>':
      return left > right;
    case '>=':
      return left >= right;
    default:
      throw new Error(`not known here: ${operator}`);
  }
}

const equal = (left: Value, right: Value) => JSON.stringify(left) === JSON.stringify(right);

function functionCall(node: Node, scope: Scope): Value {
  const name = node.firstNamedChild?.text ?? '';
  const list = node.namedChildren.find(({ type }) => type === 'function_arguments');
  const given = list ? childrenOf(list) : [];
  const expanded = given.at(-1)?.type === 'ellipsis';
  const expressions = expanded ? given.slice(0, -1) : given;
  const attempts = expressions.map((expression) => () => evaluate(expression, scope));
  if (name === 'can') return attempts.every((attempt) => succeeds(attempt));
  if (name === 'try') {
    const working = attempts.find((attempt) => succeeds(attempt));
    if (!working) throw new Error(`none of them works: ${node.text}`);
    return working();
  }
  const args = attempts.map((attempt) => attempt());
  return call(name, expanded ? [...args.slice(0, -1), ...args.at(-1)] : args);
}

function succeeds(attempt: () => Value): boolean {
  try {
    attempt();
    return true;
  } catch {
    return false;
  }
}

/** `[for key, value in collection : item if condition]`, or `{ … : key => item }`. */
function loop(node: Node, scope: Scope): Value {
  const parts = childrenOf(node).filter(({ type }) => type !== 'ellipsis');
  const condition = parts.find(({ type }) => type === 'for_cond');
  const [intro, ...expressions] = parts.filter((part) => part !== condition) as [Node, ...Node[]];
  const names = childrenOf(intro).filter(({ type }) => type === 'identifier');
  const collection = evaluate(childrenOf(intro).find(({ type }) => type === 'expression') as Node, scope);
  const made = entriesOf(collection).flatMap(([place, item]) => {
    const bound = new Map(
      names.length === 2
        ? [
            [names[0]!.text, place],
            [names[1]!.text, item],
          ]
        : [[names[0]!.text, item]],
    );
    const within: Scope = (name) => (bound.has(name) ? bound.get(name) : scope(name));
    if (condition && !truth(evaluate(childrenOf(condition)[0] as Node, within))) return [];
    return [expressions.map((expression) => evaluate(expression, within))];
  });
  if (node.type === 'for_tuple_expr') return made.map(([item]) => item);
  const keys = made.map(([name]) => name);
  const twice = keys.find((name, index) => keys.indexOf(name) !== index);
  if (twice) throw new Error(`Duplicate object key: ${twice}`);
  return Object.fromEntries(made);
}
