// Why a key of the chart has no prop, by the longest path that fits; `*` is any one key.
const RESTRICTED = "every pod passes Pod Security 'restricted' and runs as uid 50000; use 'patch' for more";
const CELERY = 'Celery workers are not offered yet';
const PROBES = "probes are the library's: they import no Airflow, so they need no patience; use 'patch' for others";
const COMMAND = "the command is the library's; use 'patch' for another one";
const PATCH = "no prop offers it; use 'patch' of the component";
const ANNOTATIONS = "annotations are offered for pods and service accounts; use 'patch' for those of other objects";
const NO_VOLUME = 'no volume of its own is made: logs go where the logs of tasks go';
const EXTRA_FOR_TASKS = 'pods of tasks have no such prop: let the DAG say it by pod_override';

const REASONS: Readonly<Record<string, string>> = {
  fullnameOverride: 'objects are named <release>-<component>, as the chart does without it',
  nameOverride: 'objects are named <release>-<component>, as the chart does without it',
  useStandardNaming: 'objects are named <release>-<component>, as the chart does without it',
  kubeVersionOverride: 'manifests are those of Kubernetes 1.29 and newer',
  revisionHistoryLimit: PATCH,
  uid: RESTRICTED,
  gid: RESTRICTED,
  securityContext: RESTRICTED,
  securityContexts: RESTRICTED,
  containerLifecycleHooks: PATCH,
  airflowHome: 'it is /opt/airflow',
  defaultAirflowTag: "the version is the prop 'airflowVersion', the image 'image'",
  'images.useDefaultImageForMigration': 'all containers of Airflow run one image',
  'images.migrationsWaitTimeout': 'pods wait as long as the migrations take',
  'images.airflow': 'all containers of Airflow run one image',
  'images.pod_template': "is read with its 'repository'",
  'images.gitSync': "is read with its 'repository'; the library's is git-sync 4",
  'images.flower': 'Flower is not offered yet',
  'images.redis': 'Redis is not offered yet',
  'images.statsd': 'the StatsD exporter is not offered yet',
  'images.otelCollector': 'the OpenTelemetry collector is not offered yet',
  'images.pgbouncer': 'PgBouncer is not offered yet',
  'images.pgbouncerExporter': 'PgBouncer is not offered yet',
  schedulerName: PATCH,
  runtimeClassName: PATCH,
  hostAliases: PATCH,
  priorityClasses: "objects of the whole cluster are not the stack's: make them beside it",
  'ingress.enabled': 'the Ingress is made by the enabled one of its kinds',
  'ingress.apiServer': 'the Ingress has one path, of the kind Prefix, for all of its hosts',
  'ingress.web': 'the Ingress has one path, of the kind Prefix, for all of its hosts',
  'ingress.flower': 'Flower is not offered yet',
  'ingress.statsd': 'the StatsD exporter is not offered yet',
  'ingress.pgbouncer': 'PgBouncer is not offered yet',
  gateway: "give 'httpRoute' of webserver: its Gateway and hosts",
  httpRoute: "give 'httpRoute' of webserver: its Gateway and hosts",
  networkPolicies: 'network policies are not offered yet',
  airflowConfigAnnotations: ANNOTATIONS,
  airflowLocalSettings: 'airflow_local_settings.py is not offered yet: put it into the image',
  rbac: 'Roles are always made, no more than is used; there is no ClusterRole and no SCC',
  allowJobLaunching: 'airflow.tasks.allow({ jobs: true }) grants it to tasks',
  extraEnvFrom: "name each variable: addEnvVar of a component, 'env' of the pods of tasks",
  extraSecrets: 'Secrets are not in the program: make them beside the stack',
  extraConfigMaps: 'make them beside the stack, as ApiObject of cdk8s',
  enableBuiltInSecretEnvVars: 'each container gets only the variables that it needs',
  'data.resultBackendSecretName': CELERY,
  'data.resultBackendConnection': CELERY,
  'data.brokerUrlSecretName': CELERY,
  'data.brokerUrl': CELERY,
  data: 'annotations of Secrets: the Secrets are made beside the stack',
  fernetKeySecretAnnotations: 'Secrets are made beside the stack',
  apiSecretAnnotations: 'Secrets are made beside the stack',
  jwtSecretAnnotations: 'Secrets are made beside the stack',
  webserverSecretAnnotations: 'Secrets are made beside the stack',
  kerberos: 'Kerberos is not offered yet',
  workers: CELERY,
  'workers.celery': CELERY,
  'workers.replicas': CELERY,
  'workers.*.securityContexts': RESTRICTED,
  'workers.securityContext': RESTRICTED,
  'workers.securityContexts': RESTRICTED,
  'workers.safeToEvict': 'put the annotation into workers.podAnnotations',
  'workers.extraContainers': EXTRA_FOR_TASKS,
  'workers.extraInitContainers': EXTRA_FOR_TASKS,
  'workers.extraVolumes': EXTRA_FOR_TASKS,
  'workers.extraVolumeMounts': EXTRA_FOR_TASKS,
  'workers.topologySpreadConstraints': EXTRA_FOR_TASKS,
  'workers.hostAliases': EXTRA_FOR_TASKS,
  'workers.runtimeClassName': EXTRA_FOR_TASKS,
  'workers.schedulerName': EXTRA_FOR_TASKS,
  'workers.terminationGracePeriodSeconds': EXTRA_FOR_TASKS,
  'workers.containerLifecycleHooks': EXTRA_FOR_TASKS,
  'workers.command': COMMAND,
  'workers.args': COMMAND,
  'workers.persistence': 'pods of tasks have no volume of their own',
  'workers.kerberosSidecar': 'Kerberos is not offered yet',
  'workers.kerberosInitContainer': 'Kerberos is not offered yet',
  'workers.waitForMigrations': 'pods of tasks do not wait for the migrations',
  'workers.logGroomerSidecar': 'pods of tasks end; nothing has to be removed',
  'workers.kubernetes': EXTRA_FOR_TASKS,
  '*.serviceAccount.automountServiceAccountToken':
    'no pod mounts a token but for the containers that talk to the Kubernetes API',
  '*.serviceAccount': 'the components have service accounts of their own, <release>-airflow-<component>',
  '*.securityContext': RESTRICTED,
  '*.securityContexts': RESTRICTED,
  '*.livenessProbe': PROBES,
  '*.readinessProbe': PROBES,
  '*.startupProbe': PROBES,
  '*.command': COMMAND,
  '*.args': COMMAND,
  '*.annotations': ANNOTATIONS,
  '*.jobAnnotations': ANNOTATIONS,
  '*.serviceAnnotations': ANNOTATIONS,
  '*.configMapAnnotations': ANNOTATIONS,
  '*.waitForMigrations': "the wait for the migrations is the library's: 0.6 s of CPU, as long as it takes",
  '*.logGroomerSidecar': "old logs are removed by one CronJob: 'retention' of Logs.volume",
  '*.persistence': NO_VOLUME,
  '*.keda': 'KEDA is not offered yet',
  '*.safeToEvict': "put the annotation 'cluster-autoscaler.kubernetes.io/safe-to-evict' into podAnnotations",
  '*.networkPolicy': 'network policies are not offered yet',
  '*.extraNetworkPolicies': 'network policies are not offered yet',
  '*.service': "the Service is of the kind ClusterIP: publish it by 'ingress' or 'httpRoute'",
  '*.useHelmHooks': 'there are no hooks: the Job is one object of the stack, which all pods wait for',
  '*.ttlSecondsAfterFinished': 'finished Jobs are removed after a day',
  '*.applyCustomEnv': 'variables of all containers are those of the Jobs too',
  '*.hpa': "is read with its 'enabled'",
  '*.podDisruptionBudget': "is read with its 'enabled'",
  '*.envFrom': 'name each variable',
  '*.replicas': 'how many is said otherwise, or not offered',
  'webserver.defaultUser': "of Airflow's first user, 'createUserJob.defaultUser' is taken",
  'apiServer.allowPodLogReading': 'the webserver may read the logs of pods where tasks run in them',
  'webserver.allowPodLogReading': 'the webserver may read the logs of pods where tasks run in them',
  'apiServer.apiServerConfig': 'webserver_config.py is not offered yet: put it into the image',
  'apiServer.apiServerConfigConfigMapName': 'webserver_config.py is not offered yet: put it into the image',
  'webserver.webserverConfig': 'webserver_config.py is not offered yet: put it into the image',
  'webserver.webserverConfigConfigMapName': 'webserver_config.py is not offered yet: put it into the image',
  'dagProcessor.dagBundleConfigList':
    'DAG bundles are not offered yet; config.dag_processor.dag_bundle_config_list is carried over',
  flower: 'Flower is not offered yet',
  statsd: 'the StatsD exporter is not offered yet; the launcher has metrics of its own',
  otelCollector: 'the OpenTelemetry collector is not offered yet',
  pgbouncer: 'PgBouncer is not offered yet: the stack connects to the database itself',
  redis: 'Redis is not offered yet: Executor.kubernetes needs no broker',
  elasticsearch: 'remote logs in Elasticsearch are not offered yet',
  opensearch: 'remote logs in OpenSearch are not offered yet',
  ports: "ports are the chart's defaults",
  quotas: 'quotas of the namespace are not offered yet: make them beside the stack',
  limits: 'limit ranges of the namespace are not offered yet: make them beside the stack',
  cleanup: 'is not needed: the launcher deletes the pods of tasks that have ended',
  databaseCleanup: "is read with its 'enabled'",
  'databaseCleanup.verbose': 'the Job says what it removes',
  'databaseCleanup.cleanFrom': "'retentionDays' says what goes",
  postgresql: 'the Postgres of the library has no such prop',
  podTemplate:
    "the pods of tasks are the prop 'taskPod' of Executor.kubernetes; what it lacks, a DAG says by pod_override",
  'dags.mountPath': 'DAGs are in /opt/airflow/dags',
  'dags.persistence': "is read with its 'enabled'",
  'dags.persistence.annotations': ANNOTATIONS,
  'dags.gitSync': 'git-sync is one sidecar of the library with no such prop',
  'logs.persistence': "is read with its 'enabled'",
  'logs.persistence.annotations': ANNOTATIONS,
  'logs.emptyDirConfig': 'logs that are in the pods are in a volume of the default kind',
  global: 'nothing of the chart reads it',
};

/** Sections of which nothing is offered. */
const WHOLE = ['flower', 'redis', 'pgbouncer', 'statsd', 'otelCollector', 'kerberos', 'cleanup'];

/** Whether a section of the values is off, so that nothing is lost without it. */
export function isOff(section: string, values: unknown): boolean {
  if (![...WHOLE, 'networkPolicies'].includes(section)) return false;
  return typeof values === 'object' && values !== null && 'enabled' in values && values.enabled === false;
}

/** The reason for a key that nothing has asked for. */
export function reasonFor(path: readonly string[]): string {
  const [section = ''] = path;
  if (WHOLE.includes(section)) return REASONS[section] ?? PATCH;
  for (let length = path.length; length > 0; length--) {
    const exact = REASONS[path.slice(0, length).join('.')];
    if (exact !== undefined) return exact;
    const any = length > 1 ? REASONS[['*', ...path.slice(1, length)].join('.')] : undefined;
    if (any !== undefined) return any;
    const below = length > 2 ? REASONS[['*', ...path.slice(2, length)].join('.')] : undefined;
    if (below !== undefined) return below;
  }
  return PATCH;
}
