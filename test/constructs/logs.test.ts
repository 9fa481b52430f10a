import { Size } from 'cdk8s';
import { Logs } from '../../constructs/index.js';
import { container, envNames, Stack } from './stack.js';
import { taskPod } from './task-pod.js';

const policy = (stack: Stack): unknown =>
  JSON.parse(stack.get('ConfigMap', 'airflow-pod-launcher').data['launch-policy.json'] ?? '');

describe('Logs.volume', () => {
  const stack = new Stack({ logs: Logs.volume({ size: Size.gibibytes(50) }) });

  test('makes a claim that all components and tasks mount', () => {
    expect(stack.get('PersistentVolumeClaim', 'airflow-logs').spec).toMatchObject({
      resources: { requests: { storage: '50Gi' } },
    });
    const pods = ['api-server', 'scheduler', 'dag-processor'].map((name) => stack.pod('Deployment', `airflow-${name}`));
    for (const pod of [...pods, stack.pod('StatefulSet', 'airflow-triggerer'), taskPod(stack).spec]) {
      expect(pod.volumes).toContainEqual({ name: 'logs', persistentVolumeClaim: { claimName: 'airflow-logs' } });
      expect(pod.containers[0]?.volumeMounts).toContainEqual({ name: 'logs', mountPath: '/opt/airflow/logs' });
      expect(JSON.stringify(pod.affinity)).toContain('cdk8s-airflow/logs-volume');
    }
  });

  test('has the pods of tasks that succeeded deleted at once', () => {
    expect(policy(stack)).toMatchObject({ keepSucceededSeconds: 0, keepFailedSeconds: 3600 });
  });

  test('matches its snapshot', () => {
    expect(stack.get('PersistentVolumeClaim', 'airflow-logs')).toMatchSnapshot();
  });
});

describe('Logs.ephemeral', () => {
  const stack = new Stack({ logs: Logs.ephemeral() });

  test('needs no claim', () => {
    expect(stack.all('PersistentVolumeClaim')).toEqual([]);
    expect(container(taskPod(stack).spec, 'base').volumeMounts).toContainEqual({
      name: 'logs',
      mountPath: '/opt/airflow/logs',
    });
  });

  test('keeps the pods of tasks that succeeded for a while: they have the only log', () => {
    expect(policy(stack)).toMatchObject({ keepSucceededSeconds: 600, keepFailedSeconds: 3600 });
  });

  test('has the webserver, and nobody else, read the logs of kept pods', () => {
    const variable = 'AIRFLOW__LOGGING__LOGGING_CONFIG_CLASS';
    expect(envNames(container(stack.pod('Deployment', 'airflow-api-server'), 'api-server'))).toContain(variable);
    expect(envNames(container(taskPod(stack).spec, 'base'))).not.toContain(variable);
    expect(envNames(container(stack.pod('Deployment', 'airflow-scheduler'), 'scheduler'))).not.toContain(variable);
  });

  test('matches its snapshot', () => {
    expect(stack.pod('Deployment', 'airflow-scheduler').volumes).toMatchSnapshot();
  });
});
