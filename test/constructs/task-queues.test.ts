import { Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import { AccessMode, Executor, type KubernetesExecutorOptions, Logs } from '../../constructs/index.js';
import { parseLaunchPolicy } from '../../src/runtime/config/launch-policy.js';
import { container, envNames, Stack } from './stack.js';
import { taskPod } from './task-pod.js';

const stackOf = (options: KubernetesExecutorOptions): Stack => new Stack({ executor: Executor.kubernetes(options) });
const policyOf = (stack: Stack): unknown =>
  parseLaunchPolicy(stack.get('ConfigMap', 'airflow-pod-launcher').data['launch-policy.json'] ?? '');

describe('queues', () => {
  const stack = stackOf({
    taskPod: {
      env: { A: '1', B: '1' },
      resources: { cpuRequest: Cpu.millis(100), memoryLimit: Size.gibibytes(1) },
      tolerations: [{ key: 'tasks' }],
      priorityClassName: 'low',
    },
    queues: {
      gpu: {
        taskPod: {
          image: 'example.com/airflow-cuda:1',
          env: { B: '2', C: '2' },
          resources: { memoryLimit: Size.gibibytes(8) },
          nodeSelector: { gpu: 'yes' },
          tolerations: [{ key: 'gpu' }],
        },
      },
      'team-a': { namespace: 'team-a' },
    },
  });

  test('have the pod template of the others with their own merged over it', () => {
    const pod = taskPod(stack, 'airflow-pod-launcher', 'pod_template_file.gpu.yaml');
    const base = container(pod.spec, 'base');
    expect(base.image).toBe('example.com/airflow-cuda:1');
    expect(base.env?.filter(({ name }) => name.length === 1)).toEqual([
      { name: 'A', value: '1' },
      { name: 'B', value: '2' },
      { name: 'C', value: '2' },
    ]);
    expect(base.resources).toEqual({ requests: { cpu: '100m', memory: '192Mi' }, limits: { memory: '8Gi' } });
    expect(pod.spec).toMatchObject({
      nodeSelector: { gpu: 'yes' },
      tolerations: [{ key: 'tasks' }, { key: 'gpu' }],
      priorityClassName: 'low',
      automountServiceAccountToken: false,
    });
    expect(envNames(container(taskPod(stack).spec, 'base'))).not.toContain('C');
  });

  test('are in the launch policy, and their namespaces among its own', () => {
    expect(policyOf(stack)).toMatchObject({
      namespaces: ['airflow', 'team-a'],
      queues: { gpu: { template: 'pod_template_file.gpu.yaml' }, 'team-a': { namespace: 'team-a' } },
    });
    expect(Object.keys(stack.get('ConfigMap', 'airflow-pod-launcher').data).sort()).toEqual([
      'launch-policy.json',
      'pod_template_file.gpu.yaml',
      'pod_template_file.yaml',
    ]);
  });

  test('give each namespace a Role and a service account, and nobody a ClusterRole', () => {
    const there = stack.manifests().filter(({ metadata }) => metadata.namespace === 'team-a');
    expect(there.map(({ kind }) => kind).sort()).toEqual([
      'ConfigMap',
      'Role',
      'Role',
      'RoleBinding',
      'RoleBinding',
      'ServiceAccount',
    ]);
    expect(stack.text()).not.toContain('ClusterRole');
  });

  test('are refused with a name, namespace or pod that cannot be', () => {
    const problems = stackOf({
      queues: { 'a/b': {}, c: { namespace: 'Team' }, d: { taskPod: { env: { '1X': '' } } } },
    }).problems();
    expect(problems).toEqual([
      expect.stringContaining(`'executor.namespaces' ("Team") must consist of`) as string,
      expect.stringContaining(`'executor.queues."a/b"' ("a/b") must be a queue of letters`) as string,
      expect.stringContaining(`'executor.queues.c.namespace' ("Team") must consist of`) as string,
      expect.stringContaining(`'executor.queues.d.taskPod.env' ("1X") must be the name`) as string,
    ]);
  });
});

describe('a volume for logs', () => {
  const executor = Executor.kubernetes({ queues: { a: { namespace: 'team-a' } } });

  test('is refused when tasks run in other namespaces, unless each may have a claim of that name', () => {
    const logs = (existingClaim: string, accessMode: AccessMode): string[] =>
      new Stack({ executor, logs: Logs.volume({ existingClaim, accessMode }) }).problems();
    expect(new Stack({ executor, logs: Logs.volume() }).problems()).toEqual([
      expect.stringContaining(`give 'existingClaim' with READ_WRITE_MANY`) as string,
    ]);
    expect(logs('shared', AccessMode.READ_WRITE_ONCE)).toHaveLength(1);
    expect(logs('shared', AccessMode.READ_WRITE_MANY)).toEqual([]);
  });
});
