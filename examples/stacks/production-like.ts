// Two of each, an external database and keys from a secret store, tasks in a pool of nodes of their own.
import { App, Chart, Duration, JsonPatch, Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import { AccessMode, Airflow, Dags, Database, Executor, Logs, SecretRef } from '../../constructs/index.js'; // in a project of your own: 'cdk8s-airflow'

const app = new App();
const chart = new Chart(app, 'airflow', { namespace: 'data-platform' });
const airflow = new Airflow(chart, 'airflow', {
  labels: { team: 'data-platform' },
  imagePullSecrets: ['registry'],
  executor: Executor.kubernetes({
    maxPods: 200,
    keepFailed: Duration.hours(6),
    // The labels are what the cluster's Prometheus operator selects by.
    metrics: {
      podMonitor: { labels: { prometheus: 'platform' }, interval: Duration.seconds(30) },
      prometheusRule: { labels: { prometheus: 'platform' } },
      grafanaDashboard: { folder: 'Airflow' },
    },
    taskPod: {
      resources: { cpuRequest: Cpu.millis(250), memoryRequest: Size.mebibytes(512), memoryLimit: Size.gibibytes(2) },
      nodeSelector: { 'example.com/pool': 'tasks' },
      tolerations: [{ key: 'example.com/tasks', operator: 'Exists', effect: 'NoSchedule' }],
    },
  }),
  database: Database.external({ connection: SecretRef.named('airflow-database', 'connection') }),
  dags: Dags.gitSync({ repo: 'https://example.com/dags.git', ref: 'main' }),
  logs: Logs.volume({ size: Size.gibibytes(200), accessMode: AccessMode.READ_WRITE_MANY, storageClass: 'shared' }),
  keys: {
    fernetKey: SecretRef.named('airflow-keys', 'fernet-key'),
    jwtSecret: SecretRef.named('airflow-keys', 'jwt-secret'),
    apiSecretKey: SecretRef.named('airflow-keys', 'api-secret-key'),
  },
  firstUser: { enabled: false },
  scheduler: { replicas: 2, resources: { cpuRequest: Cpu.units(1), memoryRequest: Size.gibibytes(1) } },
  webserver: { replicas: 2, workers: 2, baseUrl: 'https://airflow.example.com' },
  dagProcessor: { replicas: 2 },
  triggerer: { replicas: 2 },
  config: { core: { max_active_tasks_per_dag: '64' } },
});

// What no prop offers: another variable, a volume, and a patch of the finished object.
airflow.scheduler.addEnv('TZ', 'UTC');
airflow.webserver.addVolume({ name: 'branding', configMap: { name: 'branding' } }, '/opt/airflow/branding');
airflow.webserver.patch(JsonPatch.add('/spec/minReadySeconds', 10));
app.synth();
