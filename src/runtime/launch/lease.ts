/**
 * The scheduler's leave to create pods. It is over when either clock says so: the time of day may be set back, and the
 * steady clock stands still while the machine sleeps.
 */
export class Lease {
  private until = 0;
  private steadyUntil = -Infinity;

  constructor(
    private readonly now: () => number,
    private readonly steady: () => number,
  ) {}

  /** @param ttlMs how long from now on; 0 or less ends it */
  renew(ttlMs: number): void {
    this.until = this.now() + ttlMs;
    this.steadyUntil = this.steady() + ttlMs;
  }

  live(): boolean {
    return this.now() < this.until && this.steady() < this.steadyUntil;
  }
}
