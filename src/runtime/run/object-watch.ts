import type { KubeObject, ObjectEvent } from '../api/object-api.js';
import { WatchLoop, type WatchLoopOptions } from './watch-loop.js';

export interface ObjectWatchOptions<T extends KubeObject> extends WatchLoopOptions<T> {
  readonly name: string;
  readonly uid: string;
  /** The version to go on from. */
  readonly resourceVersion: string;
  readonly onObject: (object: T) => void;
  /** The object is gone; null: nobody saw how. */
  readonly onGone: (last: T | null) => void;
}

/** Follows one object, until it is gone. */
export class ObjectWatch<T extends KubeObject> extends WatchLoop<T> {
  constructor(private readonly options: ObjectWatchOptions<T>) {
    const { where, name, resourceVersion } = options;
    super(options, { fields: `metadata.name=${name}` }, `${where.plural}/${name}`, resourceVersion);
  }

  protected async read(): Promise<string> {
    const { api, where, name, uid } = this.options;
    const object = await api.get(where, name);
    if (object?.metadata?.uid !== uid) {
      this.tellGone(null);
      return '';
    }
    this.options.onObject(object);
    return object.metadata.resourceVersion ?? '';
  }

  protected take({ type, object }: ObjectEvent<T>): void {
    if (object.metadata?.uid !== this.options.uid) {
      // Another object of that name: ours went unseen.
      this.tellGone(null);
    } else if (type === 'DELETED') {
      this.tellGone(object);
    } else {
      this.options.onObject(object);
    }
  }

  private tellGone(last: T | null): void {
    this.stop();
    this.options.onGone(last);
  }
}
