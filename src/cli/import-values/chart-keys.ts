// The keys of the official chart's values, 1.15 to 1.22, with their defaults. What a later version took away or another
// one brought is all here: a key is refused only if no version knows it.

/** Anything may be below; the default is empty. */
export const ANY: unique symbol = Symbol('any');

export interface Keys {
  readonly [key: string]: Keys | typeof ANY | string | number | boolean | null;
}

const serviceAccount: Keys = { automountServiceAccountToken: true, create: true, name: null, annotations: ANY };
const securityContexts: Keys = { pod: ANY, container: ANY, containers: ANY };
const image: Keys = { repository: null, tag: null, digest: null, pullPolicy: 'IfNotPresent' };
const probe: Keys = open(
  'enabled initialDelaySeconds timeoutSeconds failureThreshold periodSeconds successThreshold command scheme path',
);
const podDisruptionBudget: Keys = { enabled: false, config: { maxUnavailable: 1, minAvailable: null } };
const autoscaling: Keys = {
  enabled: false,
  minReplicaCount: ANY,
  maxReplicaCount: ANY,
  metrics: ANY,
  behavior: ANY,
};
const keda: Keys = {
  enabled: false,
  namespaceLabels: ANY,
  pollingInterval: 5,
  cooldownPeriod: 30,
  minReplicaCount: 0,
  maxReplicaCount: 10,
  advanced: ANY,
  query: ANY,
  usePgbouncer: true,
};
const persistence: Keys = {
  enabled: true,
  size: '100Gi',
  storageClassName: null,
  fixPermissions: false,
  annotations: ANY,
  securityContexts,
  containerLifecycleHooks: ANY,
  persistentVolumeClaimRetentionPolicy: ANY,
};
const logGroomerSidecar: Keys = {
  ...open('args command resources securityContexts containerLifecycleHooks env livenessProbe'),
  enabled: true,
  retentionDays: 15,
  retentionMinutes: 0,
  frequencyMinutes: 15,
  maxSizeBytes: 0,
  maxSizePercent: 0,
};
const sidecar: Keys = {
  ...open('resources securityContexts containerLifecycleHooks'),
  enabled: false,
};
const service: Keys = {
  ...open('annotations extraAnnotations ports loadBalancerIP loadBalancerSourceRanges clusterIP'),
  type: 'ClusterIP',
};
const networkPolicy: Keys = { ingress: open('from ports'), egress: ANY };

/** What components take, each most of it. */
const component: Keys = {
  ...open(
    'command args strategy updateStrategy securityContext containerLifecycleHooks resources extraContainers',
    'extraInitContainers extraVolumes extraVolumeMounts extraPorts nodeSelector affinity tolerations',
    'topologySpreadConstraints hostAliases annotations podAnnotations labels env envFrom podManagementPolicy',
    'schedulerName runtimeClassName priorityClassName revisionHistoryLimit dnsPolicy dnsConfig serviceAnnotations',
    'configMapAnnotations extraNetworkPolicies volumeClaimTemplates hostNetwork',
  ),
  replicas: 1,
  securityContexts,
  serviceAccount,
  podDisruptionBudget,
  safeToEvict: ANY,
  terminationGracePeriodSeconds: ANY,
  waitForMigrations: { enabled: true, env: ANY, securityContexts, resources: ANY },
  livenessProbe: probe,
  readinessProbe: probe,
  startupProbe: probe,
  networkPolicy,
  service,
};

const job: Keys = {
  ...component,
  ...open('jobAnnotations'),
  enabled: true,
  ttlSecondsAfterFinished: 300,
  useHelmHooks: true,
  applyCustomEnv: true,
  backoffLimit: ANY,
};

const user: Keys = {
  enabled: true,
  role: 'Admin',
  username: 'admin',
  email: 'admin@example.com',
  firstName: 'admin',
  lastName: 'user',
  password: 'admin',
};

const server: Keys = {
  ...component,
  allowPodLogReading: true,
  hpa: autoscaling,
  defaultUser: user,
  ...open('webserverConfig webserverConfigConfigMapName apiServerConfig apiServerConfigConfigMapName'),
};

