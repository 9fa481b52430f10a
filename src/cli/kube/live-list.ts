import { setTimeout as pause } from 'node:timers/promises';
import { CliError } from '../errors.js';
import { KubeApiError, type KubeClient } from './client.js';
import type { KubeObject } from './objects.js';

export interface LiveListOptions<T extends KubeObject> {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly labelSelector?: string;
  readonly signal: AbortSignal;
  /** Called once after the first list, then after every change. */
  readonly onChange: () => void;
  /** Called with every object that appears or changes, and once more (with true) when it is gone. */
  readonly onObject?: (object: T, gone: boolean) => void;
}

/** Milliseconds before a broken watch is opened again. */
const RECONNECT_PAUSE = 1000;

/** All objects of a kind, kept up to date by list and watch until the signal. */
export class LiveList<T extends KubeObject> {
  private readonly byName = new Map<string, T>();
  /** The first list is in. */
  synced = false;

  constructor(
    private readonly client: KubeClient,
    private readonly options: LiveListOptions<T>,
  ) {}

  get items(): T[] {
    return [...this.byName.values()];
  }

  get(name: string): T | undefined {
    return this.byName.get(name);
  }

  /** Lists, then watches, and closes every gap by a new list. Resolves after the signal; rejects if not permitted. */
  async run(): Promise<void> {
    const { signal } = this.options;
    while (!signal.aborted) {
      try {
        let version = await this.relist();
        for (;;) {
          version = await this.follow(version);
        }
      } catch (error) {
        if (isAborted(signal)) {
          return;
        }
        const gone = error instanceof KubeApiError && (error.code === 410 || error.code >= 500 || error.code === 429);
        const away = error instanceof CliError || !(error instanceof KubeApiError);
        if (!gone && !away) {
          throw error;
        }
        await pause(RECONNECT_PAUSE, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  private async relist(): Promise<string> {
    const { apiVersion, kind, namespace, labelSelector, signal, onChange, onObject } = this.options;
    const path = await this.client.pathOf(apiVersion, kind, namespace);
    const list = await this.client.request<{ items: T[]; metadata: { resourceVersion: string } }>('GET', path, {
      query: { labelSelector },
      signal,
    });
    const before = new Map(this.byName);
    this.byName.clear();
    for (const item of list.items) {
      const object = { ...item, apiVersion, kind };
      this.byName.set(object.metadata.name, object);
      before.delete(object.metadata.name);
      onObject?.(object, false);
    }
    for (const vanished of before.values()) {
      onObject?.(vanished, true);
    }
    this.synced = true;
    onChange();
    return list.metadata.resourceVersion;
  }

  /** One watch request. @returns the version to go on from */
  private async follow(from: string): Promise<string> {
    const { apiVersion, kind, namespace, labelSelector, signal, onChange, onObject } = this.options;
    const path = await this.client.pathOf(apiVersion, kind, namespace);
    let version = from;
    const query = { labelSelector, resourceVersion: from, timeoutSeconds: 240 };
    for await (const { type, object } of this.client.watch<T>(path, { query, signal })) {
      if (type === 'ERROR') {
        const status = object as unknown as { code?: number; reason?: string; message?: string };
        throw new KubeApiError(status.code ?? 500, status.reason ?? '', status.message ?? 'the watch failed');
      }
      version = object.metadata.resourceVersion ?? version;
      if (type === 'BOOKMARK') {
        continue;
      }
      if (type === 'DELETED') {
        this.byName.delete(object.metadata.name);
      } else {
        this.byName.set(object.metadata.name, object);
      }
      onObject?.(object, type === 'DELETED');
      onChange();
    }
    signal.throwIfAborted();
    return version;
  }
}

function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
