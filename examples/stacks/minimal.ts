// Everything by default: Postgres in the cluster, DAGs baked into the image, one pod per task.
import { App, Chart } from 'cdk8s';
import { Airflow } from '../../constructs/index.js';

const app = new App();
const chart = new Chart(app, 'airflow', { namespace: 'airflow' });
new Airflow(chart, 'airflow');
app.synth();
