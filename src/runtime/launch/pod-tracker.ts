import type { Reporter } from '../link/reporter.js';
import type { Logger } from '../log.js';
import type { PodHandler } from '../pods/informer.js';
import { type Observation, type PodView, type RawPod, viewPod, whyGone } from '../pods/observe.js';
import type { PodEventReader } from './pod-event-reader.js';
import type { PodWriter } from './pod-writer.js';
import { asOfTask } from '../standby/pod.js';
import { type LaunchRecord, logFields, newRecord, type Outcome } from './record.js';
import type { RecordStore } from './record-store.js';
import type { Settler } from './settler.js';

/** An outcome that no connected scheduler owns is reported so long after it happened, and again after as long. */
export const ORPHAN_AFTER_MS = 60_000;

export interface PodTrackerOptions {
  readonly store: RecordStore;
  readonly reporter: Reporter;
  readonly settler: Settler;
  readonly writer: PodWriter;
  readonly events: PodEventReader;
  readonly log: Logger;
  readonly now: () => number;
  readonly steady: () => number;
  /** Was this launch revoked before its pod was known? */
  readonly isRevoked: (id: string) => boolean;
  /** A pod changed its stage: something that waits may go on. `left`: one pod of the namespace ended or is gone. */
  readonly moved: (namespace: string, left: boolean) => void;
  readonly listed: (namespace: string) => void;
}

/** Brings what the API server says about pods into the records, and tells what is new. */
export class PodTracker implements PodHandler {
  /** Pods that must not be, by uid, with their namespace: a second pod of a launch whose first is known. */
  private readonly strays = new Map<string, string>();

  constructor(private readonly options: PodTrackerOptions) {}

  onPod(pod: RawPod): void {
    const view = viewPod(pod);
    if (view === null) {
      return;
    }
    const { store } = this.options;
    let record = store.get(view.id, view.attempt);
    const settled = record === undefined ? store.settled(view.id, view.attempt) : undefined;
    if (settled !== undefined && settled.uid !== view.uid) {
      this.removeStray(settled, view, pod);
      return;
    }
    if (record === undefined) {
      record = newRecord({ ...view, podName: view.name, owner: null }, 'pending', null);
      record.revoked = this.options.isRevoked(view.id);
      record.handOver = view.claimed ? 'unknown' : 'none';
      store.add(record);
    }
    if (record.uid === null && record.outcome === null) {
      this.confirm(record, view.uid);
    }
    if (record.uid !== view.uid) {
      this.removeStray(record, view, pod);
      return;
    }
    this.apply(record, view);
  }

  onDeleted(pod: RawPod): void {
    const view = viewPod(pod);
    if (view === null) {
      return;
    }
    this.strays.delete(view.uid);
    const record = this.options.store.get(view.id, view.attempt);
    if (record === undefined || record.gone) {
      return;
    }
    if (record.uid === null && record.outcome === null) {
      // Made and gone before the create was answered.
      this.confirm(record, view.uid);
    }
    if (record.uid === view.uid) {
      this.see(record, view);
      this.gone(record, 'FAILED', whyGone(pod));
    }
  }

  onListed(namespace: string, startedAt: number, uids: ReadonlySet<string>): void {
    const why = { reason: 'Lost', message: 'the pod is gone and nobody saw it end' };
    const missing = [...this.options.store.all()].filter(
      (record) =>
        record.namespace === namespace &&
        record.uid !== null &&
        !record.gone &&
        record.confirmedAt < startedAt &&
        !uids.has(record.uid),
    );
    for (const [uid, where] of this.strays) {
      if (where === namespace && !uids.has(uid)) {
        this.strays.delete(uid);
      }
    }
    for (const record of missing) {
      this.gone(record, 'LOST', why);
    }
    this.options.listed(namespace);
  }

  /** The API server has the pod of this launch. */
  confirm(record: LaunchRecord, uid: string): void {
    record.uid = uid;
    record.spec = null;
    record.confirmedAt = this.options.steady();
    if (record.createdAt === 0) {
      record.createdAt = this.options.now();
    }
    this.options.store.move(record, 'pending');
    if (record.revoked) {
      this.options.settler.delete(record);
    }
  }

  /** The standby pod that the launch claimed has its task. */
  handedOver(record: LaunchRecord, node: string | null): void {
    record.handOver = 'done';
    if (record.outcome !== null) {
      return;
    }
    const seen = record.observation ?? { node, exitCode: null, output: null };
    record.observation = { ...seen, phase: 'running', reason: null, message: null, started: true };
    this.options.store.move(record, 'running');
    this.options.reporter.report(record);
    this.options.moved(record.namespace, false);
  }

