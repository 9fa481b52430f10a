import { asKubeError, isTransient, type KubeError } from '../api/errors.js';
import { steadyNow } from '../clock.js';
import { backoffMs } from '../launch/backoff.js';
import { RunError } from './events.js';
import { pause } from '../pause.js';

/** The longest pause before a repetition, unless the API server asks for a longer one. */
export const LONGEST_PAUSE_MS = 5000;
const RETRY = { baseMs: 200, capMs: LONGEST_PAUSE_MS };

/** How long to go on asking an API server that is away. */
export interface Patience {
  readonly patienceMs: number;
  readonly signal: AbortSignal;
}

/**
 * Repeats a call that may be repeated, while the API server is away or overloaded.
 * @throws RunError when it was away for too long, or a right is missing; KubeError for every other refusal
 */
export async function patiently<T>(what: string, { patienceMs, signal }: Patience, call: () => Promise<T>): Promise<T> {
  const startedAt = steadyNow();
  for (let failures = 1; ; failures += 1) {
    try {
      return await call();
    } catch (thrown) {
      const error = asKubeError(thrown);
      if (!isTransient(error)) {
        throw refused(what, error);
      }
      if (signal.aborted || steadyNow() - startedAt > patienceMs) {
        throw unreachable(what, error);
      }
      await pauseBeforeRetry(error, failures, signal);
    }
  }
}

/** Waits as long as the API server asks for, else longer with each failure in a row. */
export function pauseBeforeRetry(error: KubeError, failures: number, signal: AbortSignal): Promise<void> {
  return pause(error.retryAfterMs ?? backoffMs(RETRY, failures, Math.random()), signal);
}

export function unreachable(what: string, error: KubeError): RunError {
  return new RunError('Unreachable', `the API server cannot ${what} now: ${error.message}`, error);
}

/** What no repetition mends. */
export function refused(what: string, error: KubeError): RunError | KubeError {
  const forbidden = error.status === 403 && !error.message.includes('exceeded quota');
  return forbidden ? new RunError('Forbidden', `not allowed to ${what}: ${error.message}`, error) : error;
}
