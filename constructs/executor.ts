import type { Duration } from 'cdk8s';
import type { Construct } from 'constructs';
import { bindCombined } from './combined-executor.js';
import type { ExecutorBinding } from './executor-binding.js';
import { bindKubernetes, bindStockKubernetes } from './kubernetes-executor.js';
import type { MetricsOptions } from './metrics.js';
import type { Release } from './release.js';
import type { TaskPodOptions } from './task-pod.js';
import { type QueueOptions, taskNamespaces } from './task-queues.js';
import { Checks } from './validation.js';

/** Started pods with Airflow already imported that wait for a task. Each runs one task and is replaced. */
export interface StandbyOptions {
  /** How many for each scheduler; tasks beyond them get pods of their own. */
  readonly pods: number;
}

/** Options of `Executor.kubernetes`. */
export interface KubernetesExecutorOptions {
  /** Pods of tasks that have not ended, at most; also Airflow's `core.parallelism`. @default - No limit in the launcher; Airflow's own 32. */
  readonly maxPods?: number;
  /** Pods that exist and do not run yet, at most; more of them only slow the nodes down. @default - As many as the nodes start soon: 16, then more while they start within 2 s of their placement, fewer when they take 5 s. */
  readonly maxPendingPods?: number;
  /** Requests that create pods under way at once, at most. @default 32 */
  readonly maxInFlightCreates?: number;
  /** How long the pod of a task that succeeded is kept. @default - 10 minutes with ephemeral logs, else not at all. */
  readonly keepSucceeded?: Duration;
  /** How long the pod of a task that failed is kept. @default Duration.hours(1) */
  readonly keepFailed?: Duration;
  /** How long a pod may be pending before its task fails with the reason. @default Duration.minutes(10) */
  readonly pendingTimeout?: Duration;
  /** Started pods that wait for a task. @default - None. */
  readonly standby?: StandbyOptions;
  /** Objects that watch the launcher: PodMonitor, alert rules, dashboard. @default - None. */
  readonly metrics?: MetricsOptions;
  /** Namespaces that tasks may run in, the default one first; those of `queues` are added. @default - The namespace of the stack. */
  readonly namespaces?: string[];
  /** The pods of tasks. */
  readonly taskPod?: TaskPodOptions;
  /** What the tasks of a queue have of their own. @default - All queues are alike. */
  readonly queues?: { [queue: string]: QueueOptions };
  /** Name that a task may give in `executor=`. @default - Only 'PodLauncherExecutor'. */
  readonly alias?: string;
}

/** Options of `Executor.stockKubernetes`. */
export interface StockKubernetesExecutorOptions {
  /** `core.parallelism`. @default - Airflow's own 32. */
  readonly parallelism?: number;
  /** Pods created in one turn of the scheduler's loop. @default 1 - As Airflow. */
  readonly creationBatchSize?: number;
  /** The pods of tasks. */
  readonly taskPod?: TaskPodOptions;
  /** Name that a task may give in `executor=`. @default - Only 'KubernetesExecutor'. */
  readonly alias?: string;
}

/** Options of `Executor.local`. */
export interface LocalExecutorOptions {
  /** Tasks at once, as processes of the scheduler's container. @default 8 */
  readonly parallelism?: number;
  /** Name that a task may give in `executor=`. @default - Only 'LocalExecutor'. */
  readonly alias?: string;
}

/** What runs the tasks. */
export abstract class Executor {
  /** One pod per task, launched by this package's launcher, a native sidecar of the scheduler. */
  public static kubernetes(options: KubernetesExecutorOptions = {}): Executor {
    return new KubernetesExecutor(options);
  }

  /** One pod per task, launched by Airflow's own KubernetesExecutor: for comparison and migration. */
  public static stockKubernetes(options: StockKubernetesExecutorOptions = {}): Executor {
    return new StockKubernetesExecutor(options);
  }

  /** Processes of the scheduler. */
  public static local(options: LocalExecutorOptions = {}): Executor {
    return new LocalExecutor(options);
  }

  /**
   * Several executors side by side; the first one runs what names none. A task chooses with `executor='pods'`, an alias
   * or class name. `core.parallelism` is the sum of theirs, and Airflow lets each of them take all of it.
   */
  public static combine(...executors: Executor[]): Executor {
    return new CombinedExecutor(executors);
  }

  /** Name of a core executor, or module and class. */
  public abstract readonly airflowClass: string;

  /** @param alias name that a task may give in `executor=` besides the class's */
  public constructor(public readonly alias?: string) {}

  /** `core.executor`. */
  public coreExecutor(): string {
    return this.alias === undefined ? this.airflowClass : `${this.alias}:${this.airflowClass}`;
  }

  /** Namespaces that tasks run in, given the one of the stack. */
  public namespaces(own: string): string[] {
    return [own];
  }

  /** Makes the objects that are needed, and says what the components need. */
  public abstract bind(scope: Construct, release: Release): ExecutorBinding;
}

class KubernetesExecutor extends Executor {
  public readonly airflowClass = 'airflow_pod_launcher.executor.PodLauncherExecutor';

  public constructor(private readonly options: KubernetesExecutorOptions) {
    super(options.alias);
  }

  public override namespaces(own: string): string[] {
    return taskNamespaces(own, this.options.namespaces, this.options.queues);
  }

  public bind(scope: Construct, release: Release): ExecutorBinding {
    return bindKubernetes(scope, release, this.options, this.namespaces(release.namespace));
  }
}

class StockKubernetesExecutor extends Executor {
  public readonly airflowClass = 'KubernetesExecutor';

  public constructor(private readonly options: StockKubernetesExecutorOptions) {
    super(options.alias);
  }

  public bind(scope: Construct, release: Release): ExecutorBinding {
    return bindStockKubernetes(scope, release, this.options);
  }
}

class LocalExecutor extends Executor {
  public readonly airflowClass = 'LocalExecutor';

  public constructor(private readonly options: LocalExecutorOptions) {
    super(options.alias);
  }

  public bind(_scope: Construct, release: Release): ExecutorBinding {
    new Checks(release.scope, 'executor.').integer('parallelism', this.options.parallelism, 1);
    return {
      config: {},
      parallelism: this.options.parallelism ?? 8,
      scheduler: {},
      webserver: {},
      runsInScheduler: true,
    };
  }
}

class CombinedExecutor extends Executor {
  public readonly airflowClass: string;

  public constructor(private readonly executors: Executor[]) {
    super();
    this.airflowClass = executors.map((executor) => executor.coreExecutor()).join(',');
  }

  public override namespaces(own: string): string[] {
    return [...new Set(this.executors.flatMap((executor) => executor.namespaces(own)))];
  }

  public bind(scope: Construct, release: Release): ExecutorBinding {
    return bindCombined(scope, release, this.executors);
  }
}
