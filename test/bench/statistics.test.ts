import { percentile, summarize } from '../../bench/statistics.js';

describe('statistics', () => {
  test('the median of an even number of values lies between the two in the middle', () => {
    expect(summarize([4, 1, 3, 2])).toEqual({ median: 2.5, min: 1, max: 4 });
  });

  test('a percentile between two values is interpolated', () => {
    expect(percentile([0, 100], 99)).toBe(99);
    expect(percentile([7], 99)).toBe(7);
  });

  test('nothing has no middle', () => {
    expect(() => percentile([], 50)).toThrow(RangeError);
  });
});
