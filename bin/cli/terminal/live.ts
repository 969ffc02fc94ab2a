import type { WriteStream } from 'node:tty';
import { createLogUpdate } from 'log-update';

/** Shows one state after another, each in the place of the one before. */
export interface LiveView {
  show(text: string): void;
  /** Takes the state off the screen: what is written now stays above the next one. */
  clear(): void;
  /** The last state stays on the screen. */
  end(): void;
}

/**
 * On a terminal. Each state is drawn whole: log-update (7.2.0) draws only the lines that differ, and where there are more or fewer
 * lines than before it loses those below that stayed the same.
 */
export function liveView(stream: NodeJS.WriteStream): LiveView {
  const update = createLogUpdate(stream as WriteStream, { showCursor: true });
  let last: string | undefined;
  return {
    show(text) {
      if (text === last) return;
      if (last !== undefined) update.clear();
      update(text);
      last = text;
    },
    clear() {
      update.clear();
      last = undefined;
    },
    end: () => update.done(),
  };
}
