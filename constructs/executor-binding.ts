import type { PodPart } from './pod.js';

/** A service account that pods of tasks run under. */
export interface TaskAccount {
  readonly name: string;
  /** It has one of this name in each of them. */
  readonly namespaces: string[];
}

/** What the executor asks of the rest of the stack. */
export interface ExecutorBinding {
  /** Its options of airflow.cfg. */
  readonly config: { [section: string]: { [option: string]: string } };
  /** `core.parallelism` unless `config` says otherwise; known to the scheduler only. @default - Airflow's own. */
  readonly parallelism?: number;
  /** For the scheduler. */
  readonly scheduler: PodPart;
  /** For the webserver, which reads the logs of running tasks. */
  readonly webserver: PodPart;
  /** Service accounts of the pods of tasks, unless a queue or a task names another one. @default - Tasks have no pods. */
  readonly taskAccounts?: TaskAccount[];
  /** Tasks run in the scheduler's pod: it then needs the DAGs and serves logs. */
  readonly runsInScheduler: boolean;
}