const worker: Keys = {
  ...component,
  ...open('queue concurrency sets enableDefault'),
  keda,
  hpa: autoscaling,
  persistence,
  kerberosSidecar: sidecar,
  kerberosInitContainer: sidecar,
  logGroomerSidecar,
};

const ingress: Keys = {
  ...open('annotations hosts precedingPaths succeedingPaths'),
  enabled: false,
  path: '/',
  pathType: 'ImplementationSpecific',
  host: '',
  ingressClassName: '',
  tls: { enabled: false, secretName: '' },
};

const gateway: Keys = open('enabled annotations labels hostnames gateways parentRefs rules filters path pathType');

const connection: Keys = { user: null, pass: null, protocol: null, host: null, port: null, db: null, sslmode: null };

const claim: Keys = {
  annotations: ANY,
  enabled: false,
  storageClassName: null,
  existingClaim: null,
  subPath: null,
};

const cronJob: Keys = {
  ...component,
  ...open('jobAnnotations failedJobsHistoryLimit successfulJobsHistoryLimit'),
  enabled: false,
  applyCustomEnv: true,
};

const search: Keys = { enabled: false, secretName: null, secretAnnotations: ANY, connection: ANY };

/** Every key with its default. */
export const CHART_KEYS: Keys = {
  fullnameOverride: '',
  nameOverride: '',
  useStandardNaming: false,
  kubeVersionOverride: '',
  revisionHistoryLimit: null,
  uid: 50000,
  gid: 0,
  securityContext: ANY,
  securityContexts,
  containerLifecycleHooks: ANY,
  airflowHome: '/opt/airflow',
  defaultAirflowRepository: 'apache/airflow',
  defaultAirflowTag: ANY,
  defaultAirflowDigest: null,
  airflowVersion: ANY,
  images: {
    airflow: image,
    useDefaultImageForMigration: false,
    migrationsWaitTimeout: 60,
    pod_template: image,
    flower: image,
    statsd: image,
    redis: image,
    pgbouncer: image,
    pgbouncerExporter: image,
    gitSync: image,
    otelCollector: image,
  },
  imagePullSecrets: ANY,
  ...open('nodeSelector affinity tolerations topologySpreadConstraints hostAliases labels priorityClasses'),
  schedulerName: null,
  runtimeClassName: null,
  ingress: {
    enabled: null,
    apiServer: ingress,
    web: ingress,
    flower: ingress,
    statsd: ingress,
    pgbouncer: ingress,
  },
  gateway,
  httpRoute: { apiServer: gateway, web: gateway, flower: gateway, ...gateway },
  networkPolicies: { enabled: false },
  airflowPodAnnotations: ANY,
  airflowConfigAnnotations: ANY,
  airflowLocalSettings: ANY,
  rbac: { create: true, createSCCRoleBinding: false },
  executor: 'CeleryExecutor',
  allowPodLaunching: true,
  allowJobLaunching: false,
  ...open('env volumes volumeMounts secret extraSecrets extraConfigMaps extraEnv extraEnvFrom'),
  enableBuiltInSecretEnvVars: ANY,
  data: {
    metadataSecretName: null,
    resultBackendSecretName: null,
    brokerUrlSecretName: null,
    ...open('metadataSecretAnnotations resultBackendSecretAnnotations brokerUrlSecretAnnotations'),
    metadataConnection: {
      user: 'postgres',
      pass: 'postgres',
      protocol: 'postgresql',
      host: null,
      port: 5432,
      db: 'postgres',
      sslmode: 'disable',
    },
    resultBackendConnection: connection,
    brokerUrl: null,
  },
  fernetKey: null,
  fernetKeySecretName: null,
  apiSecretKey: null,
  apiSecretKeySecretName: null,
  jwtSecret: null,
  jwtSecretName: null,
  webserverSecretKey: null,
  webserverSecretKeySecretName: null,
  ...open('fernetKeySecretAnnotations apiSecretAnnotations jwtSecretAnnotations webserverSecretAnnotations'),
  kerberos: {
    enabled: false,
    ccacheMountPath: '/var/kerberos-ccache',
    ccacheFileName: 'cache',
    configPath: '/etc/krb5.conf',
    keytabBase64Content: null,
    keytabPath: '/etc/airflow.keytab',
    principal: 'airflow@FOO.COM',
    reinitFrequency: 3600,
    config: ANY,
  },
  workers: { ...worker, celery: worker, kubernetes: worker },
  scheduler: { ...component, logGroomerSidecar },
  createUserJob: { ...job, defaultUser: user },
  migrateDatabaseJob: job,
  apiServer: server,
  webserver: server,
  triggerer: { ...component, enabled: true, persistence, keda, logGroomerSidecar },
  dagProcessor: { ...component, enabled: null, logGroomerSidecar, dagBundleConfigList: ANY },
  flower: { ...component, enabled: false, secretName: null, secretAnnotations: ANY, username: null, password: null },
  statsd: {
    ...component,
    ...open('extraMappings overrideMappings cache'),
    enabled: true,
    uid: 65534,
  },
  otelCollector: { ...component, ...open('config tracesEnabled metricsEnabled logsEnabled'), enabled: false },
  pgbouncer: {
    ...component,
    ...open('auth_type auth_file verbose logDisconnections logConnections ciphers ssl uid mountConfigSecret'),
    ...open('extraIniMetadata extraIniResultBackend extraIni metricsExporterSidecar configSecretAnnotations'),
    enabled: false,
    metadataPoolSize: 10,
    resultBackendPoolSize: 5,
    maxClientConn: 100,
    configSecretName: null,
    sslmode: 'prefer',
  },
  redis: {
    ...component,
    ...open('emptyDirConfig passwordSecretAnnotations uid'),
    enabled: true,
    persistence: { ...persistence, size: '1Gi' },
    passwordSecretName: null,
    password: null,
  },
  registry: { secretName: null, connection: ANY },
  elasticsearch: search,
  opensearch: search,
  ports: {
    flowerUI: 5555,
    airflowUI: 8080,
    workerLogs: 8793,
    triggererLogs: 8794,
    redisDB: 6379,
    statsdIngest: 9125,
    statsdScrape: 9102,
    pgbouncer: 6543,
    pgbouncerScrape: 9127,
    apiServer: 8080,
    otelCollector: ANY,
    otelCollectorHttp: ANY,
    otelCollectorGrpc: ANY,
  },
  quotas: ANY,
  limits: ANY,
  cleanup: { ...cronJob, schedule: '*/15 * * * *' },
  databaseCleanup: {
    ...cronJob,
    schedule: '0 0 * * 0',
    retentionDays: 90,
    cleanFrom: ANY,
    batchSize: null,
    tables: ANY,
    skipArchive: true,
    verbose: false,
    dryRun: false,
  },
  postgresql: ANY,
  config: ANY,
  multiNamespaceMode: false,
  podTemplate: null,
  dags: {
    mountPath: null,
    persistence: { ...claim, size: '1Gi', accessMode: 'ReadWriteOnce' },
    gitSync: {
      ...open('env envFrom emptyDirConfig resources securityContext securityContexts containerLifecycleHooks'),
      ...open('extraVolumeMounts livenessProbe readinessProbe startupProbe recommendedProbeSetting httpPort'),
      enabled: false,
      repo: 'https://github.com/apache/airflow.git',
      branch: 'v2-2-stable',
      rev: 'HEAD',
      ref: 'v2-2-stable',
      depth: 1,
      maxFailures: 0,
      subPath: 'tests/dags',
      credentialsSecret: null,
      sshKeySecret: null,
      sshKey: null,
      sshKeySecretAnnotations: ANY,
      knownHosts: null,
      period: '5s',
      wait: null,
      containerName: 'git-sync',
      uid: 65533,
    },
  },
  logs: { emptyDirConfig: ANY, persistence: { ...claim, size: '100Gi' } },
  // Of Helm, for every chart.
  global: ANY,
};

/** Keys without a default worth knowing, written in one string or several. */
function open(...names: string[]): Keys {
  return Object.fromEntries(
    names
      .join(' ')
      .split(' ')
      .map((name) => [name, ANY]),
  );
}
