import { asKubeError, isTransient } from '../api/errors.js';
import type { KubeApi } from '../api/kube-api.js';
import { steadyNow } from '../clock.js';
import type { Logger } from '../log.js';
import { backoffMs } from './backoff.js';

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
  failures: number;
}

const IN_FLIGHT = 24;
const RETRY = { baseMs: 500, capMs: 30_000 };

/** Deletes and labels pods, a bounded number at once, and repeats what the API server could not take for now. */
export class PodWriter {
  private readonly waiting: Job[] = [];
  private readonly underWay = new Set<Promise<void>>();
  private pausedUntil = -Infinity;
  private closed = false;

  constructor(
    private readonly api: KubeApi,
    private readonly log: Logger,
    private readonly now: () => number = steadyNow,
    private readonly random: () => number = Math.random,
  ) {}

  /** @param done called when the API server has taken it, or the pod is gone */
  delete(target: PodTarget, done: () => void): void {
    this.add({ target, labels: null, done, failures: 0 });
  }

  label(target: PodTarget, labels: Readonly<Record<string, string>>, done: () => void): void {
    this.add({ target, labels, done, failures: 0 });
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
    this.waiting.push(job);
    this.pump();
  }

  private pump(): void {
    while (!this.closed && this.underWay.size < IN_FLIGHT && this.now() >= this.pausedUntil) {
      const job = this.waiting.shift();
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
