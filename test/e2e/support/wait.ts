import { setTimeout as pause } from 'node:timers/promises';

export interface UntilOptions {
  /** Seconds until it counts as failed. @default 120 */
  readonly timeout?: number;
  /** Milliseconds between two looks. @default 500 */
  readonly every?: number;
}

/**
 * Looks until the condition gives something other than undefined or false.
 * @throws Error that names what was awaited, and the last error or answer
 */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | false>,
  { timeout = 120, every = 500 }: UntilOptions = {},
): Promise<T> {
  const deadline = Date.now() + timeout * 1000;
  let last: unknown;
  for (;;) {
    try {
      const seen = await look();
      if (seen !== undefined && seen !== false) {
        return seen;
      }
      last = seen;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline) {
      throw new Error(`after ${timeout} s still waiting for: ${what}; last: ${String(last)}`, { cause: last });
    }
    await pause(every);
  }
}
