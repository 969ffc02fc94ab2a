import { progress } from '../cli/terminal/bar.ts';
import { type Cell, table, wrap } from '../cli/terminal/layout.ts';
import { liveView } from '../cli/terminal/live.ts';
import type { Page } from '../cli/terminal/page.ts';

/** Something happened. */
export interface News {
  /** Milliseconds since the epoch. */
  at: number;
  /** The client that it happened to, if it is one of them. */
  name?: string;
  text: string;
  tone?: 'good' | 'bad';
}

/** How one client stands. */
export interface Row {
  name: string;
  instanceId: string;
  state: string;
  /** Allocations left now, and when the story began. */
  left: number;
  before: number;
  /** How its wait has ended, if it has. */
  outcome?: string;
  /** What it waits for, if it does. */
  because?: string;
  /** What it waits for will not come by itself. */
  stuck?: boolean;
}

/** Shows the demo: a live table under a running log in a terminal, plain lines elsewhere, nothing when silent. */
export interface Screen {
  say(news: News): void;
  /** This is how things stand. */
  show(rows: readonly Row[]): void;
  close(): void;
}

export const silent: Screen = { say() {}, show() {}, close() {} };

/** Plain lines: what happened, and how each client stands when that changes. */
export function plainScreen(stream: NodeJS.WritableStream, page: Page): Screen {
  const shown = new Map<string, string>();
  return {
    say: (news) => void stream.write(`${line(news, page)}\n`),
    show(rows) {
      for (const row of rows) {
        const { name, instanceId, state, because, stuck } = row;
        const stands = `${name}  ${instanceId}  ${state}, ${leftText(row)}`;
        // For how long something has run is no news.
        const key = `${stands} ${because !== undefined} ${stuck}`;
        if (shown.get(instanceId) !== key) stream.write(`  ${stands}${because ? `: ${because}` : ''}\n`);
        shown.set(instanceId, key);
      }
    },
    close() {},
  };
}

export function liveScreen(stream: NodeJS.WriteStream, page: Page): Screen {
  const live = liveView(stream);
  let rows: readonly Row[] = [];
  const draw = () => live.show(`\n${standing(rows, page)}`);
  return {
    say(news) {
      live.clear();
      stream.write(`${line(news, page)}\n`);
      draw();
    },
    show(next) {
      rows = next;
      draw();
    },
    close: () => live.end(),
  };
}

function line({ at, name, text, tone }: News, { columns, ink }: Page): string {
  const time = new Date(at).toISOString().slice(11, 19);
  const said = name === undefined ? text : `${name}  ${text}`;
  const lines = wrap(said, columns, ' '.repeat(time.length + 2)).trimStart();
  return `${ink.quiet(time)}  ${tone === undefined ? lines : ink[tone](lines)}`;
}

function standing(rows: readonly Row[], page: Page): string {
  if (rows.length === 0) return '';
  const cells = rows.map((row) => cellsOf(row, page));
  const lines = table(cells, { columns: page.columns, indent: '  ', flexible: 0 }).split('\n');
  return rows
    .flatMap(({ because, stuck }, index) => {
      const why = because === undefined ? [] : [wrap(because, page.columns, '    ')];
      return [lines[index] ?? '', ...why.map(stuck ? page.ink.bad : page.ink.quiet)];
    })
    .join('\n');
}

/** What stands beside the states stays where it is. */
const LONGEST_STATE = 'Terminating:Proceed';

const stays = ({ state }: Row) => state === 'InService';

const leftText = (row: Row) => (stays(row) ? `${row.left} running` : `${row.left} of ${row.before} left`);

function cellsOf(row: Row, { ink }: Page): Cell[] {
  const { name, instanceId, state, left, before, outcome, stuck } = row;
  const done = outcome !== undefined ? 1 : before === 0 ? 0 : (before - left) / before;
  return [
    { text: name, ink: stuck ? ink.bad : ink.heading },
    { text: instanceId, ink: ink.quiet },
    { text: state.padEnd(LONGEST_STATE.length), ...(outcome !== undefined && { ink: ink.good }) },
    stays(row) ? { text: '' } : progress(done, ink),
    { text: outcome ?? leftText(row) },
  ];
}
