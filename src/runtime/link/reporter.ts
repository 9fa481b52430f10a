import { launchKey, type LaunchRecord, logFields } from '../launch/record.js';
import type { Logger } from '../log.js';
import type { EventLog } from './event-log.js';
import type { EventBody, EventKind, LauncherMessage } from './messages.js';

/** The connected scheduler, or the last one that was. */
export interface Peer {
  /** Id of its job; null before the first HELLO. */
  readonly jobId: string | null;
  /** Sends when connected; else nothing happens. */
  send(message: LauncherMessage): void;
}

type Detail = Partial<Pick<EventBody, 'node' | 'exitCode' | 'reason' | 'message' | 'output' | 'podEvents' | 'started'>>;

/** Turns what records say into events: each kind once, in order, to the scheduler whose launch it is. */
export class Reporter {
  constructor(
    private readonly events: EventLog,
    private readonly peer: Peer,
    private readonly log: Logger,
    private readonly now: () => number,
  ) {}

  /** Tells the owner what it does not know yet about the launch. Nobody is told about another's launches. */
  report(record: LaunchRecord): void {
    if (record.owner === null || record.owner !== this.peer.jobId || record.revoked) {
      return;
    }
    const { observation, outcome } = record;
    if (record.uid !== null) {
      this.tell(record, 'CREATED', {});
    }
    if (outcome !== null) {
      this.tell(record, outcome.kind, outcomeDetail(record));
    } else if (observation?.phase === 'running') {
      this.tell(record, 'RUNNING', { started: true, ...known({ node: observation.node }) });
    } else if (observation?.phase === 'pending' && observation.reason !== null) {
      const { reason, message, node } = observation;
      const said = `${reason}: ${message ?? ''}`;
      if (said !== record.toldPending) {
        record.toldPending = said;
        this.append(record, 'PENDING', { reason, started: false, ...known({ message, node }) }, false);
      }
    }
  }

  /** Forgets what was told of these, unacknowledged events too, and tells their state anew. */
  retell(records: ReadonlySet<LaunchRecord>): void {
    this.events.drop((event) => records.has(event.record));
    for (const record of records) {
      record.told = null;
      record.toldPending = '';
      this.report(record);
    }
  }

  /** Tells the connected scheduler of outcomes that are not its own and that nobody has settled. */
  tellOrphans(records: ReadonlySet<LaunchRecord>): void {
    this.events.drop((event) => records.has(event.record));
    for (const record of records) {
      if (record.outcome !== null) {
        this.append(record, record.outcome.kind, outcomeDetail(record), true);
      }
    }
  }

  private tell(record: LaunchRecord, kind: EventKind, detail: Detail): void {
    record.told ??= new Set();
    if (!record.told.has(kind)) {
      record.told.add(kind);
      this.append(record, kind, detail, false);
    }
  }

  private append(record: LaunchRecord, kind: EventKind, detail: Detail, orphan: boolean): void {
    const body: EventBody = {
      id: record.id,
      attempt: record.attempt,
      kind,
      at: record.outcome?.kind === kind ? record.outcome.at : this.now(),
      podName: record.podName,
      namespace: record.namespace,
      podUid: record.uid,
      orphan,
      ...detail,
    };
    const { seq } = this.events.append(record, body);
    this.log.debug({ ...logFields(record), seq, kind, orphan, key: launchKey(record.id, record.attempt) }, 'event');
    this.peer.send({ type: 'EVENT', seq, ...body });
  }
}

function outcomeDetail({ outcome }: LaunchRecord): Detail {
  if (outcome === null) {
    return {};
  }
  const { reason, message, output = null, podEvents = [], exitCode, node, started } = outcome;
  const said = { output, podEvents: podEvents.length > 0 ? podEvents : null };
  return known({ reason, message, ...said, exitCode, node, started });
}

/** Leaves out what is not known: absent fields mean just that. */
function known(detail: { readonly [Field in keyof Detail]: Detail[Field] | null }): Detail {
  return Object.fromEntries(Object.entries(detail).filter(([, value]) => value !== null));
}
