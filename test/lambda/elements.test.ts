import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Elements } from '../../lambda/nomad/transport/json-list.ts';

/** What is made of a text that arrives in pieces, cut at these places. */
const take = (
  text: string,
  cuts: readonly number[] = [],
  translate: (element: unknown) => unknown = (each) => each,
) => {
  const bytes = Buffer.from(text);
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((one, other) => one - other), bytes.length];
  const elements = new Elements(translate);
  for (let piece = 1; piece < places.length; piece++) elements.push(bytes.subarray(places[piece - 1], places[piece]));
  elements.end();
  return elements.list;
};

describe('a list that arrives in pieces', () => {
  it('has the elements that it would have as a whole, wherever it is cut, whatever is in its strings', () => {
    const awkward = fc.string({ unit: fc.constantFrom('"', '\\', '[', ']', '{', '}', ',', 'é', '🦊', 'u0022', '\n') });
    const element = fc.dictionary(
      awkward,
      fc.oneof(fc.jsonValue(), awkward, fc.array(fc.dictionary(awkward, awkward))),
    );
    fc.assert(
      fc.property(fc.array(element), fc.array(fc.nat()), fc.constantFrom(undefined, 2), (list, cuts, indent) => {
        expect(take(JSON.stringify(list, null, indent), cuts)).toEqual(JSON.parse(JSON.stringify(list)));
      }),
    );
  });

  it.each(['null', ' null\n', '[null]', '[{}, 5]', '["a"]', '[{}] null', '{}', '[[]'])('is none in %s', (text) => {
    expect(() => take(text)).toThrow(/^not/);
    expect(() => take(text, [1, 2])).toThrow(/^not/);
  });

  it('keeps of each element only what was made of it', () => {
    expect(take('[{"ID":"a"},{"ID":"b"}]', [], (each) => (each as { ID: string }).ID)).toEqual(['a', 'b']);
  });

  it.each([
    ['ends too early', '[{"ID":"a"},{"ID":', 'not JSON: the list has no end'],
    ['ends within a string', '[{"ID":"a', 'not JSON: the list has no end'],
    ['is no list', '<html>welcome to the proxy</html>', 'not a JSON list: <html>welcome'],
    ['is nothing', '', 'not a JSON list'],
    ['is no JSON', '[{"SECRET": hunter2}]', 'not JSON: an element of the list'],
  ])('is refused where it %s, and nothing of a job is quoted', (_, text, because) => {
    expect(() => take(text)).toThrow(because);
    expect(() => take(text)).not.toThrow('hunter2');
  });

  it('is refused where one element is larger than any job', () => {
    const elements = new Elements(() => undefined);
    elements.push(Buffer.from('[{"a":"'));
    const piece = Buffer.alloc(1024 * 1024, 'x');
    expect(() => {
      for (let megabytes = 0; megabytes < 40; megabytes++) elements.push(piece);
    }).toThrow('an element of the list is larger than');
  });
});
