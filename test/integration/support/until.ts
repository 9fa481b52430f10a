const LOOK_EVERY_MS = 20;
const DEFAULT_TIMEOUT_MS = 30_000;

/**
 * Waits for a condition.
 * @param state printed when the time is up: what one would look at to find out why
 */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  options: { readonly timeoutMs?: number; readonly everyMs?: number; readonly state?: () => unknown } = {},
): Promise<void> {
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const startedAt = Date.now();
  while (!(await holds())) {
    if (Date.now() - startedAt > timeoutMs) {
      const state = options.state === undefined ? '' : `\n${JSON.stringify(await options.state(), null, 1)}`;
      throw new Error(`waited ${timeoutMs} ms in vain for: ${what}${state}`);
    }
    await new Promise((resolve) => setTimeout(resolve, options.everyMs ?? LOOK_EVERY_MS));
  }
}
