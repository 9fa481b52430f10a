import { backoffMs } from '../../../src/runtime/launch/backoff.js';
import { InFlightLimit } from '../../../src/runtime/launch/in-flight-limit.js';

test('waits double up to their cap, half of each at random', () => {
  const backoff = { baseMs: 100, capMs: 1000 };
  expect([1, 2, 3, 9].map((failures) => backoffMs(backoff, failures, 1))).toEqual([100, 200, 400, 1000]);
  expect(backoffMs(backoff, 2, 0)).toBe(100);
});

describe('the number of creates at once', () => {
  test('grows with success up to the policy', () => {
    const limit = new InFlightLimit(16);
    for (let done = 0; done < 5000; done += 1) {
      limit.succeeded(64);
    }
    expect(limit.value(64)).toBe(64);
    expect(limit.value(8)).toBe(8);
  });

  test('halves under load, at most once a second, and never below one', () => {
    const limit = new InFlightLimit(16);
    limit.overloaded(1000);
    limit.overloaded(1500);
    expect(limit.value(64)).toBe(8);
    for (let second = 2; second < 20; second += 1) {
      limit.overloaded(second * 1000);
    }
    expect(limit.value(64)).toBe(1);
  });
});
