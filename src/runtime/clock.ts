import { performance } from 'node:perf_hooks';

/**
 * Milliseconds since some moment, for waits and for what came first: unlike the time of day it is never set back or
 * forth. It may stand still while the machine sleeps.
 */
export function steadyNow(): number {
  return performance.now();
}
