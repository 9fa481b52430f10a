import { setTimeout as pause } from 'node:timers/promises';
import type { LaunchPolicy } from '../../../constructs/contract.js';
import { asKubeError, isTransient } from '../api/errors.js';
import type { KubeApi } from '../api/kube-api.js';
import { backoffMs } from '../launch/backoff.js';
import type { CreateSink, StandbySource } from '../launch/create-queue.js';
import type { PodTracker } from '../launch/pod-tracker.js';
import { launchKey, type LaunchRecord, logFields } from '../launch/record.js';
import type { RecordStore } from '../launch/record-store.js';
import type { Settler } from '../launch/settler.js';
import type { Peer } from '../link/reporter.js';
import type { LaunchSpec } from '../link/messages.js';
import type { Logger } from '../log.js';
import { viewPod } from '../pods/observe.js';
import { ask } from './channel.js';
import type { StandbyPod } from './plan.js';
import { asOfTask, claimPatch, viewClaimed } from './pod.js';
import type { StandbyPool } from './pool.js';

export interface HandOverOptions {
  readonly api: KubeApi;
  readonly store: RecordStore;
  readonly pool: StandbyPool;
  readonly tracker: PodTracker;
  readonly sink: Pick<CreateSink, 'created'>;
  readonly settler: Settler;
  readonly peer: Peer;
  readonly policy: () => LaunchPolicy;
  /** Is the scheduler's lease live? */
  readonly live: () => boolean;
  readonly log: Logger;
  readonly now: () => number;
}

/** One exchange with a pod; it may be busy with a stranger for 2 s. */
const ASK_DEADLINE_MS = 3000;
const ASK_TRIES = 3;
const ASK_AGAIN_MS = 200;
const INQUIRE_AGAIN_MS = 5000;
const CLAIM_RETRY = { baseMs: 200, capMs: 10_000 };

/**
 * Launches tasks in standby pods. First the pod is made the launch's own in the API server, in one step that only one
 * launcher can take; only then the task is handed over, to a pod that has proved itself. From the claim on it is the pod
 * of the launch like any other: whatever goes wrong after that, the pod is taken away and the launch has failed before
 * its task started, which the executor launches again without burning a retry.
 */
export class HandOver implements StandbySource {
  private readonly inquiring = new Set<LaunchRecord>();

  constructor(private readonly options: HandOverOptions) {}

  launch(record: LaunchRecord): Promise<boolean> | null {
    const pod = this.options.pool.take(record);
    return pod === null || record.spec === null ? null : this.run(record, record.spec, pod);
  }

  /** Asks the pods whose claim this launcher did not see through whether they have their task. */
  inquire(): void {
    const { store, peer } = this.options;
    for (const record of store.all()) {
      const own = record.handOver === 'unknown' && record.owner !== null && record.owner === peer.jobId;
      if (own && record.outcome === null && record.uid !== null && !record.gone && !this.inquiring.has(record)) {
        this.inquiring.add(record);
        void this.inquireOne(record);
      }
    }
  }

  private async run(record: LaunchRecord, spec: LaunchSpec, pod: StandbyPod): Promise<boolean> {
    const { sink, log } = this.options;
    const ordinary = record.podName;
    // The watch may show the claim before its answer is here.
    record.podName = pod.name;
    record.handOver = 'open';
    if (!(await this.claim(record, spec, pod))) {
      log.info({ ...logFields(record) }, 'standby pod is not to be had');
      record.podName = ordinary;
      record.handOver = 'none';
      return false;
    }
    sink.created(record, pod.uid);
    await this.deliver(record, spec, pod);
    return true;
  }

  /** Repeats an unanswered claim until it is certain whether the pod is this launch's. */
  private async claim(record: LaunchRecord, spec: LaunchSpec, pod: StandbyPod): Promise<boolean> {
    const { api, policy, log } = this.options;
    const patch = claimPatch(spec, pod.uid, policy());
    let uncertain = false;
    for (let failures = 1; ; failures += 1) {
      try {
        if (uncertain) {
          const found = await api.getPod(pod.namespace, pod.name);
          const view = found === null ? null : viewPod(found);
          if (found === null || view !== null) {
            return view?.uid === pod.uid && view.id === record.id && view.attempt === record.attempt;
          }
        }
        await api.patchPod(pod.namespace, pod.name, patch);
        return true;
      } catch (thrown) {
        const error = asKubeError(thrown);
        if (!isTransient(error) && !uncertain) {
          return false;
        }
        uncertain = true;
        log.warn(
          { ...logFields(record), status: error.status, error: error.message },
          'claim of a standby pod will be repeated',
        );
        await pause(backoffMs(CLAIM_RETRY, failures, Math.random()), undefined, { ref: false });
      }
    }
  }

  private async deliver(record: LaunchRecord, spec: LaunchSpec, pod: StandbyPod): Promise<void> {
    const { pool, tracker, log } = this.options;
    let problem = '';
    for (let tries = 1; tries <= ASK_TRIES; tries += 1) {
      // Over already, or on its way out.
      if (record.outcome !== null || record.release !== 'none') {
        return;
      }
      const may = this.options.live() && this.options.now() < spec.notAfter;
      try {
        const holds = await ask(pod, launchKey(record.id, record.attempt), may ? spec.args : null, ASK_DEADLINE_MS);
        if (holds === launchKey(record.id, record.attempt)) {
          pool.served();
          tracker.handedOver(record, pod.node);
          log.info({ ...logFields(record), uid: pod.uid }, 'task handed over to a standby pod');
          return;
        }
        problem = !may ? "the scheduler's leave to launch ended" : holds === null ? 'it refuses' : 'it has another';
        break;
      } catch (error) {
        problem = (error as Error).message;
        await pause(ASK_AGAIN_MS * tries, undefined, { ref: false });
      }
    }
    if (record.outcome === null) {
      pool.failed();
      this.giveUp(record, `the task could not be handed over to a standby pod: ${problem}`);
    }
  }

  private async inquireOne(record: LaunchRecord): Promise<void> {
    const { api, log } = this.options;
    try {
      const raw = await api.getPod(record.namespace, record.podName);
      const pod = raw === null ? null : viewClaimed(raw);
      // A pod that is gone or has ended: the watch tells.
      if (pod !== null && pod.uid === record.uid && pod.state === 'ready') {
        const holds = await ask(pod, launchKey(record.id, record.attempt), null, ASK_DEADLINE_MS);
        if (holds === launchKey(record.id, record.attempt)) {
          record.handOver = 'done';
        } else {
          record.handOver = 'open';
          record.observation &&= asOfTask('open', record.observation);
          this.giveUp(record, 'the launcher ended before the task was handed over to a standby pod');
        }
      }
    } catch (error) {
      log.warn({ ...logFields(record), error: (error as Error).message }, 'standby pod does not say what it has');
    }
    setTimeout(() => this.inquiring.delete(record), INQUIRE_AGAIN_MS).unref();
  }

  private giveUp(record: LaunchRecord, message: string): void {
    const { settler, log } = this.options;
    log.warn({ ...logFields(record), error: message }, 'standby pod is deleted, the launch goes back to the executor');
    record.kill = { reason: 'StandbyLost', message };
    settler.delete(record);
  }
}
