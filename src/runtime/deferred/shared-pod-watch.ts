import { isTransient, type KubeError } from '../api/errors.js';
import type { KubeApi } from '../api/kube-api.js';
import { steadyNow } from '../clock.js';
import type { Logger } from '../log.js';
import { type PodHandler, PodInformer } from '../pods/informer.js';
import { RUN_LABELS } from '../run/identity.js';
import type { ObjectWatchOptions } from '../run/object-watch.js';
import { patiently, refused, unreachable } from '../run/patience.js';
import type { RunPod } from '../run/pod-view.js';

export interface SharedPodWatchOptions {
  readonly api: KubeApi;
  readonly namespace: string;
  readonly log: Logger;
}

/** The API server sends a bookmark about every minute. */
const SILENCE_MS = 75_000;
/** Without anybody who follows a pod the watch is closed after so long. */
const IDLE_MS = 60_000;
const LOOK_EVERY_MS = 5000;
const HTTP_GONE = 410;

/** Somebody who follows one of the pods. */
interface Follower {
  readonly options: ObjectWatchOptions<RunPod>;
  readonly since: number;
  /** Has it been told of its pod? */
  told: boolean;
  readonly end: (error?: Error) => void;
}

/**
 * One watch of the operators' pods of one namespace, however many of them are followed. It is opened for the first
 * follower, and lists again where it cannot be resumed, so that a pod which vanished meanwhile is told as gone.
 */
export class SharedPodWatch implements PodHandler {
  private readonly pods = new Map<string, RunPod>();
  /** By the name of the pod. */
  private readonly followers = new Map<string, Set<Follower>>();
  private informer: PodInformer | null = null;
  private listed: Promise<void> = Promise.resolve();
  private tellListed: () => void = () => undefined;
  private openedAt = 0;
  private lastFailure: { readonly at: number; readonly error: KubeError } | null = null;
  private looking: NodeJS.Timeout | undefined;
  private idle: NodeJS.Timeout | undefined;

  constructor(private readonly options: SharedPodWatchOptions) {}

  /**
   * Follows one pod, as ObjectWatch does it, until it is gone or the signal is aborted.
   * @throws RunError when the API server was away for too long, or does not allow it
   */
  async follow(options: ObjectWatchOptions<RunPod>): Promise<void> {
    const { signal } = options;
    let end: (error?: Error) => void = () => undefined;
    const ended = new Promise<void>((resolve, reject) => {
      end = (error) => {
        if (error === undefined) {
          resolve();
        } else {
          reject(error);
        }
      };
    });
    const follower: Follower = { options, since: steadyNow(), told: false, end };
    const stop = (): void => {
      end();
    };
    this.add(follower);
    signal.addEventListener('abort', stop);
    try {
      if (signal.aborted) {
        return;
      }
      this.open();
      await Promise.race([this.listed, ended]);
      await this.begin(follower);
      await ended;
    } finally {
      signal.removeEventListener('abort', stop);
      this.remove(follower);
    }
  }

  close(): void {
    clearTimeout(this.idle);
    clearInterval(this.looking);
    this.informer?.stop();
    this.informer = null;
    this.pods.clear();
  }

  onPod(pod: RunPod): void {
    const { name = '', uid } = pod.metadata ?? {};
    // Who wrote which field is a third of a pod, and nobody asks for it.
    delete (pod.metadata as { managedFields?: unknown }).managedFields;
    this.pods.set(name, pod);
    for (const follower of this.of(name)) {
      if (follower.options.uid === uid) {
        follower.told = true;
        follower.options.onObject(pod);
      } else {
        // Another pod of that name: its own went unseen.
        this.gone(follower, null);
      }
    }
  }

  onDeleted(pod: RunPod): void {
    const { name = '', uid } = pod.metadata ?? {};
    this.pods.delete(name);
    for (const follower of this.of(name)) {
      this.gone(follower, follower.options.uid === uid ? pod : null);
    }
  }

