/** The parts of a Kubernetes event that are looked at. Older and newer reporters fill different times. */
export interface RawEvent {
  readonly type?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly count?: number;
  readonly eventTime?: string | null;
  readonly firstTimestamp?: string | null;
  readonly lastTimestamp?: string | null;
  readonly series?: { readonly count?: number; readonly lastObservedTime?: string };
  readonly metadata?: { readonly creationTimestamp?: string };
}

const MAX_LINES = 20;
const MAX_MESSAGE = 500;

/** Events as lines for people, the last 20, oldest first; pure. `2026-01-01T00:00:00Z Warning BackOff: … (x3)` */
export function describeEvents(events: readonly RawEvent[]): string[] {
  return events
    .map((event) => ({ at: lastSeen(event), event }))
    .sort((one, other) => (Date.parse(one.at) || 0) - (Date.parse(other.at) || 0))
    .slice(-MAX_LINES)
    .map(({ at, event }) => {
      const message = (event.message ?? '').replaceAll(/\s+/g, ' ').trim().slice(0, MAX_MESSAGE);
      const count = event.series?.count ?? event.count ?? 1;
      return `${at} ${event.type ?? 'Normal'} ${event.reason ?? ''}: ${message}${count > 1 ? ` (x${count})` : ''}`;
    });
}

function lastSeen({ series, lastTimestamp, eventTime, firstTimestamp, metadata }: RawEvent): string {
  return series?.lastObservedTime ?? lastTimestamp ?? eventTime ?? firstTimestamp ?? metadata?.creationTimestamp ?? '';
}
