import { asKubeError, type KubeError } from '../api/errors.js';
import type { Flow } from '../api/http2-transport.js';
import type { ObjectApi } from '../api/object-api.js';
import { steadyNow } from '../clock.js';
import { pause } from '../pause.js';
import type { EventSink, RunEvent } from './events.js';
import { LogCursor } from './log-cursor.js';
import { type LogLine, LogLines } from './log-lines.js';
import { pauseBeforeRetry } from './patience.js';

export interface LogFollowerOptions {
  readonly api: ObjectApi;
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  readonly sink: EventSink<Extract<RunEvent, { type: 'log' | 'warning' }>>;
  readonly signal: AbortSignal;
  readonly patienceMs: number;
}

/** A stream that ends is mostly the first to know that the container has: so long the pod has time to say so. */
const EARLY_END_MS = 5000;
/** A stream of a container that has ended is given up when nothing has come for so long: the last read has the rest. */
const IDLE_MS = 100;

/**
 * Tells the log of one container, whole and in order. The stream may break or end early: it is opened again where it
 * was. That the container has ended is known from the pod, not from the stream, and then a last read fetches the tail.
 */
export class LogFollower {
  private readonly cursor = new LogCursor();
  private readonly ended = new AbortController();
  private heardAt = 0;
  private held = false;
  /** The line without an end that the last read ended with. */
  private unfinished = '';
  /** Did the sink have room after the last line? */
  private room = true;
  private failures = 0;
  private lastSuccessAt = steadyNow();

  constructor(private readonly options: LogFollowerOptions) {}

  /** The container has ended, says the pod. */
  containerEnded(): void {
    this.ended.abort();
  }

  /** Resolves when all of it was told, or nothing more can be had (which is told as a warning). */
  async run(): Promise<void> {
    const { signal } = this.options;
    while (!signal.aborted) {
      const last = this.ended.signal.aborted;
      try {
        const news = await this.read(!last);
        this.failures = 0;
        this.lastSuccessAt = steadyNow();
        // An answer that was cut off in good order looks whole: the last read is the one that has nothing new.
        if (last && !news) {
          return;
        }
        if (last) {
          continue;
        }
      } catch (error) {
        if (!(await this.recover(asKubeError(error)))) {
          return;
        }
        continue;
      }
      await pause(EARLY_END_MS, AbortSignal.any([signal, this.ended.signal]));
    }
  }

  /** @returns whether there was anything new */
  private async read(follow: boolean): Promise<boolean> {
    const { api, namespace, pod, container, signal } = this.options;
    const given = new AbortController();
    const stop = AbortSignal.any([signal, given.signal]);
    this.cursor.begin();
    let news = false;
    const lines = new LogLines((line) => {
      if (this.cursor.take(line)) {
        news = true;
        this.tell(line.time, line.text);
      }
    });
    let flow: Flow | undefined;
    const watching = follow ? this.giveUpWhenIdle(given) : undefined;
    this.heardAt = steadyNow();
    try {
      await api.podLog(
        namespace,
        pod,
        { container, follow, timestamps: true, sinceTime: this.cursor.since() },
        { signal: stop, flow: (control) => (flow = control) },
        (chunk) => {
          this.heardAt = steadyNow();
          this.room = true;
          lines.push(chunk);
          if (!this.hasRoom() && flow !== undefined) {
            this.hold(flow);
          }
        },
      );
      news = (!follow && this.readsOn(lines.unfinished())) || news;
    } catch (error) {
      // Given up by ourselves: the last read has the rest.
      if (!given.signal.aborted || signal.aborted) {
        throw error;
      }
    } finally {
      clearInterval(watching);
    }
    return news;
  }

  /**
   * The last line of a log may have no end; so has one that was cut off on its way. Read twice the same it is whole.
   * @returns whether it has to be read again
   */
  private readsOn(unfinished: LogLine | null): boolean {
    if (unfinished === null) {
      return false;
    }
    const seen = `${unfinished.time} ${unfinished.text.toString('latin1')}`;
    if (seen !== this.unfinished) {
      this.unfinished = seen;
      return true;
    }
    if (this.cursor.take(unfinished)) {
      this.tell(unfinished.time, unfinished.text);
    }
    return false;
  }

  private hasRoom(): boolean {
    return this.room;
  }

  private tell(time: string, text: Buffer): void {
    const { container, sink } = this.options;
    this.room = sink.tell({ type: 'log', container, time, line: text.toString('utf8') });
  }

  /** What nobody takes waits at the kubelet. */
  private hold(flow: Flow): void {
    if (this.held) {
      return;
    }
    this.held = true;
    flow.pause();
    void this.options.sink.ready().then(() => {
      this.held = false;
      this.heardAt = steadyNow();
      flow.resume();
    });
  }

  private giveUpWhenIdle(given: AbortController): NodeJS.Timeout {
    return setInterval(() => {
      if (this.ended.signal.aborted && !this.held && steadyNow() - this.heardAt >= IDLE_MS) {
        given.abort();
      }
    }, IDLE_MS / 2);
  }

  /** @returns whether to go on */
  private async recover(error: KubeError): Promise<boolean> {
    const { signal, container, patienceMs, sink } = this.options;
    if (signal.aborted) {
      return false;
    }
    const final = error.failure === 'response' && [403, 404].includes(error.status);
    // The container is about to start, or the runtime has removed it.
    const notYet = error.status === 400 && !this.ended.signal.aborted;
    if (final || (error.status === 400 && !notYet) || steadyNow() - this.lastSuccessAt > patienceMs) {
      const what = `the log of container '${container}' cannot be read to its end`;
      sink.tell({ type: 'warning', message: `${what}: ${error.message}` });
      return false;
    }
    this.failures += 1;
    await pauseBeforeRetry(error, this.failures, signal);
    return true;
  }
}
