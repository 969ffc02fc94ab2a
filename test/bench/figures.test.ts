import { describe, expect, it } from 'vitest';
import { inSequence } from '../../bench/observed.ts';
import { lasts } from '../../bench/prices.ts';
import { json, lineOf, median, straightLine } from '../../bench/row.ts';

const ROW = {
  figure: 'a drain',
  unit: 'ms',
  samples: [30, 10, 20.4],
  rival: { name: 'by hand', samples: [50] },
} as const;

describe('a figure of the bench', () => {
  it('is told by its median and its spread, beside its rival', () => {
    expect(lineOf(ROW)).toBe('| a drain | ms | 20 | 10 – 30 | 3 | by hand | 50 |  |  |');
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(JSON.parse(json([ROW]))).toMatchObject([
      { median: 20.4, min: 10, max: 30, samples: [30, 10, 20.4], rival: { name: 'by hand', median: 50 } },
    ]);
  });

  it('counts requests at the same time as one round trip', () => {
    const request = (began: number, ended: number) => ({ host: 'nomad', path: '/', began, ended });
    expect(inSequence([])).toBe(0);
    expect(inSequence([request(0, 5), request(1, 4), request(2, 3)])).toBe(1);
    expect(inSequence([request(6, 9), request(0, 5), request(1, 4), request(4, 5)])).toBe(3);
  });

  it('lasts longer with a share of a core, by its processor time alone', () => {
    expect(lasts(100, 0, 0.5)).toBe(100);
    expect(lasts(100, 10, 1769 / 1024 / 2)).toBeCloseTo(110);
    expect(lasts(100, 10, 4)).toBe(100);
  });

  it('grows by the line of least squares', () => {
    expect(straightLine([0, 10, 20].map((at) => ({ at, value: 5 + 2 * at })))).toEqual({ base: 5, slope: 2 });
    expect(straightLine([0, 1, 2].map((at) => ({ at, value: [0, 3, 0][at] ?? 0 })))).toEqual({ base: 1, slope: 0 });
  });
});
