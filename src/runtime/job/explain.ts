import type { ObjectApi } from '../api/object-api.js';
import { describeEvents } from '../pods/events.js';
import { patiently } from '../run/patience.js';

const EVENTS_PATIENCE_MS = 5000;

/** What Kubernetes' events say of a Job and of some of its pods; nothing when they cannot be read, which is told. */
export async function readJobEvents(
  api: ObjectApi,
  namespace: string,
  uids: readonly string[],
  signal: AbortSignal,
  warn: (message: string) => void,
): Promise<string[]> {
  const patience = { patienceMs: EVENTS_PATIENCE_MS, signal };
  try {
    const all = await Promise.all(
      uids.map((uid) => patiently('list events', patience, () => api.events(namespace, uid))),
    );
    return describeEvents(all.flat());
  } catch (error) {
    // They explain a failure; without them it is one all the same.
    warn(`the events of the Job cannot be read: ${(error as Error).message}`);
    return [];
  }
}
