// Tasks that run pods in the namespace `jobs`, and a queue whose tasks may know a Secret: what examples/dags/operators needs.
import { ApiObject, App, Chart, JsonPatch } from 'cdk8s';
import { Airflow, Dags, Executor, Logs } from '../../constructs/index.js'; // in a project of your own: 'cdk8s-airflow'

const app = new App();
const chart = new Chart(app, 'airflow', { namespace: 'airflow' });

// `deploy` would make it with Pod Security "restricted", which refuses images that run as root.
const jobs = new ApiObject(chart, 'jobs', {
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name: 'jobs', labels: { 'pod-security.kubernetes.io/enforce': 'baseline' } },
});
// The chart puts its own namespace on every object; a Namespace has none.
jobs.addJsonPatch(JsonPatch.remove('/metadata/namespace'));

const airflow = new Airflow(chart, 'airflow', {
  executor: Executor.kubernetes({ queues: { etl: { taskPod: { serviceAccountName: 'etl' } } } }),
  dags: Dags.volume(),
  logs: Logs.volume(),
});
// Every task: what the operators need, and by rules what YamlOperator and HelmOperator make.
const write = ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'];
airflow.tasks.allow({
  namespace: 'jobs',
  ...{ pods: true, jobs: true, volumeClaims: true, spark: 'spark', deferrable: true },
  rules: [
    { apiGroups: [''], resources: ['configmaps'], verbs: write },
    { apiGroups: ['apps'], resources: ['deployments', 'replicasets'], verbs: write },
  ],
});
// Those of the queue `etl`: the Secret `warehouse`, which you create yourself, is known to their pods alone.
airflow.tasks.serviceAccount('etl').allow({ namespace: 'jobs', pods: true, secrets: ['warehouse'] });
app.synth();
