/**
 * `npm run bench [-- name…] [--json]`: how fast the function reacts, what it asks and costs, and how that grows. Each figure has
 * its rival beside it, measured in the same run. The figures run one after another. With NOMAD_BIN, as root, those of the reaction
 * are measured on a real agent. bench/README.md says what each is.
 *
 * With a program of their own: `node bench/plan.ts`, `node bench/who-goes.ts`, and `npm run bench:day` (day-of-ci.ts).
 */
import { coldStart } from './cold-start.ts';
import { cost } from './cost.ts';
import { growth } from './growth.ts';
import { calls, traffic } from './hour.ts';
import { reaction } from './reaction.ts';
import { type Figure, HEAD, json, lineOf, type Row } from './row.ts';

const FIGURES: Record<string, Figure> = {
  reaction,
  traffic,
  calls,
  'cold-start': coldStart,
  growth,
  cost,
};

const asked = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const unknown = asked.filter((name) => !FIGURES[name]);
if (unknown.length > 0) {
  console.error(`no figure ${unknown.join(', ')}; there are: ${Object.keys(FIGURES).join(', ')}`);
  process.exit(2);
}

const asJson = process.argv.includes('--json');
const rows: Row[] = [];
if (!asJson) console.log(HEAD);
for (const [name, measure] of Object.entries(FIGURES)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  const began = performance.now();
  const measured = await measure();
  rows.push(...measured);
  // As they come: it takes minutes.
  if (!asJson) for (const row of measured) console.log(lineOf(row));
  console.error(`${name}: measured in ${Math.round((performance.now() - began) / 1000)} s`);
}
if (asJson) console.log(json(rows));
