import type { Loss, Release } from './releases.ts';
import { isClean } from './releases.ts';
import { wrap } from './terminal/layout.ts';
import type { Page } from './terminal/page.ts';

/** How the wait of an instance has ended, and what was lost. */
export function releaseText(release: Release, { columns, ink }: Page): string {
  const { instanceId, outcome, because, killed, nowhere } = release;
  const head = wrap(`${instanceId}  ${outcome}: ${because}`, columns, '  ');
  const lines = [
    ...killed.map((loss) => `killed: ${lossText(loss)}`),
    ...nowhere.map((loss) => `runs nowhere now: ${lossText(loss)}`),
  ].map((line) => wrap(line, columns, '    '));
  const color = isClean(release) ? ink.good : ink.bad;
  return [head, ...lines].map(color).join('\n');
}

/** "web (task group g, namespace ci, allocation 1a2b3c4d)". */
export const lossText = ({ job, namespace, taskGroup, allocation }: Loss): string =>
  `${job} (task group ${taskGroup}, namespace ${namespace}${allocation ? `, allocation ${allocation.slice(0, 8)}` : ''})`;
