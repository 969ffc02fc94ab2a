import { createLogUpdate } from 'log-update';

/** One line of the live view. */
export interface Row {
  name: string;
  instanceId: string;
  state: string;
  /** Allocations left now, and when the story began. */
  left: number;
  before: number;
}

/** Shows the demo: a live table under a running log in a terminal, plain lines elsewhere, nothing when silent. */
export interface Screen {
  /** Something happened. */
  say(line: string): void;
  /** This is how things stand. */
  show(rows: readonly Row[]): void;
  close(): void;
}

export const silent: Screen = { say() {}, show() {}, close() {} };

/** Plain lines: what happened, and each state when it changes. */
export function plainScreen(stream: NodeJS.WriteStream): Screen {
  const shown = new Map<string, string>();
  return {
    say: (line) => void stream.write(`${line}\n`),
    show(rows) {
      for (const row of rows) {
        const line = `${row.name}  ${row.instanceId}  ${row.state}, ${row.left} of ${row.before} allocations left`;
        if (shown.get(row.instanceId) !== line) stream.write(`  ${line}\n`);
        shown.set(row.instanceId, line);
      }
    },
    close() {},
  };
}

export function liveScreen(stream: NodeJS.WriteStream): Screen {
  const live = createLogUpdate(stream);
  let rows: readonly Row[] = [];
  const draw = () => live(['', ...rows.map(format)].join('\n'));
  return {
    say(line) {
      live.clear();
      stream.write(`${line}\n`);
      draw();
    },
    show(next) {
      rows = next;
      draw();
    },
    close: () => live.done(),
  };
}

const BAR = 12;

function format({ name, instanceId, state, left, before }: Row): string {
  const done = before === 0 ? BAR : Math.round((BAR * Math.max(0, before - left)) / before);
  const bar = '█'.repeat(done) + '░'.repeat(BAR - done);
  return `  ${name}  ${instanceId}  ${state.padEnd(18)} ${bar}  ${left} left`;
}
