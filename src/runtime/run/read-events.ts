import type { ObjectApi } from '../api/object-api.js';
import { describeEvents } from '../pods/events.js';
import { patiently } from './patience.js';

const EVENTS_PATIENCE_MS = 5000;

/**
 * What Kubernetes' events say of some objects; nothing when they cannot be read.
 * @param warn gets why they cannot be read
 */
export async function readEvents(
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
    warn((error as Error).message);
    return [];
  }
}
