import { asKubeError } from '../api/errors.js';
import type { KubeApi } from '../api/kube-api.js';
import { steadyNow } from '../clock.js';
import type { Logger } from '../log.js';
import { describeEvents } from '../pods/events.js';

/** The pod to read about. */
export interface EventSubject {
  readonly namespace: string;
  readonly uid: string;
  /** Fields that every log line about it carries. */
  readonly about?: Readonly<Record<string, unknown>>;
}

interface Request {
  readonly pod: EventSubject;
  readonly since: number;
  readonly done: (lines: readonly string[]) => void;
}

const IN_FLIGHT = 4;
/** When pods fail by the hundred, one reason is theirs all: their ends must not wait for what each could add. */
const MAX_WAITING = 100;
const PATIENCE_MS = 3000;

/**
 * Reads what the cluster's events say of a failed pod, once. It is help for people and nothing depends on it: a few at
 * a time, for a few seconds at most, and whatever goes wrong the answer is an empty list.
 */
export class PodEventReader {
  private readonly waiting: Request[] = [];
  private inFlight = 0;

  constructor(
    private readonly api: KubeApi,
    private readonly log: Logger,
    private readonly now: () => number = steadyNow,
  ) {}

  /** @param done called once, with a line for each event, the oldest first; never before `read` returns */
  read(pod: EventSubject, done: (lines: readonly string[]) => void): void {
    this.waiting.push({ pod, since: this.now(), done });
    queueMicrotask(() => {
      this.pump();
    });
  }

  private pump(): void {
    for (let late = this.waiting[0]; late !== undefined && this.isLate(late); late = this.waiting[0]) {
      this.waiting.shift();
      late.done([]);
    }
    while (this.inFlight < IN_FLIGHT) {
      const request = this.waiting.shift();
      if (request === undefined) {
        return;
      }
      this.inFlight += 1;
      void this.answer(request);
    }
  }

  private isLate({ since }: Request): boolean {
    return this.waiting.length > MAX_WAITING || this.now() - since > PATIENCE_MS;
  }

  private async answer({ pod, done }: Request): Promise<void> {
    let lines: readonly string[] = [];
    try {
      lines = describeEvents(await this.api.listPodEvents(pod.namespace, pod.uid));
    } catch (thrown) {
      const { status, message } = asKubeError(thrown);
      this.log.warn(
        { ...pod.about, namespace: pod.namespace, uid: pod.uid, status, error: message },
        'the events of a failed pod are left out',
      );
    }
    this.inFlight -= 1;
    done(lines);
    this.pump();
  }
}
