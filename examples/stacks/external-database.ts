// A managed Postgres; user and password in a Secret, any characters allowed.
import { App, Chart } from 'cdk8s';
import { Airflow, Database, SecretRef } from '../../constructs/index.js'; // in a project of your own: 'cdk8s-airflow'

const app = new App();
const chart = new Chart(app, 'airflow', { namespace: 'airflow' });
new Airflow(chart, 'airflow', {
  database: Database.external({
    host: 'postgres.example.com',
    database: 'airflow',
    user: SecretRef.named('airflow-database', 'username'),
    password: SecretRef.named('airflow-database', 'password'),
    query: 'sslmode=require',
  }),
});
app.synth();
