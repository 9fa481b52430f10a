/** A watch that is silent for longer than its limit is made anew; so long that may take. */
const RECONNECT_MS = 30_000;

/** What the pod watches say about themselves. */
export interface WatchHealth {
  /** Of the namespace that was silent longest; null: one was never heard. */
  readonly secondsSinceApiServerHeard: number | null;
  /** Silent past the limit and not made anew since: the launcher does not see what becomes of pods. */
  readonly watchStalled: boolean;
}

/**
 * Judges the watches; pure.
 * @param heardAt when each namespace's API server was last heard, milliseconds since the epoch; 0: never
 * @param silenceMs so long a watch may be silent before it is made anew
 */
export function watchHealth(heardAt: readonly number[], now: number, silenceMs: number): WatchHealth {
  const oldest = Math.min(...heardAt);
  if (oldest === 0) {
    return { secondsSinceApiServerHeard: null, watchStalled: false };
  }
  const age = now - oldest;
  return { secondsSinceApiServerHeard: Math.round(age / 1000), watchStalled: age > silenceMs + RECONNECT_MS };
}
