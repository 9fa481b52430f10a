import type { PodPart } from './pod.js';

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
  /** Tasks run in the scheduler's pod: it then needs the DAGs and serves logs. */
  readonly runsInScheduler: boolean;
}
