import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { agrees } from '../../bin/demo/consent.ts';

const never = new AbortController().signal;

/** A terminal at which somebody types this. */
function typing(text: string) {
  const input = Object.assign(new PassThrough(), { isTTY: true });
  input.end(text);
  return { input, output: new PassThrough() };
}

test.each([
  ['y\n', true],
  ['YES\n', true],
  ['\n', false],
  ['n\n', false],
  ['yesterday\n', false],
  ['', false],
])('who types %j agrees: %s', async (typed, agreed) => {
  expect(await agrees('Drain 2 clients?', typing(typed), never)).toBe(agreed);
});

test('the question says what is asked, and that no answer is no', async () => {
  const { input, output } = typing('n\n');
  await agrees('Drain 2 clients?', { input, output }, never);
  expect(`${output.read()}`).toBe('Drain 2 clients? [y/N] ');
});

test('who ends the demo instead has not agreed', async () => {
  const ended = new AbortController();
  const asked = agrees(
    '?',
    { input: Object.assign(new PassThrough(), { isTTY: true }), output: new PassThrough() },
    ended.signal,
  );
  ended.abort(new Error('ended by SIGINT'));
  await expect(asked).rejects.toThrow('ended by SIGINT');
});

test('without a terminal there is nobody to ask', async () => {
  const asked = agrees('?', { input: new PassThrough(), output: new PassThrough() }, never);
  await expect(asked).rejects.toThrow('--yes');
});
