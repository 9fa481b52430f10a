const SLOW_DOWN_EVERY_MS = 1000;

/**
 * How many creates may be under way at once: grows by about one for each round of answers, halves when the API server
 * shows that it has too much to do (429, 503, a missed deadline), at most once a second.
 */
export class InFlightLimit {
  private limit: number;
  private slowedAt = -Infinity;

  constructor(start: number) {
    this.limit = start;
  }

  /** At least 1, at most `max` (of the launch policy, which may change while we run). */
  value(max: number): number {
    return Math.max(1, Math.min(max, Math.floor(this.limit)));
  }

  succeeded(max: number): void {
    this.limit = Math.min(max, this.limit + 1 / Math.max(1, this.limit));
  }

  overloaded(now: number): void {
    if (now - this.slowedAt >= SLOW_DOWN_EVERY_MS) {
      this.slowedAt = now;
      this.limit = Math.max(1, this.limit / 2);
    }
  }
}
