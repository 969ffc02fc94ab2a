import type { Context } from './context.ts';
import { wrap } from './terminal/layout.ts';

/** The options of every command that changes something. */
export interface ChangeOptions {
  yes?: boolean;
  dryRun?: boolean;
}

/** Something that a command changes. */
export interface Change {
  /** What --json prints, and whether it was done. */
  answer: object;
  /** Asks the person. @throws Problem if it is not agreed to */
  agree: (yes: boolean) => Promise<void>;
  make: () => Promise<unknown>;
  /** What is reported when it is done; undefined if the command continues, and reports itself how it ends. */
  done?: string;
}

/**
 * Asks, then changes. Nothing is asked or changed in a dry run.
 * @returns whether it was done
 */
export async function confirmAndApply(
  context: Context,
  { answer, agree, make, done }: Change,
  { yes = false, dryRun = false }: ChangeOptions,
): Promise<boolean> {
  if (dryRun) {
    context.show({ ...answer, changed: false }, () => 'A dry run: nothing was changed.');
    return false;
  }
  await agree(yes);
  await context.screen.during('doing it', make());
  if (done !== undefined) context.show({ ...answer, changed: true }, (_, { columns }) => wrap(done, columns));
  return true;
}
