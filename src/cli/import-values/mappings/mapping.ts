import type { DataMap, Statement, Target } from '../expression.js';
import type { Values } from '../values.js';

/** What has been found out about the whole stack before its parts are looked at. */
export interface Stack {
  readonly airflowVersion: string;
  readonly isAirflow2: boolean;
  /** Section of the values that holds the server: Airflow 3's or Airflow 2's. */
  readonly server: 'apiServer' | 'webserver';
  /** The chart's names of the executors, in order. */
  readonly executors: readonly string[];
  /** Whether a task runs in a pod of its own. */
  readonly tasksInPods: boolean;
  /** The components that are there. */
  readonly targets: readonly Target[];
}

/** What an area of the values becomes. */
export interface Carried {
  readonly props?: DataMap;
  readonly statements?: readonly Statement[];
}

/** An area of the values. */
export type Mapping = (values: Values, stack: Stack) => Carried;
