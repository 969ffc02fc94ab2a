import { wrap } from './terminal/layout.ts';
import type { Page } from './terminal/page.ts';

/** What an operator should fix, as an answer says it: a paragraph each. */
export const warningsText = (warnings: readonly string[], { columns, ink }: Page): string[] =>
  warnings.map((warning) => ink.warn(wrap(`warning: ${warning}`, columns)));
