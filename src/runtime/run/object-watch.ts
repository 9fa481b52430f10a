import { asKubeError, isTransient, KubeError, watchError } from '../api/errors.js';
import type { Collection, KubeObject, ObjectApi, ObjectEvent } from '../api/object-api.js';
import { steadyNow } from '../clock.js';
import { LONGEST_PAUSE_MS, pauseBeforeRetry, refused, unreachable } from './patience.js';

export interface ObjectWatchOptions<T extends KubeObject> {
  readonly api: ObjectApi;
  readonly where: Collection<T>;
  readonly name: string;
  readonly uid: string;
  /** The version to go on from. */
  readonly resourceVersion: string;
  readonly patienceMs: number;
  readonly signal: AbortSignal;
  readonly onObject: (object: T) => void;
  /** The object is gone; null: nobody saw how. */
  readonly onGone: (last: T | null) => void;
}

/** The API server sends a bookmark about every minute. */
const SILENCE_MS = 75_000;
const HTTP_GONE = 410;

/** Follows one object: resumes where the watch broke, and reads the object where it cannot resume. */
export class ObjectWatch<T extends KubeObject> {
  private resourceVersion: string;
  private readonly gone = new AbortController();
  private failures = 0;
  private heardAt = steadyNow();

  constructor(private readonly options: ObjectWatchOptions<T>) {
    this.resourceVersion = options.resourceVersion;
  }

  /**
   * Runs until the object is gone or the signal is aborted.
   * @throws RunError when the API server was away for too long, or does not allow it
   */
  async run(): Promise<void> {
    const stop = AbortSignal.any([this.options.signal, this.gone.signal]);
    const isStopped = (): boolean => stop.aborted;
    while (!isStopped()) {
      try {
        if (this.resourceVersion === '') {
          await this.read();
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

  private async watch(signal: AbortSignal): Promise<void> {
    const { api, where, name } = this.options;
    const broken: KubeError[] = [];
    const startedAt = steadyNow();
    await api.watch(
      where,
      { fields: `metadata.name=${name}` },
      this.resourceVersion,
      { silenceMs: SILENCE_MS, signal },
      (event) => {
        this.heardAt = steadyNow();
        if (event.type === 'ERROR') {
          broken.push(watchError(event.object));
          return;
        }
        this.failures = 0;
        this.resourceVersion = event.object.metadata?.resourceVersion ?? this.resourceVersion;
        this.take(event);
      },
    );
    if (broken[0] !== undefined) {
      throw broken[0];
    }
    if (this.heardAt < startedAt && steadyNow() - startedAt < LONGEST_PAUSE_MS) {
      throw new KubeError('connection', 'the watch ended at once');
    }
  }

  private take({ type, object }: ObjectEvent<T>): void {
    if (type === 'BOOKMARK') {
      return;
    }
    if (object.metadata?.uid !== this.options.uid) {
      // Another object of that name: ours went unseen.
      this.tellGone(null);
    } else if (type === 'DELETED') {
      this.tellGone(object);
    } else {
      this.options.onObject(object);
    }
  }

  private async read(): Promise<void> {
    const { api, where, name, uid } = this.options;
    const object = await api.get(where, name);
    this.heardAt = steadyNow();
    if (object?.metadata?.uid !== uid) {
      this.tellGone(null);
      return;
    }
    this.resourceVersion = object.metadata.resourceVersion ?? '';
    this.options.onObject(object);
  }

  private tellGone(last: T | null): void {
    this.gone.abort();
    this.options.onGone(last);
  }

  private async recover(error: KubeError, signal: AbortSignal): Promise<void> {
    const what = `watch ${this.options.where.plural}/${this.options.name}`;
    if (error.status === HTTP_GONE) {
      this.resourceVersion = '';
    } else if (!isTransient(error)) {
      throw refused(what, error);
    }
    if (steadyNow() - this.heardAt > this.options.patienceMs) {
      throw unreachable(what, error);
    }
    this.failures += 1;
    await pauseBeforeRetry(error, this.failures, signal);
  }
}
