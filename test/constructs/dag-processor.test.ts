import { Dags } from '../../constructs/index.js';
import { container, envNames, Stack } from './stack.js';

describe('DagProcessor', () => {
  const pod = new Stack({ dags: Dags.volume() }).pod('Deployment', 'airflow-dag-processor');
  const main = container(pod, 'dag-processor');

  test('has neither the JWT secret nor the key of the API server', () => {
    expect(envNames(main)).toEqual([
      'AIRFLOW__CORE__FERNET_KEY',
      'AIRFLOW__DATABASE__SQL_ALCHEMY_CONN',
      'CONNECTION_CHECK_MAX_COUNT',
    ]);
  });

  test('may write the folder of the DAGs, which `dags push` copies into', () => {
    expect(main.volumeMounts).toContainEqual({ name: 'dags', mountPath: '/opt/airflow/dags' });
  });

  test('is probed by its heartbeat', () => {
    expect(main.livenessProbe).toMatchObject({
      exec: { command: ['python', '/opt/airflow/scripts/alive.py', 'DagProcessorJob', '120'] },
    });
  });

  test('matches its snapshot', () => {
    expect(main).toMatchSnapshot();
  });
});
