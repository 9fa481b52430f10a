import { asKubeError, isTransient } from '../api/errors.js';
import type { KubeApi } from '../api/kube-api.js';
import { steadyNow } from '../clock.js';
import type { Logger } from '../log.js';
import { backoffMs } from './backoff.js';

/** When a write is due: at once, or as soon as creates leave it room, since it only tidies up. */
export type Urgency = 'now' | 'tidying';

/** A pod to delete or to label; the uid makes sure that it is that very pod. */
export interface PodTarget {
  readonly namespace: string;
  readonly podName: string;
  readonly uid: string;
  /** Fields that every log line about it carries, besides namespace and pod. */
  readonly about?: Readonly<Record<string, unknown>>;
}

interface Job {
  readonly target: PodTarget;
  readonly labels: Readonly<Record<string, string>> | null;
  readonly done: () => void;
  readonly urgency: Urgency;
  failures: number;
}

const IN_FLIGHT = 24;
/** What only tidies up takes nothing from creates, for which somebody waits, but so much, */
const IN_FLIGHT_BESIDE_CREATES = 2;
/** and one more at once for every so many that wait: what comes for good must go as quickly. */
const BACKLOG_PER_SLOT = 2500;
const RETRY = { baseMs: 500, capMs: 30_000 };

/** Deletes and labels pods, a bounded number at once, and repeats what the API server could not take for now. */
export class PodWriter {
  private readonly waiting: Readonly<Record<Urgency, Job[]>> = { now: [], tidying: [] };
  private readonly underWay = new Set<Promise<void>>();
  private pausedUntil = -Infinity;
  private closed = false;

  constructor(
    private readonly api: KubeApi,
    private readonly log: Logger,
    /** Are as many creates under way as may be? */
    private readonly creating: () => boolean = () => false,
    private readonly now: () => number = steadyNow,
    private readonly random: () => number = Math.random,
  ) {}

  /** @param done called when the API server has taken it, or the pod is gone */
  delete(target: PodTarget, urgency: Urgency, done: () => void): void {
    this.add({ target, labels: null, urgency, done, failures: 0 });
  }

  label(target: PodTarget, labels: Readonly<Record<string, string>>, done: () => void): void {
    this.add({ target, labels, urgency: 'tidying', done, failures: 0 });
  }

  /** Ends the writer: nothing new; resolves when what is under way is answered, or after `timeoutMs`. */
  async close(timeoutMs: number): Promise<void> {
    this.closed = true;
    let timer: NodeJS.Timeout | undefined;
    const bound = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeoutMs);
    });
    await Promise.race([Promise.allSettled([...this.underWay]), bound]);
    clearTimeout(timer);
  }

  private add(job: Job): void {
    this.waiting[job.urgency].push(job);
    this.pump();
  }

  private pump(): void {
    while (!this.closed && this.underWay.size < IN_FLIGHT && this.now() >= this.pausedUntil) {
      const job = this.waiting.now.shift() ?? this.nextToTidy();
      if (job === undefined) {
        return;
      }
      const work = this.write(job).finally(() => {
        this.underWay.delete(work);
        this.pump();
      });
      this.underWay.add(work);
    }
  }

  private nextToTidy(): Job | undefined {
    const { tidying } = this.waiting;
    const share = IN_FLIGHT_BESIDE_CREATES + Math.floor(tidying.length / BACKLOG_PER_SLOT);
    return this.creating() && this.underWay.size >= share ? undefined : tidying.shift();
  }

  private async write(job: Job): Promise<void> {
    const { namespace, podName, uid, about } = job.target;
    try {
      if (job.labels === null) {
        await this.api.deletePod(namespace, podName, uid);
      } else {
        await this.api.labelPod(namespace, podName, uid, job.labels);
      }
      job.done();
    } catch (thrown) {
      const error = asKubeError(thrown);
      job.failures += 1;
      const what = job.labels === null ? 'delete' : 'label';
      const fields = { ...about, namespace, pod: podName, status: error.status, error: error.message };
      // A right that is missing may be given back; what is malformed stays so.
      if (!isTransient(error) && error.status !== 403) {
        this.log.error(fields, `cannot ${what} the pod`);
        return;
      }
      const waitMs = (error.retryAfterMs ?? 0) + backoffMs(RETRY, job.failures, this.random());
      if (error.retryAfterMs !== null) {
        this.pausedUntil = Math.max(this.pausedUntil, this.now() + error.retryAfterMs);
      }
      this.log.warn({ ...fields, waitMs }, `${what} will be repeated`);
      setTimeout(() => {
        this.add(job);
      }, waitMs).unref();
    }
  }
}
