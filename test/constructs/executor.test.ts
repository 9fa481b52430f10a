import { Duration, Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import { Executor } from '../../constructs/index.js';
import { container, envNames, envValue, mountNames, Stack } from './stack.js';
import { taskPod } from './task-pod.js';

const cfg = (stack: Stack): string => stack.get('ConfigMap', 'airflow-config').data['airflow.cfg'] ?? '';

describe('Executor.kubernetes', () => {
  test('is the executor of this package, with its policy in the executor ConfigMap', () => {
    const stack = new Stack({
      executor: Executor.kubernetes({
        maxPods: 200,
        keepSucceeded: Duration.minutes(1),
        keepFailed: Duration.days(1),
        pendingTimeout: Duration.minutes(3),
      }),
    });
    expect(cfg(stack)).toContain('executor = airflow_pod_launcher.executor.PodLauncherExecutor\n');
    expect(JSON.parse(stack.get('ConfigMap', 'airflow-pod-launcher').data['launch-policy.json'] ?? '')).toEqual({
      deployment: 'airflow',
      namespaces: ['airflow'],
      maxInFlightCreates: 32,
      maxPendingPods: 0,
      paceStarts: true,
      maxPods: 200,
      keepSucceededSeconds: 60,
      keepFailedSeconds: 86400,
      pendingTimeoutSeconds: 180,
    });
  });

  test('paces pods by how soon they start, unless a number is given', () => {
    const { data } = new Stack({ executor: Executor.kubernetes({ maxPendingPods: 64 }) }).get(
      'ConfigMap',
      'airflow-pod-launcher',
    );
    const policy: unknown = JSON.parse(data['launch-policy.json'] ?? '');
    expect(policy).toMatchObject({ maxPendingPods: 64 });
    expect(policy).not.toHaveProperty('paceStarts');
  });

  test('keeps standby pods only when asked to', () => {
    const policy = (executor: Executor): unknown =>
      JSON.parse(new Stack({ executor }).get('ConfigMap', 'airflow-pod-launcher').data['launch-policy.json'] ?? '');
    expect(policy(Executor.kubernetes({ standby: { pods: 2 } }))).toMatchObject({ standbyPods: 2 });
    expect(policy(Executor.kubernetes())).not.toHaveProperty('standbyPods');
  });

  test('may do with pods what it does, and nothing else', () => {
    const role = new Stack().get('Role', 'airflow-pod-launcher-role');
    expect(role.rules).toEqual([
      { apiGroups: [''], resources: ['pods'], verbs: ['create', 'delete', 'get', 'list', 'patch', 'watch'] },
      { apiGroups: [''], resources: ['events'], verbs: ['list'] },
    ]);
  });

  test('has Roles, configuration and a service account in each launch namespace', () => {
    const stack = new Stack({ executor: Executor.kubernetes({ namespaces: ['team-a', 'team-b'] }) });
    for (const namespace of ['team-a', 'team-b']) {
      const there = stack.manifests().filter(({ metadata }) => metadata.namespace === namespace);
      expect(there.map(({ kind, metadata }) => `${kind}/${metadata.name}`).sort()).toEqual([
        'ConfigMap/airflow-config',
        'Role/airflow-pod-launcher-role',
        'Role/airflow-pod-log-reader-role',
        'RoleBinding/airflow-pod-launcher-rolebinding',
        'RoleBinding/airflow-pod-log-reader-rolebinding',
        'ServiceAccount/airflow-airflow-worker',
      ]);
      const binding = there.find(({ metadata }) => metadata.name === 'airflow-pod-launcher-rolebinding');
      expect(binding?.subjects).toEqual([
        { kind: 'ServiceAccount', name: 'airflow-airflow-scheduler', namespace: 'airflow' },
      ]);
    }
    expect(cfg(stack)).toContain('execution_api_server_url = http://airflow-api-server.airflow:8080/execution/');
    expect(
      envValue(container(stack.pod('Deployment', 'airflow-api-server'), 'api-server'), 'POD_LAUNCHER_NAMESPACES'),
    ).toBe('team-a,team-b');
  });

  test('matches the snapshot of the launcher', () => {
    expect(container(new Stack().pod('Deployment', 'airflow-scheduler'), 'pod-launcher')).toMatchSnapshot();
  });
});

describe('the pod of a task', () => {
  const stack = new Stack();
  const pod = taskPod(stack);
  const base = container(pod.spec, 'base');

  test('has neither secret, database, token nor service links', () => {
    expect(envNames(base)).toEqual(['AIRFLOW__CORE__EXECUTOR', 'CONNECTION_CHECK_MAX_COUNT']);
    expect(JSON.stringify(pod)).not.toMatch(/secret|sql_alchemy/i);
    expect(pod.spec).toMatchObject({
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      restartPolicy: 'Never',
    });
    expect(mountNames(base)).toEqual(['config', 'logs']);
  });

  test('leaves the arguments to the executor', () => {
    expect(base.command).toBeUndefined();
    expect(base.args).toBeUndefined();
  });

  test('gives the service account of tasks its annotations', () => {
    const taskPod = { serviceAccountAnnotations: { 'example.com/role': 'tasks' } };
    const stack = new Stack({
      executor: Executor.kubernetes({ taskPod, queues: { q: { taskPod: { serviceAccountName: 'own' } } } }),
    });
    expect(stack.get('ServiceAccount', 'airflow-airflow-worker').metadata.annotations).toEqual({
      'example.com/role': 'tasks',
    });
  });

  test('takes resources, environment, labels and placement', () => {
    const changed = taskPod(
      new Stack({
        executor: Executor.kubernetes({
          taskPod: {
            resources: { cpuRequest: Cpu.millis(250), memoryLimit: Size.gibibytes(1) },
            env: { A: 'b' },
            labels: { cost: 'center', tier: 'mine' },
            annotations: { note: 'x' },
            nodeSelector: { pool: 'tasks' },
            tolerations: [{ operator: 'Exists' }],
            priorityClassName: 'low',
            serviceAccountName: 'with-identity',
          },
        }),
      }),
    );
    expect(changed.metadata).toMatchObject({
      labels: { cost: 'center', tier: 'airflow', component: 'worker' },
      annotations: { note: 'x' },
    });
    expect(changed.spec).toMatchObject({
      nodeSelector: { pool: 'tasks' },
      tolerations: [{ operator: 'Exists' }],
      priorityClassName: 'low',
      serviceAccountName: 'with-identity',
      automountServiceAccountToken: false,
    });
    expect(envValue(container(changed.spec, 'base'), 'A')).toBe('b');
    expect(container(changed.spec, 'base').resources).toEqual({
      requests: { cpu: '250m', memory: '192Mi' },
      limits: { memory: '1Gi' },
    });
  });

  test('knows all executors, so that its DAG may name them, and loads none of a pod', () => {
    const executors = (executor: Executor): string | undefined =>
      envValue(container(taskPod(new Stack({ executor })).spec, 'base'), 'AIRFLOW__CORE__EXECUTOR');
    const pods = Executor.kubernetes({ alias: 'pods' });
    const ours = 'pods:airflow_pod_launcher.executor.PodLauncherExecutor';
    expect(executors(pods)).toBe(`LocalExecutor,${ours}`);
    expect(executors(Executor.combine(pods, Executor.local({ alias: 'here' })))).toBe(`here:LocalExecutor,${ours}`);
  });

  test('matches its snapshot', () => {
    expect(pod).toMatchSnapshot();
  });
});

describe('Executor.stockKubernetes', () => {
  const stack = new Stack({ executor: Executor.stockKubernetes({ parallelism: 64, creationBatchSize: 16 }) });

  test("is Airflow's own executor with the same pod template", () => {
    expect(cfg(stack)).toContain('executor = KubernetesExecutor\n');
    expect(cfg(stack)).toContain('pod_template_file = /opt/airflow/pod_templates/pod_template_file.yaml\n');
    expect(cfg(stack)).toContain('worker_pods_creation_batch_size = 16\n');
    const ours = JSON.stringify(taskPod(new Stack()));
    const named = ours.replace('airflow_pod_launcher.executor.PodLauncherExecutor', 'KubernetesExecutor');
    expect(taskPod(stack, 'airflow-pod-template')).toEqual(JSON.parse(named));
  });

  test('has no launcher, and so a token in the scheduler', () => {
    const pod = stack.pod('Deployment', 'airflow-scheduler');
    expect(pod.initContainers?.map(({ name }) => name)).toEqual(['wait-for-airflow-migrations']);
    expect(mountNames(container(pod, 'scheduler'))).toEqual([
      'config',
      'kube-api-token',
      'logs',
      'pod-template',
      'scripts',
    ]);
    expect(envValue(container(pod, 'scheduler'), 'AIRFLOW__CORE__PARALLELISM')).toBe('64');
  });

  test('matches the snapshot of its Role', () => {
    expect(stack.get('Role', 'airflow-pod-launcher-role').rules).toMatchSnapshot();
  });
});

describe('Executor.local', () => {
  const stack = new Stack({ executor: Executor.local({ parallelism: 4 }) });

  test('runs tasks in the scheduler, which serves their logs by its address', () => {
    const scheduler = container(stack.pod('Deployment', 'airflow-scheduler'), 'scheduler');
    expect(cfg(stack)).toContain('executor = LocalExecutor\n');
    expect(envValue(scheduler, 'AIRFLOW__CORE__PARALLELISM')).toBe('4');
    expect(envValue(scheduler, 'AIRFLOW__CORE__HOSTNAME_CALLABLE')).toBe('airflow.utils.net.get_host_ip_address');
    expect(envNames(scheduler)).toContain('AIRFLOW__API__SECRET_KEY');
    expect(scheduler.ports).toContainEqual({ name: 'worker-logs', containerPort: 8793 });
  });

  test('differs from the others by one prop only: the workloads keep name and kind', () => {
    const workloads = (each: Stack): string[] =>
      each
        .manifests()
        .flatMap(({ kind, metadata }) =>
          ['Deployment', 'StatefulSet'].includes(kind) ? [`${kind}/${metadata.name}`] : [],
        );
    expect(workloads(stack)).toEqual(workloads(new Stack()));
  });

  test('matches the snapshot of its environment', () => {
    expect(envNames(container(stack.pod('Deployment', 'airflow-scheduler'), 'scheduler'))).toMatchSnapshot();
  });
});
