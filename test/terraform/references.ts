import type { Block, Node } from '../../scripts/hcl.ts';
import { BLOCKS, blocksOfType } from './module.ts';

const LOCALS = new Map(blocksOfType('locals').flatMap(({ attributes }) => [...attributes]));

/**
 * What has to be there before: the resources, the data sources and the variables that a resource or an output refers to, or depends
 * on, and whatever these need. As Terraform sees it: all instances of a resource together.
 * @param address `aws_sqs_queue.failed_runs`, `output.function_name`
 */
export function needsOf(address: string): ReadonlySet<string> {
  const found = new Set<string>();
  const visit = (from: string) => {
    for (const to of from.startsWith('local.') ? ofExpression(LOCALS.get(from.slice(6))!) : referred(from)) {
      if (found.has(to)) continue;
      found.add(to);
      visit(to);
    }
  };
  visit(address);
  return found;
}

function referred(address: string): string[] {
  const block = BLOCKS.find((each) => addressOf(each) === address);
  return block ? ofBlock(block) : [];
}

const addressOf = ({ type, labels }: Block) =>
  (type === 'resource' ? [...labels] : [SHORT[type] ?? type, ...labels]).join('.');
const SHORT: Record<string, string> = { variable: 'var' };

const ofBlock = ({ attributes, blocks }: Block): string[] => [
  ...[...attributes.values()].flatMap(ofExpression),
  ...blocks.flatMap(ofBlock),
];

/** The addresses that an expression refers to. */
function ofExpression(expression: Node): string[] {
  return expression.descendantsOfType('variable_expr').flatMap((root) => {
    const steps: string[] = [];
    for (let next = root.nextNamedSibling; next?.type === 'get_attr'; next = next.nextNamedSibling)
      steps.push(next.firstNamedChild!.text);
    const path = [root.text, ...steps];
    if (root.text === 'data') return [path.slice(0, 3).join('.')];
    if (root.text === 'var' || root.text === 'local' || /^aws_/.test(root.text)) return [path.slice(0, 2).join('.')];
    return [];
  });
}
