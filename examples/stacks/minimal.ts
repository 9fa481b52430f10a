// Everything by default: Postgres in the cluster, DAGs baked into the image, one pod per task.
import { App, Chart } from 'cdk8s';
import { Airflow } from '../../constructs/index.js'; // in a project of your own: 'cdk8s-airflow'

const app = new App();
const chart = new Chart(app, 'airflow', { namespace: 'airflow' });
new Airflow(chart, 'airflow');
app.synth();
