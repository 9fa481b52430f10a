import { ApiObject, App, Chart, JsonPatch } from 'cdk8s';
import { Airflow, Dags, Logs } from '../constructs/index.js';

/** The default stack, which `npx cdk8s synth` renders into dist/k8s. It works on any cluster with a default storage class. */
const app = new App({ outdir: process.env.CDK8S_OUTDIR ?? 'dist/k8s' });
const chart = new Chart(app, 'airflow', { namespace: 'airflow' });

const namespace = new ApiObject(chart, 'namespace', {
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: {
    name: 'airflow',
    labels: {
      'pod-security.kubernetes.io/enforce': 'restricted',
      'pod-security.kubernetes.io/warn': 'restricted',
    },
  },
});
// The chart puts its own namespace on every object; a Namespace has none.
namespace.addJsonPatch(JsonPatch.remove('/metadata/namespace'));

new Airflow(chart, 'airflow', { dags: Dags.volume(), logs: Logs.volume() });

app.synth();
