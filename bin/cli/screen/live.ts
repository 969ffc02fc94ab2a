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
 * On a terminal. Each state is drawn whole: where log-update (7.2.0) draws only the lines that differ, lines below them that stayed
 * the same are lost when there are more or fewer lines than before, and a line that fills the terminal loses its last character.
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
