import { expect, test } from 'vitest';
import { liveView } from '../../bin/cli/terminal/live.ts';
import { Display } from './display.ts';
import { Recorder, shownOn } from './recorder.ts';

/** What can be read on a terminal of 20 columns after these states. */
async function readAfter(...states: string[]): Promise<string> {
  const stream = new Recorder(20, 10);
  const view = liveView(stream as unknown as NodeJS.WriteStream);
  for (const state of states) view.show(state);
  view.end();
  const { text } = await shownOn(new Display(20, 10), stream.written);
  return text;
}

test.each([
  ['fewer', 'builders\none\n  why\ntwo', 'builders\none\ntwo'],
  ['more', 'builders\none\ntwo', 'builders\none\n  why\ntwo'],
])('a state of %s lines than the one before takes its place', async (_, before, after) => {
  expect(await readAfter(before, after)).toBe(after);
});
