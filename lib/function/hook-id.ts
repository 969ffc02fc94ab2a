import { createHash } from 'node:crypto';
import { Reference, Stack, Token, Tokenization } from 'aws-cdk-lib';
import type { Construct, IConstruct } from 'constructs';

/**
 * The part of a hook's construct id that identifies its group. For a hook under a new logical id, CloudFormation makes it first and
 * then deletes the one of the old id, which to Auto Scaling is the same hook: it knows a hook by group and name. So this is neither the
 * group's place in the list nor its construct path: a stage or another id of the stack would change that.
 * A slash is encoded: the CDK would write two hyphens, which a name may have of its own.
 * @param groupName the name of the group; may be a token
 */
export function hookId(scope: Construct, groupName: string): string {
  if (!Token.isUnresolved(groupName)) return encodeURIComponent(groupName);
  const made = referredTo(groupName);
  if (made) return pathOf(made, rootOf(scope));
  // An imported value, or a name put together of several.
  const written = JSON.stringify(Stack.of(scope).resolve(groupName));
  return createHash('sha256').update(written).digest('hex').slice(0, 16);
}

/** What a name refers to that is nothing but a reference; undefined for an imported value, and for a name put together of several. */
export function referredTo(groupName: string): IConstruct | undefined {
  const [token] = Tokenization.reverseString(groupName).tokens;
  return Reference.isReference(token) && token.toString() === groupName ? token.target : undefined;
}

/** The path of what makes the group below its stack, including nested stacks; another stack is distinguished by its name. */
function pathOf(target: IConstruct, here: Stack): string {
  const root = rootOf(target);
  const path = encodeURIComponent(target.node.path.slice(root.node.path.length + 1));
  return root === here ? path : `${root.stackName}:${path}`;
}

function rootOf(scope: IConstruct): Stack {
  let stack = Stack.of(scope);
  while (stack.nestedStackParent) stack = stack.nestedStackParent;
  return stack;
}
