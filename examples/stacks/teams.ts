// Two teams with namespaces of their own (`queue='team-a'`), and small tasks in the scheduler (`executor='small'`).
import { App, Chart, Duration, Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import { Airflow, Dags, Executor, Logs } from '../../constructs/index.js'; // in a project of your own: 'cdk8s-airflow'

const app = new App();
const chart = new Chart(app, 'airflow', { namespace: 'airflow' });
new Airflow(chart, 'airflow', {
  executor: Executor.combine(
    Executor.kubernetes({
      // Logs are in the pods, so these are kept for a day.
      keepSucceeded: Duration.days(1),
      keepFailed: Duration.days(1),
      queues: {
        'team-a': { namespace: 'team-a' },
        'team-b': { namespace: 'team-b', taskPod: { labels: { 'cost-center': '4711' } } },
        'team-b-large': {
          namespace: 'team-b',
          taskPod: { resources: { cpuRequest: Cpu.units(2), memoryRequest: Size.gibibytes(4) } },
        },
      },
    }),
    Executor.local({ alias: 'small', parallelism: 4 }),
  ),
  // From the image: a Secret or volume with the DAGs would be needed in each namespace.
  dags: Dags.baked(),
  logs: Logs.ephemeral(),
});
app.synth();
