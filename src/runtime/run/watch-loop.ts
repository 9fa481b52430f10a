import { asKubeError, isTransient, KubeError, watchError } from '../api/errors.js';
import type { Collection, KubeObject, ObjectApi, ObjectEvent, Selector } from '../api/object-api.js';
import { steadyNow } from '../clock.js';
import { LONGEST_PAUSE_MS, pauseBeforeRetry, refused, unreachable } from './patience.js';

export interface WatchLoopOptions<T extends KubeObject> {
  readonly api: ObjectApi;
  readonly where: Collection<T>;
  readonly patienceMs: number;
  readonly signal: AbortSignal;
}

/** The API server sends a bookmark about every minute. */
const SILENCE_MS = 75_000;
const HTTP_GONE = 410;

/** Watches, resumes where the watch broke, and reads what is there where it cannot resume. */
export abstract class WatchLoop<T extends KubeObject> {
  private readonly over = new AbortController();
  private failures = 0;
  private heardAt = steadyNow();
  private resourceVersion: string;
  /** The watch has begun with what is there, in no order: where it is cannot be told before the first bookmark. */
  private unordered: boolean;

  /**
   * @param what is watched, in messages
   * @param resourceVersion to go on from; empty: read first; null: watch what is there and what comes
   */
  constructor(
    private readonly loop: WatchLoopOptions<T>,
    private readonly selector: Selector,
    private readonly what: string,
    resourceVersion: string | null,
  ) {
    this.resourceVersion = resourceVersion ?? '';
    this.unordered = resourceVersion === null;
  }

  /**
   * Runs until it is over or the signal is aborted.
   * @throws RunError when the API server was away for too long, or does not allow it
   */
  async run(): Promise<void> {
    const stop = AbortSignal.any([this.loop.signal, this.over.signal]);
    const isStopped = (): boolean => stop.aborted;
    while (!isStopped()) {
      try {
        if (this.resourceVersion === '' && !this.unordered) {
          const version = await this.read();
          this.heardAt = steadyNow();
          this.resourceVersion = version;
        } else {
          await this.watch(stop);
        }
      } catch (thrown) {
        if (!isStopped()) {
          await this.recover(asKubeError(thrown), stop);
        }
      }
    }
  }

  /** Takes what is there as news. @returns its version */
  protected abstract read(): Promise<string>;

  /** Takes a change. */
  protected abstract take(event: ObjectEvent<T>): void;

  /** There is nothing more to watch. */
  protected stop(): void {
    this.over.abort();
  }

  private async watch(signal: AbortSignal): Promise<void> {
    const { api, where } = this.loop;
    const broken: KubeError[] = [];
    const startedAt = steadyNow();
    const options = { silenceMs: SILENCE_MS, signal };
    const from = this.resourceVersion;
    const ordered = { yes: !this.unordered };
    this.unordered = false;
    await api.watch(where, this.selector, from, options, (event) => {
      this.heardAt = steadyNow();
      if (event.type === 'ERROR') {
        broken.push(watchError(event.object));
        return;
      }
      this.failures = 0;
      ordered.yes ||= event.type === 'BOOKMARK';
      if (ordered.yes) {
        this.resourceVersion = event.object.metadata?.resourceVersion ?? this.resourceVersion;
      }
      if (event.type !== 'BOOKMARK') {
        this.take(event);
      }
    });
    if (broken[0] !== undefined) {
      throw broken[0];
    }
    if (this.heardAt < startedAt && steadyNow() - startedAt < LONGEST_PAUSE_MS) {
      throw new KubeError('connection', 'the watch ended at once');
    }
  }

  private async recover(error: KubeError, signal: AbortSignal): Promise<void> {
    const what = `watch ${this.what}`;
    if (error.status === HTTP_GONE) {
      this.resourceVersion = '';
    } else if (!isTransient(error)) {
      throw refused(what, error);
    }
    if (steadyNow() - this.heardAt > this.loop.patienceMs) {
      throw unreachable(what, error);
    }
    this.failures += 1;
    await pauseBeforeRetry(error, this.failures, signal);
  }
}
