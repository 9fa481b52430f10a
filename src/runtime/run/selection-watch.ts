import type { KubeObject, ObjectEvent, Selector } from '../api/object-api.js';
import { WatchLoop, type WatchLoopOptions } from './watch-loop.js';

export interface SelectionWatchOptions<T extends KubeObject> extends WatchLoopOptions<T> {
  readonly selector: Selector;
  readonly onObject: (object: T) => void;
  /** @param last null: nobody saw how it went */
  readonly onGone: (uid: string, last: T | null) => void;
}

/** Follows all objects that a selector selects, those that are there and those that come. What vanished while nobody watched is told too. */
export class SelectionWatch<T extends KubeObject> extends WatchLoop<T> {
  private readonly there = new Set<string>();

  constructor(private readonly options: SelectionWatchOptions<T>) {
    super(options, options.selector, options.where.plural, null);
  }

  protected async read(): Promise<string> {
    const { api, where, selector } = this.options;
    const { items, resourceVersion } = await api.list(where, selector);
    const found = new Set(items.map(({ metadata }) => metadata?.uid));
    for (const uid of this.there) {
      if (!found.has(uid)) {
        this.gone(uid, null);
      }
    }
    items.forEach((item) => {
      this.tell(item);
    });
    return resourceVersion;
  }

  protected take({ type, object }: ObjectEvent<T>): void {
    if (type === 'DELETED') {
      this.gone(object.metadata?.uid ?? '', object);
    } else {
      this.tell(object);
    }
  }

  private tell(object: T): void {
    this.there.add(object.metadata?.uid ?? '');
    this.options.onObject(object);
  }

  private gone(uid: string, last: T | null): void {
    this.there.delete(uid);
    this.options.onGone(uid, last);
  }
}
