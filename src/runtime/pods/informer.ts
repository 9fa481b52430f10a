import { backoffMs } from '../launch/backoff.js';
import { asKubeError, KubeError, watchError } from '../api/errors.js';
import type { KubeApi, WatchEvent } from '../api/kube-api.js';
import { steadyNow } from '../clock.js';
import type { Logger } from '../log.js';
import { pause } from '../pause.js';
import type { RawPod } from './observe.js';

/** Who is told about the pods of a namespace. */
export interface PodHandler {
  /** A pod as it is now: from a list or a watch. */
  onPod(pod: RawPod): void;
  /** The pod is gone; `pod` is its last state. */
  onDeleted(pod: RawPod): void;
  /**
   * A whole list is through `onPod`.
   * @param startedAt when its first page was asked for, by the steady clock
   * @param uids of all the pods that it held
   */
  onListed(namespace: string, startedAt: number, uids: ReadonlySet<string>): void;
}

export interface PodInformerOptions {
  readonly api: KubeApi;
  readonly namespace: string;
  readonly selector: string;
  readonly handler: PodHandler;
  readonly log: Logger;
  /** Longer than the API server's bookmarks are apart: such silence means a watch that is dead without knowing it. */
  readonly silenceMs: number;
  readonly now?: () => number;
  /** Hears of each call that failed; it is repeated all the same. */
  readonly onFailure?: (error: KubeError) => void;
}

const RETRY = { baseMs: 200, capMs: 10_000 };
const HTTP_GONE = 410;

/**
 * Follows the pods of one namespace: LIST in pages, WATCH with bookmarks from there on, resumed at the last version.
 * Where the watch cannot be resumed (410) it lists again, so a gap is always closed by a comparison.
 */
export class PodInformer {
  private resourceVersion: string | null = null;
  private failures = 0;
  private heardAt = 0;
  private readonly stopped = new AbortController();
  private readonly now: () => number;

  constructor(private readonly options: PodInformerOptions) {
    this.now = options.now ?? Date.now;
  }

  /** When the API server was last heard, milliseconds since the epoch; 0 before the first list. */
  lastHeardAt(): number {
    return this.heardAt;
  }

  get namespace(): string {
    return this.options.namespace;
  }

  /** Time since the API server was last heard; null before the first list. */
  secondsSinceHeard(): number | null {
    return this.heardAt === 0 ? null : Math.max(0, this.now() - this.heardAt) / 1000;
  }

  /** Runs until `stop`. */
  async run(): Promise<void> {
    while (!this.stopped.signal.aborted) {
      try {
        this.resourceVersion ??= await this.list();
        await this.watch(this.resourceVersion);
      } catch (error) {
        await this.recover(asKubeError(error));
      }
    }
  }

  stop(): void {
    this.stopped.abort();
  }

  private async list(): Promise<string> {
    const startedAt = steadyNow();
    const uids = new Set<string>();
    let next: string | null = null;
    for (;;) {
      const page = await this.options.api.listPods(this.options.namespace, this.options.selector, next);
      this.heardAt = this.now();
      for (const pod of page.items) {
        if (pod.metadata?.uid !== undefined) {
          uids.add(pod.metadata.uid);
        }
        this.options.handler.onPod(pod);
      }
      if (page.next === null) {
        this.options.handler.onListed(this.options.namespace, startedAt, uids);
        this.options.log.debug({ namespace: this.options.namespace, pods: uids.size }, 'listed');
        return page.resourceVersion;
      }
      next = page.next;
    }
  }

  private async watch(from: string): Promise<void> {
    const options = { silenceMs: this.options.silenceMs, signal: this.stopped.signal };
    const broken: KubeError[] = [];
    const startedAt = steadyNow();
    const heardBefore = this.heardAt;
    await this.options.api.watchPods(this.options.namespace, this.options.selector, from, options, (event) => {
      this.heardAt = this.now();
      if (event.type === 'ERROR') {
        broken.push(watchError(event.object));
        return;
      }
      this.failures = 0;
      try {
        this.tell(event);
      } catch (error) {
        // What was not taken in must be seen again: only a list can show it.
        this.resourceVersion = null;
        throw error;
      }
      this.resourceVersion = event.object.metadata?.resourceVersion ?? this.resourceVersion;
    });
    if (broken[0] !== undefined) {
      throw broken[0];
    }
    // An end right after the beginning, again and again, must not become a busy loop.
    if (this.heardAt === heardBefore && steadyNow() - startedAt < RETRY.capMs) {
      throw new KubeError('connection', 'the watch ended at once');
    }
  }

  private tell(event: WatchEvent): void {
    if (event.type === 'DELETED') {
      this.options.handler.onDeleted(event.object);
    } else if (event.type !== 'BOOKMARK') {
      this.options.handler.onPod(event.object);
    }
  }

  private async recover(error: KubeError): Promise<void> {
    if (this.stopped.signal.aborted) {
      return;
    }
    this.options.onFailure?.(error);
    if (error.status === HTTP_GONE) {
      this.resourceVersion = null;
    }
    this.failures += 1;
    const waitMs = error.retryAfterMs ?? backoffMs(RETRY, this.failures, Math.random());
    const fields = { namespace: this.options.namespace, status: error.status, error: error.message, waitMs };
    this.options.log.warn(fields, this.resourceVersion === null ? 'pods will be listed' : 'pod watch will be resumed');
    await pause(waitMs, this.stopped.signal);
  }
}
