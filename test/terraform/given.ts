import { parseHcl } from '../../scripts/hcl.ts';
import { evaluate, type Scope } from './evaluate.ts';
import type { Value } from './value.ts';

/** What is known of a value from elsewhere: nothing but how it is called, which is a text that stands for it. */
interface Elsewhere {
  readonly attribute: (name: string) => Value;
}

/** The variables of the examples that are no text, or that the module checks. */
const VARIABLES: Record<string, Value> = {
  circleci: { attribute: (name: string) => name },
  subnet_ids: ['subnet-11111111', 'subnet-22222222'],
  vpc_id: 'vpc-11111111',
};

/**
 * What a configuration gives our module; what it takes from elsewhere has some value.
 * @throws Error where it uses our module, or another one, more than once
 */
export function given(text: string, file: string): Record<string, Value> {
  const [use, ...others] = parseHcl(text, file).filter(({ type }) => type === 'module');
  if (!use || others.length > 0) throw new Error(`${file}: not one module`);
  const ofPath: Elsewhere = { attribute: (name) => (name === 'module' ? '/example' : name) };
  const named: Elsewhere = { attribute: (name) => name };
  const nested: Elsewhere = { attribute: () => named };
  const ofVariable: Elsewhere = { attribute: (name) => VARIABLES[name] ?? name };
  const scope: Scope = (root) => ({ path: ofPath, var: ofVariable })[root] ?? nested;
  const { source, ...variables } = Object.fromEntries(
    [...use.attributes].map(([name, expression]) => [name, evaluate(expression, scope)]),
  );
  return { source, variables };
}
