import { Dags } from '../../constructs/index.js';
import { container, envNames, Stack } from './stack.js';

describe('Triggerer', () => {
  const stack = new Stack({ dags: Dags.volume(), triggerer: { replicas: 2, capacity: 50 } });
  const main = container(stack.pod('StatefulSet', 'airflow-triggerer'), 'triggerer');

  test('is a StatefulSet whose pods have names, for the log server on 8794', () => {
    expect(stack.get('StatefulSet', 'airflow-triggerer').spec).toMatchObject({
      replicas: 2,
      serviceName: 'airflow-triggerer',
    });
    expect(stack.get('Service', 'airflow-triggerer').spec).toMatchObject({
      clusterIP: 'None',
      ports: [{ port: 8794 }],
    });
  });

  test('can verify requests for logs, and cannot sign tokens', () => {
    expect(envNames(main)).toContain('AIRFLOW__API__SECRET_KEY');
    expect(envNames(main)).not.toContain('AIRFLOW__API_AUTH__JWT_SECRET');
  });

  test('reads the DAGs and takes its capacity', () => {
    expect(main.volumeMounts).toContainEqual({ name: 'dags', mountPath: '/opt/airflow/dags', readOnly: true });
    expect(stack.get('ConfigMap', 'airflow-config').data['airflow.cfg']).toContain('[triggerer]\ncapacity = 50\n');
  });

  test('matches its snapshot', () => {
    expect(main).toMatchSnapshot();
  });
});
