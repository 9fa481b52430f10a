// Tasks as processes of the scheduler: no launcher, no pods to wait for.
import { App, Chart } from 'cdk8s';
import { Airflow, Dags, Executor, Logs } from '../../constructs/index.js'; // in a project of your own: 'cdk8s-airflow'

const app = new App();
const chart = new Chart(app, 'airflow', { namespace: 'airflow' });
new Airflow(chart, 'airflow', {
  executor: Executor.local({ parallelism: 4 }),
  dags: Dags.volume(),
  logs: Logs.volume(),
});
app.synth();
