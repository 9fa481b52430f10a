import { JsonPatch } from 'cdk8s';
import { Dags, Executor } from '../../constructs/index.js';
import { container, envNames, envValue, mountNames, Stack } from './stack.js';

describe('Scheduler', () => {
  const stack = new Stack();
  const pod = stack.pod('Deployment', 'airflow-scheduler');
  const scheduler = container(pod, 'scheduler');

  test('runs the launcher as a native sidecar, started first', () => {
    expect(pod.initContainers?.map(({ name, restartPolicy }) => [name, restartPolicy])).toEqual([
      ['pod-launcher', 'Always'],
      ['wait-for-airflow-migrations', undefined],
    ]);
    expect(container(pod, 'pod-launcher').command).toEqual(['pod-launcher', 'serve']);
    expect(container(pod, 'pod-launcher').startupProbe).toMatchObject({
      httpGet: { path: '/readyz', port: 'launcher' },
    });
  });

  test('gives the token to the launcher only', () => {
    expect(mountNames(container(pod, 'pod-launcher'))).toEqual(['kube-api-token', 'launch-config', 'launcher-socket']);
    expect(mountNames(scheduler)).toEqual(['config', 'launcher-socket', 'logs', 'scripts']);
    expect(mountNames(container(pod, 'wait-for-airflow-migrations'))).toEqual(['config', 'scripts']);
  });

  test('has the environment that it needs and no more', () => {
    expect(envNames(scheduler)).toEqual([
      'AIRFLOW__API_AUTH__JWT_SECRET',
      'AIRFLOW__CORE__FERNET_KEY',
      'AIRFLOW__DATABASE__SQL_ALCHEMY_CONN',
      'CONNECTION_CHECK_MAX_COUNT',
      'POD_LAUNCHER_DEPLOYMENT',
      'POD_LAUNCHER_NAMESPACES',
    ]);
    expect(envNames(container(pod, 'pod-launcher'))).toEqual(['POD_LAUNCHER_DEPLOYMENT', 'POD_LAUNCHER_NAMESPACES']);
  });

  test('is probed over HTTP', () => {
    for (const probe of [scheduler.startupProbe, scheduler.readinessProbe, scheduler.livenessProbe]) {
      expect(probe).toMatchObject({ httpGet: { path: '/health', port: 'health' } });
    }
  });

  test('does not restart when the pod template or the launch policy changes', () => {
    const changed = new Stack({ executor: Executor.kubernetes({ maxPendingPods: 3, taskPod: { env: { A: 'b' } } }) });
    expect(changed.get('ConfigMap', 'airflow-pod-launcher').data).not.toEqual(
      stack.get('ConfigMap', 'airflow-pod-launcher').data,
    );
    expect(changed.pods()).toEqual(stack.pods());
  });

  test('restarts alone when the number of pods changes', () => {
    const changed = new Stack({ executor: Executor.kubernetes({ maxPods: 200 }) });
    const names = changed
      .pods()
      .filter(([, template], index) => JSON.stringify(template) !== JSON.stringify(stack.pods()[index]?.[1]));
    expect(names.map(([name]) => name)).toEqual(['airflow-scheduler']);
    expect(
      envValue(container(changed.pod('Deployment', 'airflow-scheduler'), 'scheduler'), 'AIRFLOW__CORE__PARALLELISM'),
    ).toBe('200');
  });

  test('leaves parallelism to the configuration when that has it', () => {
    const given = new Stack({
      executor: Executor.kubernetes({ maxPods: 200 }),
      config: { core: { parallelism: '7' } },
    });
    expect(envNames(container(given.pod('Deployment', 'airflow-scheduler'), 'scheduler'))).not.toContain(
      'AIRFLOW__CORE__PARALLELISM',
    );
  });

  test('mounts the DAGs only when it runs the tasks itself', () => {
    const dags = Dags.volume();
    const local = new Stack({ dags, executor: Executor.local() }).pod('Deployment', 'airflow-scheduler');
    expect(
      mountNames(container(new Stack({ dags }).pod('Deployment', 'airflow-scheduler'), 'scheduler')),
    ).not.toContain('dags');
    expect(mountNames(container(local, 'scheduler'))).toContain('dags');
    expect(local.initContainers?.map(({ name }) => name)).toEqual(['wait-for-airflow-migrations']);
  });

  test('takes variables, volumes, containers and patches', () => {
    const extended = new Stack({ scheduler: { env: { A: '1' }, replicas: 2 } });
    const { scheduler: construct } = extended.airflow;
    construct.addEnv('A', '2');
    construct.addVolume({ name: 'certs', secret: { secretName: 'certs' } }, '/certs');
    construct.addContainer({ name: 'exporter', image: 'example.com/exporter:1' });
    construct.addInitContainer({ name: 'proxy', image: 'example.com/proxy:1', restartPolicy: 'Always' });
    construct.patch(JsonPatch.add('/spec/minReadySeconds', 5));
    const deployment = extended.get('Deployment', 'airflow-scheduler');
    const { spec } = deployment.spec.template;
    expect(deployment.spec).toMatchObject({ minReadySeconds: 5, replicas: 2 });
    expect(envValue(container(spec, 'scheduler'), 'A')).toBe('2');
    expect(container(spec, 'scheduler').volumeMounts).toContainEqual({ name: 'certs', mountPath: '/certs' });
    expect(container(spec, 'exporter')).toMatchObject({
      image: 'example.com/exporter:1',
      securityContext: { allowPrivilegeEscalation: false },
    });
    expect(container(spec, 'proxy').restartPolicy).toBe('Always');
  });

  test('matches its snapshot', () => {
    expect(container(pod, 'pod-launcher')).toMatchSnapshot();
  });
});
