import type { ObjectApi } from '../api/object-api.js';
import type { EventSink } from '../run/events.js';
import type { Patience } from '../run/patience.js';
import { bindingOf, waitsForBinding, waitsForConsumer } from './claims.js';
import type { ApplyEvent } from './events.js';
import type { ApplyRequest } from './request.js';
import { describeName, nameOf } from './target.js';
import type { Written } from './write.js';

export interface FirstConsumersOptions {
  readonly api: ObjectApi;
  readonly request: ApplyRequest;
  readonly sink: EventSink<ApplyEvent>;
}

/** Finds the claims whose binding is not waited for, because only a pod brings it about. */
export class FirstConsumers {
  private readonly excuses = new Map<Written, AbortController>();
  private readonly stopped = new AbortController();

  constructor(
    private readonly options: FirstConsumersOptions,
    private readonly patience: Patience,
  ) {}

  /** Without those that are known by their storage class; of those whose class nobody may read the events tell later. */
  async withoutKnown(written: readonly Written[]): Promise<Written[]> {
    const kept = await Promise.all(written.map(async (one) => ((await this.isKnown(one)) ? [] : [one])));
    return kept.flat();
  }

  /** Aborted when a claim turns out to wait for a pod. */
  excuseOf(one: Written): AbortSignal | undefined {
    return this.excuses.get(one)?.signal;
  }

  stop(): void {
    this.stopped.abort();
  }

  private async isKnown(one: Written): Promise<boolean> {
    const { api, request } = this.options;
    const { document } = one.target;
    if (!request.wait.some((rule) => waitsForBinding(rule, document))) {
      return false;
    }
    const claim = one.object ?? (await api.get(one.target.where, document.name));
    const { when, storageClass } = await bindingOf(claim ?? {}, api, this.patience);
    if (when === 'first-consumer') {
      this.tell(one, storageClass);
      return true;
    }
    if (when === 'unknown') {
      const excuse = new AbortController();
      this.excuses.set(one, excuse);
      void this.look(one, storageClass, excuse);
    }
    return false;
  }

  private async look(one: Written, storageClass: string, excuse: AbortController): Promise<void> {
    const { api } = this.options;
    const signal = AbortSignal.any([this.stopped.signal, this.patience.signal]);
    if (await waitsForConsumer(api, one.target.where.namespace ?? '', one.uid, signal)) {
      this.tell(one, storageClass);
      excuse.abort();
    }
  }

  private tell(one: Written, storageClass: string): void {
    const what = describeName(nameOf(one.target));
    const message = `${what} is bound when a pod uses it (storage class ${storageClass}): not waiting for that`;
    this.options.sink.tell({ type: 'warning', message });
  }
}
