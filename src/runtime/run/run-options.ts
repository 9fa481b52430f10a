import type { ObjectApi } from '../api/object-api.js';
import type { EventSink } from './events.js';

/** What a run of an object is made of; `R` is its request, `E` what it tells. */
export interface RunOptions<R, E> {
  readonly api: ObjectApi;
  readonly request: R;
  /** Where no layer and no request says it. */
  readonly defaultNamespace: string;
  /** Part of the name of an object of no task. */
  readonly random: string;
  readonly sink: EventSink<E>;
  /** Ends the run and, if the request says so, the object. */
  readonly kill: AbortSignal;
  /** Ends the run; the object lives on. Without effect once the run is killed. */
  readonly detach: AbortSignal;
}
