import { safeLabelValue } from '../pods/identity.js';
import type { PodManifest } from '../pods/merge.js';
import { driverMebibytes } from './memory.js';
import { type SparkSettings, under } from './settings.js';
import { submitArguments } from './submit-arguments.js';

type Conf = Readonly<Record<string, string>>;

/** Where the API server is for the driver, if `spark.kubernetes.driver.master` does not say it. Spark's default. */
const API_SERVER = 'https://kubernetes.default.svc';
const PORTS = { RPC: 7078, BLOCKS: 7079, UI: 4040 } as const;
/** The template of the executors reaches the driver as an annotation of its own pod: no other object is needed. */
const TEMPLATE = {
  ANNOTATION: 'airflow-pod-launcher/executor-template',
  VOLUME: 'executor-template',
  FOLDER: '/etc/pod-launcher/spark',
  FILE: 'executor.json',
} as const;
/** What Spark's image has in its entrypoint: spark-submit as a client, in the driver's own pod. */
const COMMAND = 'driver';
const JVM_APPLICATION = /\.(py|r)$/i;

/**
 * The first layer of the driver's pod; pure. In `client` mode it is all that the driver needs; in `cluster` mode it is
 * what spark-submit is to add its own to.
 * @throws ConfigError for a size of memory that is none
 */
export function driverLayer(settings: SparkSettings, container: string, file: string): PodManifest {
  const { conf, deployMode, image, name, serviceAccount } = settings;
  const labels = { 'spark-role': 'driver', 'spark-app-name': safeLabelValue(name) };
  if (deployMode === 'cluster') {
    return { metadata: { labels: labels }, spec: { containers: [{ name: container, image, ...SECURITY }] } };
  }
  const template = templateParts(settings);
  return {
    metadata: {
      labels: { ...under(conf, 'spark.kubernetes.driver.label.'), ...labels },
      annotations: { ...under(conf, 'spark.kubernetes.driver.annotation.'), ...template.annotations },
    },
    spec: prune({
      serviceAccountName: serviceAccount ?? undefined,
      schedulerName: conf['spark.kubernetes.driver.scheduler.name'] ?? conf['spark.kubernetes.scheduler.name'],
      nodeSelector: nonEmpty({
        ...under(conf, 'spark.kubernetes.node.selector.'),
        ...under(conf, 'spark.kubernetes.driver.node.selector.'),
      }),
      imagePullSecrets: nonEmpty(
        listed(conf['spark.kubernetes.container.image.pullSecrets']).map((secret) => ({ name: secret })),
      ),
      volumes: nonEmpty([...template.volumes, ...secretVolumes(conf)]),
      containers: [
        prune({
          name: container,
          image,
          imagePullPolicy: conf['spark.kubernetes.container.image.pullPolicy'],
          args: [COMMAND, ...driverArguments(settings)],
          env: [...OWN_ENV, ...givenEnv(conf)],
          ports: [
            { name: 'driver-rpc-port', containerPort: portOf(conf, 'spark.driver.port', PORTS.RPC) },
            { name: 'blockmanager', containerPort: portOf(conf, 'spark.driver.blockManager.port', PORTS.BLOCKS) },
            { name: 'spark-ui', containerPort: portOf(conf, 'spark.ui.port', PORTS.UI) },
          ],
          resources: resources(settings, file),
          volumeMounts: nonEmpty([...template.mounts, ...secretMounts(conf)]),
          ...SECURITY,
        }),
      ],
    }),
  };
}

const SECURITY = { securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } } };

/** What the arguments name as `$(…)`, which Kubernetes puts in. */
const OWN_ENV = [
  { name: 'SPARK_DRIVER_BIND_ADDRESS', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
  { name: 'SPARK_DRIVER_POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
  { name: 'SPARK_DRIVER_NAMESPACE', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } },
];

function driverArguments(settings: SparkSettings): string[] {
  const { conf, executorTemplate, image } = settings;
  const own: Conf = {
    'spark.kubernetes.namespace': '$(SPARK_DRIVER_NAMESPACE)',
    // Executors get the driver's pod as their owner: they go with it.
    'spark.kubernetes.driver.pod.name': '$(SPARK_DRIVER_POD_NAME)',
    'spark.driver.host': '$(SPARK_DRIVER_BIND_ADDRESS)',
    'spark.kubernetes.container.image': conf['spark.kubernetes.container.image'] ?? image,
    ...(executorTemplate === null
      ? {}
      : { 'spark.kubernetes.executor.podTemplateFile': `${TEMPLATE.FOLDER}/${TEMPLATE.FILE}` }),
  };
  const defaults: Conf = {
    'spark.driver.port': String(PORTS.RPC),
    'spark.driver.blockManager.port': String(PORTS.BLOCKS),
  };
  const master = conf['spark.kubernetes.driver.master'] ?? API_SERVER;
  return ['--master', `k8s://${master}`, ...submitArguments(settings, { ...defaults, ...conf, ...own })];
}

function resources({ application, conf }: SparkSettings, file: string): object {
  const memory = `${driverMebibytes(conf, !JVM_APPLICATION.test(application), file)}Mi`;
  const cpu = conf['spark.kubernetes.driver.request.cores'] ?? conf['spark.driver.cores'] ?? '1';
  const limit = conf['spark.kubernetes.driver.limit.cores'];
  return { requests: { cpu, memory }, limits: prune({ cpu: limit, memory }) };
}

function givenEnv(conf: Conf): object[] {
  const values = Object.entries(under(conf, 'spark.kubernetes.driverEnv.')).map(([name, value]) => ({ name, value }));
  const ofSecrets = Object.entries(under(conf, 'spark.kubernetes.driver.secretKeyRef.')).map(([name, value]) => {
    const [secret = '', key = ''] = value.split(':');
    return { name, valueFrom: { secretKeyRef: { name: secret, key } } };
  });
  return [...values, ...ofSecrets];
}

const secretsOf = (conf: Conf): [string, string][] => Object.entries(under(conf, 'spark.kubernetes.driver.secrets.'));

function secretVolumes(conf: Conf): object[] {
  return secretsOf(conf).map(([secret]) => ({ name: `${secret}-volume`, secret: { secretName: secret } }));
}

function secretMounts(conf: Conf): object[] {
  return secretsOf(conf).map(([secret, mountPath]) => ({ name: `${secret}-volume`, mountPath }));
}

interface TemplateParts {
  readonly annotations: Conf;
  readonly volumes: readonly object[];
  readonly mounts: readonly object[];
}

function templateParts({ executorTemplate }: SparkSettings): TemplateParts {
  if (executorTemplate === null) {
    return { annotations: {}, volumes: [], mounts: [] };
  }
  const { ANNOTATION, FILE, FOLDER, VOLUME } = TEMPLATE;
  const items = [{ path: FILE, fieldRef: { fieldPath: `metadata.annotations['${ANNOTATION}']` } }];
  return {
    annotations: { [ANNOTATION]: JSON.stringify(executorTemplate) },
    volumes: [{ name: VOLUME, downwardAPI: { items } }],
    mounts: [{ name: VOLUME, mountPath: FOLDER, readOnly: true }],
  };
}

function portOf(conf: Conf, key: string, otherwise: number): number {
  return Number(conf[key] ?? otherwise);
}

function listed(text = ''): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function nonEmpty<T extends object>(value: T): T | undefined {
  return Object.keys(value).length === 0 ? undefined : value;
}

function prune(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