  /** The launch is over and has no pod. */
  gone(record: LaunchRecord, kind: 'FAILED' | 'LOST', why: { reason: string; message: string }): void {
    const { store } = this.options;
    record.gone = true;
    const { observation } = record;
    if (record.outcome === null) {
      const ended = observation === null ? null : outcomeOf(record, observation, this.options.now());
      this.end(
        record,
        ended ?? {
          kind: record.kill === null ? kind : 'FAILED',
          at: this.options.now(),
          ...(record.kill ?? why),
          output: observation?.output ?? null,
          exitCode: observation?.exitCode ?? null,
          node: observation?.node ?? null,
          // A pod that was lost out of sight may have started meanwhile.
          started: observation?.started === true ? true : kind === 'LOST' ? null : (observation?.started ?? null),
        },
      );
    }
    if (record.acknowledged || record.revoked || record.settledAt !== null || record.owner === null) {
      store.remove(record);
    }
    this.options.moved(record.namespace, true);
  }

  /** The pod is on a node that is lost, and nobody is left there to say that it has ended. */
  giveUp(record: LaunchRecord): void {
    const { condemned, observation } = record;
    if (condemned === null || record.outcome !== null) {
      return;
    }
    this.end(record, {
      kind: 'FAILED',
      at: this.options.now(),
      reason: condemned.reason,
      message: condemned.message,
      exitCode: null,
      node: observation?.node ?? null,
      started: observation?.started ?? null,
    });
    this.options.moved(record.namespace, true);
  }

  private apply(record: LaunchRecord, view: PodView): void {
    const before = record.stage;
    const observation = this.see(record, view);
    if (record.outcome !== null) {
      return;
    }
    if (record.revoked) {
      this.options.settler.delete(record);
    }
    const outcome = outcomeOf(record, observation, view.endedAt ?? this.options.now());
    if (outcome !== null) {
      this.end(record, outcome);
      this.options.moved(record.namespace, true);
      return;
    }
    this.options.store.move(record, observation.phase === 'running' ? 'running' : 'pending');
    this.options.reporter.report(record);
    if (record.stage !== before) {
      this.options.moved(record.namespace, false);
    }
  }

  private see(record: LaunchRecord, view: PodView): Observation {
    const seen = asOfTask(record.handOver, view.observation);
    const known = record.handOver === 'none' || record.handOver === 'done';
    // Once started, always started: a status that was lost with its node must not say otherwise.
    const started = seen.started || (known && record.observation?.started === true);
    record.observation = { ...seen, started };
    if (record.handOver === 'none') {
      record.createdAt = view.createdAt;
    }
    record.condemned = view.condemned;
    record.settledAt = view.settledAt ?? record.settledAt;
    return record.observation;
  }

  private end(record: LaunchRecord, outcome: Outcome): void {
    const { store, reporter, events, log } = this.options;
    record.outcome = outcome;
    record.reportAt = outcome.at + ORPHAN_AFTER_MS;
    store.move(record, 'ended');
    if (record.settledAt === null) {
      const { kind, reason, exitCode, node } = outcome;
      log.info({ ...logFields(record), kind, reason, exitCode, node }, 'launch ended');
    }
    if (outcome.kind === 'SUCCEEDED' || record.uid === null || record.owner === null || record.settledAt !== null) {
      reporter.report(record);
      return;
    }
    // Who asks for the launch meanwhile is told without them.
    events.read({ namespace: record.namespace, uid: record.uid, about: logFields(record) }, (podEvents) => {
      if (record.outcome === outcome) {
        record.outcome = { ...outcome, podEvents };
      }
      reporter.report(record);
    });
  }

  /** The name was used again, or a create that was given up for good came through after all. */
  private removeStray(record: LaunchRecord, view: PodView, pod: RawPod): void {
    if (record.outcome === null) {
      this.gone(record, 'FAILED', whyGone(pod));
    }
    if (!this.strays.has(view.uid)) {
      this.strays.set(view.uid, view.namespace);
      this.options.log.warn({ ...logFields(record), uid: view.uid }, 'deleting a second pod of a launch that is over');
      const about = logFields(record);
      const { namespace, name: podName, uid } = view;
      this.options.writer.delete({ namespace, podName, uid, about }, 'now', () => undefined);
    }
  }
}

/** The outcome that a pod shows by itself; null while it has not ended. What we killed failed for our reason. */
function outcomeOf(record: LaunchRecord, observation: Observation, at: number): Outcome | null {
  const { phase, reason, message, output, exitCode, node, started } = observation;
  if (phase === 'succeeded') {
    return { kind: 'SUCCEEDED', at, reason, message, exitCode, node, started };
  }
  if (phase === 'failed') {
    return { kind: 'FAILED', at, reason, message, output, exitCode, node, started, ...record.kill };
  }
  return null;
}
