import type { KubeObject, ObjectApi } from '../api/object-api.js';
import type { EventSink } from '../run/events.js';
import { describeEvents } from '../pods/events.js';
import { ObjectWatch } from '../run/object-watch.js';
import { type ConditionRule, describeStatus, isAbout, isMet } from './condition.js';
import type { ApplyEvent } from './events.js';
import type { ApplyRequest } from './request.js';
import { describeName, nameOf } from './target.js';
import type { Written } from './write.js';

/** Why waiting ended without what was waited for. */
export interface WaitFailure {
  readonly reason: 'Timeout' | 'ConditionFailed' | 'Deleted';
  readonly message: string;
}

export interface WaitOptions {
  readonly api: ObjectApi;
  readonly request: ApplyRequest;
  readonly sink: EventSink<ApplyEvent>;
  readonly signal: AbortSignal;
  /** Ends the waiting for an object as if it had met everything. */
  readonly excuse?: (written: Written) => AbortSignal | undefined;
}

/** So many of the last events explain what did not come. */
const EVENTS = 3;

/**
 * Watches objects until each meets every condition that is about it.
 * @returns null when all do; also when the signal was aborted
 * @throws RunError when the API server was away for too long, or does not allow it
 */
export async function waitFor(written: readonly Written[], options: WaitOptions): Promise<WaitFailure | null> {
  const { request, signal } = options;
  const enough = new AbortController();
  const waits = written
    .map((one) => new ObjectWait(one, { ...options, signal: AbortSignal.any([signal, enough.signal]) }))
    .filter((one) => one.hasRules);
  const failures: WaitFailure[] = [];
  const late = new AbortController();
  const { timeoutSeconds } = request;
  const timer =
    timeoutSeconds === null
      ? undefined
      : setTimeout(() => {
          late.abort();
          enough.abort();
        }, timeoutSeconds * 1000);
  try {
    await Promise.all(
      waits.map(async (one) => {
        const failure = await one.run();
        if (failure !== null) {
          failures.push(failure);
          enough.abort();
        }
      }),
    );
  } finally {
    clearTimeout(timer);
    // After an error none must go on alone.
    enough.abort();
  }
  const [failure] = failures;
  if (failure === undefined && late.signal.aborted) {
    return { reason: 'Timeout', message: await unmet(waits, timeoutSeconds ?? 0) };
  }
  return failure ?? null;
}

async function unmet(waits: readonly ObjectWait[], seconds: number): Promise<string> {
  const open = waits.filter(({ isDone }) => !isDone);
  return `not met in ${seconds} s: ${(await Promise.all(open.map((one) => one.describe()))).join('; ')}`;
}

/** The waiting for one object. */
class ObjectWait {
  private open: readonly ConditionRule[];
  private readonly fatal: readonly ConditionRule[];
  private readonly done = new AbortController();
  private failure: WaitFailure | null = null;
  private status = '';

  constructor(
    private readonly written: Written,
    private readonly options: WaitOptions,
  ) {
    const { wait, failOn } = options.request;
    const { document } = written.target;
    this.open = wait.filter((rule) => isAbout(rule, document));
    this.fatal = failOn.filter((rule) => isAbout(rule, document));
  }

  get hasRules(): boolean {
    return this.open.length > 0;
  }

  get isDone(): boolean {
    return this.done.signal.aborted;
  }

  async run(): Promise<WaitFailure | null> {
    const { api, request, signal } = this.options;
    const { object, resourceVersion, target, uid } = this.written;
    if (object !== null) {
      this.observe(object);
    }
    this.options.excuse?.(this.written)?.addEventListener('abort', () => {
      this.end(null);
    });
    const watch = new ObjectWatch({
      api,
      where: target.where,
      name: target.document.name,
      uid,
      resourceVersion,
      patienceMs: request.patienceSeconds * 1000,
      signal: AbortSignal.any([signal, this.done.signal]),
      onObject: (now) => {
        this.observe(now);
      },
      onGone: () => {
        this.observeGone();
      },
    });
    await watch.run();
    return this.failure;
  }

  /** What is still open, what the object says of itself, and what is said of it. */
  async describe(): Promise<string> {
    const status = this.status === '' ? 'it says nothing of itself' : this.status;
    const events = await this.events();
    return `${this.name()}: ${this.open.map(({ text }) => text).join(', ')} (${[status, ...events].join('; ')})`;
  }

  private async events(): Promise<string[]> {
    const { target, uid } = this.written;
    try {
      const found = await this.options.api.events(target.where.namespace ?? 'default', uid);
      return describeEvents([...found]).slice(-EVENTS);
    } catch {
      // They would only explain.
      return [];
    }
  }

  private observe(object: KubeObject): void {
    if (this.isDone) {
      return;
    }
    const status = describeStatus(object);
    if (status !== this.status) {
      this.status = status;
      this.tell({ type: 'state', status, ...nameOf(this.written.target) });
    }
    const broken = this.fatal.find(({ condition }) => isMet(condition, object));
    if (broken !== undefined) {
      this.end({ reason: 'ConditionFailed', message: `${this.name()} has ${broken.text}: ${status}` });
      return;
    }
    this.close(({ condition }) => isMet(condition, object));
  }

  private observeGone(): void {
    this.close(({ condition }) => condition.type === 'deleted');
    if (!this.isDone) {
      const open = this.open.map(({ text }) => text).join(', ');
      this.end({ reason: 'Deleted', message: `${this.name()} is gone and can no longer meet ${open}` });
    }
  }

  private close(met: (rule: ConditionRule) => boolean): void {
    for (const { text } of this.open.filter(met)) {
      this.tell({ type: 'met', condition: text, ...nameOf(this.written.target) });
    }
    this.open = this.open.filter((rule) => !met(rule));
    if (this.open.length === 0) {
      this.end(null);
    }
  }

  private end(failure: WaitFailure | null): void {
    this.failure = failure;
    this.done.abort();
  }

  private name(): string {
    return describeName(nameOf(this.written.target));
  }

  private tell(event: ApplyEvent): void {
    this.options.sink.tell(event);
  }
}
