import { createRequire } from 'node:module';
import { Language, type Node, Parser } from 'web-tree-sitter';

const { resolve } = createRequire(import.meta.url);
await Parser.init();
const parser = new Parser();
parser.setLanguage(await Language.load(resolve('@tree-sitter-grammars/tree-sitter-hcl/tree-sitter-terraform.wasm')));

/** A block of HCL: `resource "aws_sqs_queue" "failed_runs" { … }`. */
export interface Block {
  readonly type: string;
  readonly labels: readonly string[];
  /** The expressions of its arguments, by name. */
  readonly attributes: ReadonlyMap<string, Node>;
  readonly blocks: readonly Block[];
}

/**
 * The blocks of a file of Terraform's language.
 * @param file what the file is called in errors
 * @throws Error naming the first line that is no HCL, or an argument that is there twice
 */
export function parseHcl(text: string, file: string): readonly Block[] {
  const root = parser.parse(text)?.rootNode;
  if (!root) throw new Error(`${file}: cannot be parsed`);
  if (root.hasError) {
    const wrong = root.descendantsOfType('ERROR')[0] ?? root;
    throw new Error(`${file}, line ${wrong.startPosition.row + 1}: no HCL: ${wrong.text.split('\n')[0]}`);
  }
  return contents(root.namedChildren.find(({ type }) => type === 'body') ?? null, file).blocks;
}

function contents(body: Node | null, file: string): Pick<Block, 'attributes' | 'blocks'> {
  const attributes = new Map<string, Node>();
  const blocks: Block[] = [];
  for (const child of body?.namedChildren ?? []) {
    const [first, ...others] = child.namedChildren;
    if (!first) continue;
    if (child.type === 'attribute') {
      if (attributes.has(first.text)) throw new Error(`${file}: ${first.text} is there twice`);
      attributes.set(first.text, others[0] as Node);
    }
    if (child.type === 'block') {
      const labels = others.filter(({ type }) => type === 'string_lit').map(({ text }) => text.slice(1, -1));
      const inner = others.find(({ type }) => type === 'body') ?? null;
      blocks.push({ type: first.text, labels, ...contents(inner, file) });
    }
  }
  return { attributes, blocks };
}

export type { Node };