  onListed(_namespace: string, startedAt: number, uids: ReadonlySet<string>): void {
    // A list that was asked for after the pod was known must have it.
    for (const follower of this.all()) {
      if (follower.since < startedAt && !uids.has(follower.options.uid)) {
        const last = this.pods.get(follower.options.name);
        this.gone(follower, last?.metadata?.uid === follower.options.uid ? last : null);
      }
    }
    for (const [name, { metadata }] of this.pods) {
      if (!uids.has(metadata?.uid ?? '')) {
        this.pods.delete(name);
      }
    }
    this.tellListed();
  }

  private open(): void {
    clearTimeout(this.idle);
    if (this.informer !== null) {
      return;
    }
    const { api, namespace, log } = this.options;
    this.openedAt = steadyNow();
    this.lastFailure = null;
    this.listed = new Promise((resolve) => (this.tellListed = resolve));
    this.informer = new PodInformer({
      api,
      namespace,
      selector: `${RUN_LABELS.OPERATOR}=True`,
      handler: this,
      log,
      silenceMs: SILENCE_MS,
      now: steadyNow,
      onFailure: (error) => {
        this.failed(error);
      },
    });
    void this.informer.run();
    this.looking = setInterval(() => {
      this.giveUpWhenAway();
    }, LOOK_EVERY_MS);
  }

  private add(follower: Follower): void {
    const { name } = follower.options;
    this.followers.set(name, (this.followers.get(name) ?? new Set<Follower>()).add(follower));
  }

  private remove(follower: Follower): void {
    const { name } = follower.options;
    const left = this.followers.get(name);
    left?.delete(follower);
    if (left?.size === 0) {
      this.followers.delete(name);
    }
    if (this.followers.size === 0 && this.informer !== null) {
      clearTimeout(this.idle);
      this.idle = setTimeout(() => {
        this.close();
      }, IDLE_MS).unref();
    }
  }

  /** Tells a new follower what is known; a pod that is not known is read, for it may be gone already. */
  private async begin(follower: Follower): Promise<void> {
    const { api, where, name, uid, patienceMs, signal, onObject } = follower.options;
    const known = this.pods.get(name);
    // Read anew each time: the watch may be quicker than what is waited for here.
    const isOver = (): boolean => follower.told || signal.aborted;
    if (isOver()) {
      return;
    }
    if (known?.metadata?.uid === uid) {
      follower.told = true;
      onObject(known);
      return;
    }
    const found = await patiently('read the pod', { patienceMs, signal }, () => api.get(where, name));
    if (isOver()) {
      return;
    }
    if (found?.metadata?.uid === uid) {
      follower.told = true;
      onObject(found);
    } else {
      this.gone(follower, null);
    }
  }

  private of(name: string): Follower[] {
    return [...(this.followers.get(name) ?? [])];
  }

  private all(): Follower[] {
    return [...this.followers.values()].flatMap((some) => [...some]);
  }

  private gone(follower: Follower, last: RunPod | null): void {
    follower.told = true;
    follower.options.onGone(last);
    follower.end();
  }

  private failed(error: KubeError): void {
    this.lastFailure = { at: steadyNow(), error };
    if (!isTransient(error) && error.status !== HTTP_GONE) {
      for (const follower of this.all()) {
        follower.end(refused(`watch pods in namespace ${this.options.namespace}`, error));
      }
    }
  }

  private giveUpWhenAway(): void {
    const heardAt = Math.max(this.openedAt, this.informer?.lastHeardAt() ?? 0);
    if (this.lastFailure === null || this.lastFailure.at < heardAt) {
      return;
    }
    for (const follower of this.all()) {
      if (steadyNow() - heardAt > follower.options.patienceMs) {
        follower.end(unreachable(`watch pods in namespace ${this.options.namespace}`, this.lastFailure.error));
      }
    }
  }
}
