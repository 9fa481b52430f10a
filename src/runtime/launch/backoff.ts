/** Shape of a growing wait: `baseMs`, doubled each time, never above `capMs`. */
export interface Backoff {
  readonly baseMs: number;
  readonly capMs: number;
}

/**
 * How long to wait before the next try, in milliseconds: half of the growing wait is fixed, half is random, so that
 * many launches that failed together do not come back together.
 * @param failures how many tries have failed, 1 after the first
 * @param random a number from 0 to 1
 */
export function backoffMs(backoff: Backoff, failures: number, random: number): number {
  const full = Math.min(backoff.capMs, backoff.baseMs * 2 ** Math.min(30, Math.max(0, failures - 1)));
  return Math.round(full / 2 + (full / 2) * random);
}
