import { Executor } from '../../constructs/index.js';
import { container, envValue, mountNames, Stack } from './stack.js';

const OURS = 'airflow_pod_launcher.executor.PodLauncherExecutor';
const cfg = (stack: Stack): string => stack.get('ConfigMap', 'airflow-config').data['airflow.cfg'] ?? '';

describe('Executor.combine', () => {
  const executor = Executor.combine(Executor.local({ parallelism: 4 }), Executor.kubernetes({ alias: 'pods' }));
  const stack = new Stack({ executor });
  const pod = stack.pod('Deployment', 'airflow-scheduler');

  test('makes the first one the default and lets tasks choose the others by alias', () => {
    expect(cfg(stack)).toContain(`executor = LocalExecutor,pods:${OURS}\n`);
    expect(envValue(container(pod, 'scheduler'), 'AIRFLOW__CORE__PARALLELISM')).toBe('36');
    expect(stack.get('Deployment', 'airflow-scheduler').metadata.labels.executor).toBe(
      'LocalExecutor-PodLauncherExecutor',
    );
  });

  test('gives the scheduler what each of them needs', () => {
    expect(pod.initContainers?.map(({ name }) => name)).toContain('pod-launcher');
    const scheduler = container(pod, 'scheduler');
    expect(scheduler.ports).toContainEqual({ name: 'worker-logs', containerPort: 8793 });
    expect(scheduler.resources).toMatchObject({ requests: { memory: '768Mi' } });
    expect(mountNames(scheduler)).not.toContain('kube-api-token');
    const alone = new Stack({ executor: Executor.kubernetes() });
    expect(stack.get('Role', 'airflow-pod-launcher-role').rules).toEqual(
      alone.get('Role', 'airflow-pod-launcher-role').rules,
    );
  });

  test('makes what both executors of pods need once', () => {
    const both = new Stack({ executor: Executor.combine(Executor.stockKubernetes(), Executor.kubernetes()) });
    const ids = both.manifests().map(({ kind, metadata }) => `${kind}/${metadata.namespace ?? ''}/${metadata.name}`);
    expect(new Set(ids).size).toBe(ids.length);
    expect(cfg(both)).toContain(`executor = KubernetesExecutor,${OURS}\n`);
    expect(cfg(both)).toContain('[kubernetes_executor]\n');
    const webserver = container(both.pod('Deployment', 'airflow-api-server'), 'api-server');
    expect(mountNames(webserver)).toEqual(['config', 'kube-api-token', 'logs', 'scripts']);
  });

  test('refuses what Airflow would not start with', () => {
    const problems = (...executors: Executor[]): string[] =>
      new Stack({ executor: Executor.combine(...executors) }).problems();
    expect(problems(Executor.local())).toEqual([
      `chart/airflow: 'executor' (["LocalExecutor"]) must combine at least two executors`,
    ]);
    expect(problems(Executor.kubernetes({ alias: 'a' }), Executor.kubernetes({ alias: 'b' }))).toEqual([
      expect.stringContaining('must combine different executors: Airflow takes each class once') as string,
    ]);
    expect(problems(Executor.local({ alias: 'x' }), Executor.kubernetes({ alias: 'x' }))).toEqual([
      `chart/airflow: 'executor' (["x","x"]) must give each executor an alias of its own`,
    ]);
    expect(problems(Executor.local({ alias: 'a:b' }), Executor.kubernetes({ alias: 'LocalExecutor' }))).toEqual([
      `chart/airflow: 'executor.alias' ("a:b") must consist of letters, digits, '-' and '_', and begin with a letter`,
      `chart/airflow: 'executor.alias' ("LocalExecutor") must not be the name of one of Airflow's own executors`,
    ]);
  });
});
