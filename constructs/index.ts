export { AccessMode, type ClaimOptions } from './claim.js';
export { Airflow, type AirflowProps, ImagePullPolicy } from './airflow.js';
export { type AutoscalingOptions } from './autoscaling.js';
export { AirflowConfig } from './airflow-config.js';
export { Component, type ComponentShape } from './component.js';
export { type ComponentOptions, type PodOptions } from './component-options.js';
export { CreatedSecrets, type CreatedValue } from './created-secrets.js';
export { DagProcessor, type DagProcessorOptions, type DagProcessorProps } from './dag-processor.js';
export { Dags, type DagsBakedOptions, type DagsVolumeOptions } from './dags.js';
export { type DagsBinding } from './dags-binding.js';
export {
  Database,
  type DatabaseBinding,
  type EmbeddedDatabaseOptions,
  type ExternalDatabaseOptions,
} from './database.js';
export { DatabaseCleanup, type DatabaseCleanupOptions, type DatabaseCleanupProps } from './database-cleanup.js';
export { type DisruptionBudgetOptions } from './disruption-budget.js';
export {
  Executor,
  type KubernetesExecutorOptions,
  type LocalExecutorOptions,
  type StandbyOptions,
  type StockKubernetesExecutorOptions,
} from './executor.js';
export { type ExecutorBinding, type TaskAccount } from './executor-binding.js';
export { FirstUser, type FirstUserOptions, type FirstUserProps } from './first-user.js';
export { type DagsGitSyncOptions } from './git-sync.js';
export { type HttpRouteOptions, type IngressOptions } from './ingress.js';
export { Keys, type KeysProps } from './keys.js';
export { LogCleanup, type LogCleanupProps } from './log-cleanup.js';
export { Logs, type LogsVolumeOptions } from './logs.js';
export {
  type GrafanaDashboardOptions,
  type MetricsOptions,
  type PodMonitorOptions,
  type PrometheusRuleOptions,
} from './metrics.js';
export { Migrations, type MigrationsOptions, type MigrationsProps } from './migrations.js';
export {
  type ContainerPort,
  type EnvVar,
  type EnvVarSource,
  type FieldSelector,
  type KeySelector,
  type PodContainer,
  type PodPart,
  type PodVolume,
  type VolumeMount,
} from './pod.js';
export { Postgres, type PostgresProps } from './postgres.js';
export { ComponentRole, type ComponentRoleProps, type RoleRule } from './rbac.js';
export { Release, type ReleaseProps } from './release.js';
export { type Requests, type Resources } from './resources.js';
export { Scheduler, type SchedulerOptions, type SchedulerProps } from './scheduler.js';
export { SecretRef } from './secret-ref.js';
export { type TaskPodOptions } from './task-pod.js';
export { type QueueOptions } from './task-queues.js';
export { type TaskPermissions } from './task-permissions.js';
export { TaskServiceAccount, type TaskServiceAccountProps } from './task-service-account.js';
export { Tasks, type TasksProps } from './tasks.js';
export { DeferredPods, type DeferredPodsProps } from './deferred-pods.js';
export { Triggerer, type TriggererOptions, type TriggererProps } from './triggerer.js';
export { type Problem, ValidationError } from './validation.js';
export { DEFAULT_AIRFLOW_VERSION, VERSION } from './version.js';
export { Webserver, type WebserverOptions, type WebserverProps } from './webserver.js';
