// DAGs from a private git repository over ssh. Make the Secret first:
//   kubectl -n airflow create secret generic airflow-ssh-secret --from-file=gitSshKey=id_ed25519 --from-file=known_hosts
import { App, Chart, Duration, Size } from 'cdk8s';
import { Airflow, Dags, Logs, SecretRef } from '../../constructs/index.js'; // in a project of your own: 'cdk8s-airflow'

const app = new App();
const chart = new Chart(app, 'airflow', { namespace: 'airflow' });
new Airflow(chart, 'airflow', {
  dags: Dags.gitSync({
    repo: 'git@example.com:team/dags.git',
    ref: 'main',
    subPath: 'dags',
    period: Duration.seconds(10),
    sshKey: SecretRef.named('airflow-ssh-secret', 'gitSshKey'),
    knownHosts: SecretRef.named('airflow-ssh-secret', 'known_hosts'),
  }),
  logs: Logs.volume({ size: Size.gibibytes(20) }),
});
app.synth();
