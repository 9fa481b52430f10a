import type { RawEvent } from '../pods/events.js';
import { parse } from './answers.js';
import type { Http2Transport } from './http2-transport.js';

/** Somebody waits for what they say, and can do without. */
const DEADLINE_MS = 3000;
const MAX_EVENTS = 100;

/** The events about one object that the cluster still has; a bounded number of them. */
export async function listEvents(transport: Http2Transport, namespace: string, uid: string): Promise<RawEvent[]> {
  const query = new URLSearchParams({ fieldSelector: `involvedObject.uid=${uid}`, limit: String(MAX_EVENTS) });
  const path = `/api/v1/namespaces/${namespace}/events?${query.toString()}`;
  const { body } = await transport.request({ method: 'GET', path, deadlineMs: DEADLINE_MS });
  return parse<{ items?: RawEvent[] }>(body).items ?? [];
}
