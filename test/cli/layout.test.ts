import { describe, expect, test } from 'vitest';
import { cut, table, wrap } from '../../bin/cli/terminal/layout.ts';

describe('a table', () => {
  const rows = [
    ['i-0123456789abcdef0', 'client-with-a-long-name', '5 min'],
    ['i-1', 'client-2', '12 min'],
  ];

  test('has columns as wide as their widest cell, numbers on the right', () => {
    expect(table(rows, { columns: 80, indent: '  ', right: [2] })).toBe(
      [
        '  i-0123456789abcdef0  client-with-a-long-name   5 min',
        '  i-1                  client-2                 12 min',
      ].join('\n'),
    );
  });

  test('that is too wide cuts the column that gives way, with an ellipsis', () => {
    expect(table(rows, { columns: 40, flexible: 1 }).split('\n')[0]).toBe('i-0123456789abcdef0  client-wit…  5 min');
  });

  test('in a pipe is as wide as it is', () => {
    expect(table(rows, { columns: Number.POSITIVE_INFINITY })).toContain('client-with-a-long-name');
  });

  test('colours a cell after its width is known', () => {
    const ink = (text: string) => `<${text}>`;
    expect(
      table(
        [
          [{ text: 'a', ink }, 'b'],
          ['long', 'c'],
        ],
        { columns: 80 },
      ),
    ).toBe('<a>     b\nlong  c');
  });
});

test('what is cut counts wide characters as two columns', () => {
  expect(cut('建築建築', 6)).toBe('建築…');
});

describe('a wrapped text', () => {
  test('has its indent before each line', () => {
    expect(wrap('the drain waits for build', 16, '  ')).toBe('  the drain\n  waits for\n  build');
  });

  test('breaks a word that is longer than a line', () => {
    expect(wrap('abcdefgh', 6, '  ')).toBe('  abcd\n  efgh');
  });
});

test('a duration does not break across lines', () => {
  expect(wrap('it has run for 1 h 36 min', 22)).toBe('it has run for\n1 h 36 min');
  expect(wrap('it has run for 36 min', 19)).toBe('it has run for\n36 min');
});
