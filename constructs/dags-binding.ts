import type { PodPart } from './pod.js';

/** What the DAGs add to the pods that need them. */
export interface DagsBinding {
  /** `core.dags_folder`. */
  readonly folder: string;
  /** For the DAG processor, into whose folder `dags push` copies. */
  readonly processor: PodPart;
  /** For the triggerer, and for the scheduler when it runs tasks. */
  readonly reader: PodPart;
  /** For the pods of tasks. */
  readonly task: PodPart;
  /** The pods of tasks have the DAGs as they were when the pod started. @default false */
  readonly copiedAtStart?: boolean;
}
