import { type AirflowProps, Dags, Executor, Logs, type TaskPermissions } from '../../constructs/index.js';
import { PATHS, STACK_NAMESPACE_LABEL } from '../../constructs/contract.js';
import { container, type Manifest, mountNames, type PodTemplate, Stack } from './stack.js';
import { taskPod } from './task-pod.js';

const POLICY = 'ValidatingAdmissionPolicy';

interface PolicySpec {
  readonly matchConstraints: { readonly namespaceSelector: { readonly matchLabels: Record<string, string> } };
  readonly matchConditions: readonly { readonly expression: string }[];
  readonly variables: readonly { readonly name: string; readonly expression: string }[];
  readonly validations: readonly { readonly expression: string }[];
}

/** The objects that allowing something adds. */
function added(stack: Stack): Manifest[] {
  return stack.manifests().filter(({ metadata }) => metadata.labels[STACK_NAMESPACE_LABEL] !== undefined);
}

function policy(stack: Stack, name: string): PolicySpec {
  const found = stack.all(POLICY).find(({ metadata }) => metadata.name === name);
  if (found === undefined) throw new Error(`no policy ${name}`);
  return found.spec as unknown as PolicySpec;
}

function variable(spec: PolicySpec, name: string): unknown {
  return JSON.parse(spec.variables.find((each) => each.name === name)?.expression ?? 'null');
}

/** The mounts of the container of the task, in one of the executor's templates. */
function mounts(template: PodTemplate): string[] {
  return mountNames(container(template.spec, 'base'));
}

describe('a task', () => {
  test('has no right and no token unless something is allowed', () => {
    const stack = new Stack();
    expect(added(stack)).toEqual([]);
    expect(mounts(taskPod(stack))).not.toContain('kube-api-token');
  });

  test('gets exactly the verbs that running a pod needs, and a token', () => {
    const stack = new Stack();
    stack.airflow.tasks.allow({ pods: true });
    expect(stack.get('Role', 'airflow-tasks-airflow-airflow-worker-role').rules).toEqual([
      { apiGroups: [''], resources: ['pods'], verbs: ['create', 'delete', 'get', 'list', 'patch', 'watch'] },
      { apiGroups: [''], resources: ['pods/log'], verbs: ['get'] },
      { apiGroups: [''], resources: ['events'], verbs: ['list'] },
    ]);
    expect(stack.get('RoleBinding', 'airflow-tasks-airflow-airflow-worker-rolebinding').subjects).toEqual([
      { kind: 'ServiceAccount', name: 'airflow-airflow-worker', namespace: 'airflow' },
    ]);
    const { spec } = taskPod(stack);
    expect(container(spec, 'base').volumeMounts).toContainEqual({
      name: 'kube-api-token',
      mountPath: PATHS.SERVICE_ACCOUNT_DIR,
      readOnly: true,
    });
    expect(spec.automountServiceAccountToken).toBe(false);
  });

  test('may read the Secrets that are named, and no others', () => {
    const stack = new Stack();
    stack.airflow.tasks.allow({ secrets: ['warehouse'] });
    expect(stack.get('Role', 'airflow-tasks-airflow-airflow-worker-role').rules).toEqual([
      { apiGroups: [''], resources: ['secrets'], resourceNames: ['warehouse'], verbs: ['get'] },
    ]);
    expect(stack.all(POLICY)).toEqual([]);
  });

  test('is allowed what is allowed in several calls, once', () => {
    const stack = new Stack();
    stack.airflow.tasks.allow({ pods: true, secrets: ['a'] });
    stack.airflow.tasks.allow({ pods: true, secrets: ['b'] });
    const { rules } = stack.get('Role', 'airflow-tasks-airflow-airflow-worker-role');
    expect(rules.map(({ resources, resourceNames }) => [...resources, ...(resourceNames ?? [])].join(' '))).toEqual([
      ...['pods', 'pods/log', 'events', 'secrets a', 'secrets b'],
    ]);
    expect(variable(policy(stack, 'airflow.airflow.airflow-airflow-worker.airflow'), 'allowedSecrets')).toEqual([
      ...['a', 'b'],
    ]);
  });

  test('has a service account of its own by its queue, and the others nothing of it', () => {
    const executor = Executor.kubernetes({
      queues: { etl: { taskPod: { serviceAccountName: 'etl' } }, other: { taskPod: { labels: { a: 'b' } } } },
    });
    const stack = new Stack({ executor });
    stack.airflow.tasks.serviceAccount('etl', { 'example.com/role': 'etl' }).allow({ pods: true, secrets: ['a'] });
    expect(stack.get('ServiceAccount', 'etl')).toMatchObject({
      automountServiceAccountToken: false,
      metadata: { annotations: { 'example.com/role': 'etl' } },
    });
    expect(stack.all('Role').filter(({ metadata }) => metadata.name.includes('tasks'))).toHaveLength(1);
    const template = (file: string): PodTemplate => taskPod(stack, 'airflow-pod-launcher', file);
    expect(mounts(template('pod_template_file.etl.yaml'))).toContain('kube-api-token');
    expect(mounts(template('pod_template_file.other.yaml'))).not.toContain('kube-api-token');
    expect(mounts(template('pod_template_file.yaml'))).not.toContain('kube-api-token');
  });

  test('keeps its service account when that is asked for again', () => {
    const stack = new Stack({ executor: Executor.kubernetes({ taskPod: { serviceAccountName: 'etl' } }) });
    stack.airflow.tasks.serviceAccount('etl').allow({ pods: true });
    stack.airflow.tasks.serviceAccount('etl').allow({ secrets: ['a'] });
    stack.airflow.tasks.allow({ secrets: ['b'] });
    expect(stack.all('ServiceAccount').filter(({ metadata }) => metadata.name === 'etl')).toHaveLength(1);
    expect(stack.get('Role', 'airflow-tasks-etl-role').rules).toHaveLength(5);
    stack.airflow.tasks.serviceAccount('airflow-airflow-worker');
    expect(stack.problems().join()).toContain("'tasks.allow' is for this one");
  });

  test('is allowed in its own namespace what is allowed without one', () => {
    const stack = new Stack({ executor: Executor.kubernetes({ namespaces: ['team-a', 'team-b'] }) });
    stack.airflow.tasks.allow({ pods: true });
    const bindings = added(stack).filter(({ kind }) => kind === 'RoleBinding');
    expect(bindings.map(({ metadata, subjects }) => [metadata.namespace, subjects[0]?.namespace])).toEqual([
      ['team-a', 'team-a'],
      ['team-b', 'team-b'],
    ]);
  });

  test('is allowed it in another namespace from all of its namespaces', () => {
    const stack = new Stack({ executor: Executor.kubernetes({ namespaces: ['team-a', 'team-b'] }) });
    stack.airflow.tasks.allow({ namespace: 'jobs', pods: true });
    const [binding] = added(stack).filter(({ kind }) => kind === 'RoleBinding');
    expect(binding?.metadata.namespace).toBe('jobs');
    expect(binding?.subjects.map(({ namespace }) => namespace)).toEqual(['team-a', 'team-b']);
    expect(policy(stack, 'airflow.airflow.airflow-airflow-worker.jobs').matchConditions[0]?.expression).toBe(
      'request.userInfo.username in ["system:serviceaccount:team-a:airflow-airflow-worker",' +
        '"system:serviceaccount:team-b:airflow-airflow-worker"]',
    );
  });

  test('runs Spark under a service account whose pods are held to the same Secrets', () => {
    const stack = new Stack();
    stack.airflow.tasks.allow({ namespace: 'jobs', spark: 'spark', secrets: ['warehouse'] });
    const [role] = added(stack).filter(({ metadata }) => metadata.name === 'airflow-airflow-spark-spark-role');
    expect(role?.rules[0]?.resources).toEqual(['pods', 'configmaps', 'services', 'persistentvolumeclaims']);
    expect(added(stack).map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toContain('ServiceAccount spark');
    const spec = policy(stack, 'airflow.airflow.airflow-airflow-worker.jobs');
    expect(spec.matchConditions[0]?.expression).toContain('system:serviceaccount:jobs:spark');
    expect(variable(spec, 'allowedServiceAccounts')).toEqual(['default', 'spark']);
    stack.airflow.tasks.serviceAccount('etl').allow({ namespace: 'jobs', spark: 'spark' });
    expect(stack.problems().join()).toContain('\'spark\' ("spark") must differ from that of');
  });

  test('leaves the triggerer without rights unless it may defer, and then it may make nothing', () => {
    const stack = new Stack();
    stack.airflow.tasks.allow({ namespace: 'jobs', pods: true });
    expect(mountNames(container(stack.pod('StatefulSet', 'airflow-triggerer'), 'triggerer'))).not.toContain(
      'kube-api-token',
    );
    stack.airflow.tasks.allow({ namespace: 'jobs', pods: true, deferrable: true });
    expect(mountNames(container(stack.pod('StatefulSet', 'airflow-triggerer'), 'triggerer'))).toContain(
      'kube-api-token',
    );
    const role = stack.all('Role').find(({ metadata }) => metadata.name === 'airflow-airflow-triggerer-role');
    expect(role?.metadata.namespace).toBe('jobs');
    expect(role?.rules.flatMap(({ verbs }) => verbs)).not.toContain('create');
  });

  test('gets its token with Airflow 2 and with the stock executor too', () => {
    const old = new Stack({ airflowVersion: '2.11.2' });
    old.airflow.tasks.allow({ pods: true });
    expect(mounts(taskPod(old))).toContain('kube-api-token');
    const stock = new Stack({ executor: Executor.stockKubernetes() });
    stock.airflow.tasks.allow({ pods: true });
    expect(mounts(taskPod(stock, 'airflow-pod-template'))).toContain('kube-api-token');
  });
});

describe('the admission policy', () => {
  test('is of the cluster, named after stack, service account and namespace, and of that namespace only', () => {
    const stack = new Stack();
    stack.airflow.tasks.allow({ namespace: 'jobs', pods: true });
    const cluster = stack.manifests().filter(({ kind }) => kind.startsWith(POLICY));
    expect(cluster.map(({ metadata }) => [metadata.name, metadata.namespace])).toEqual([
      ['airflow.airflow.airflow-airflow-worker.jobs', undefined],
      ['airflow.airflow.airflow-airflow-worker.jobs', undefined],
    ]);
    const { matchConstraints } = policy(stack, 'airflow.airflow.airflow-airflow-worker.jobs');
    expect(matchConstraints.namespaceSelector.matchLabels).toEqual({ 'kubernetes.io/metadata.name': 'jobs' });
  });

  test('protects the stack where the stack is', () => {
    const stack = new Stack({ dags: Dags.volume(), logs: Logs.volume({ existingClaim: 'our-logs' }) });
    stack.airflow.tasks.allow({ pods: true });
    stack.airflow.tasks.allow({ namespace: 'jobs', pods: true });
    const text = (namespace: string): string =>
      JSON.stringify(policy(stack, `airflow.airflow.airflow-airflow-worker.${namespace}`));
    for (const claim of ['airflow-dags', 'our-logs', 'data-airflow-postgresql-0']) {
      expect(text('airflow')).toContain(claim);
      expect(text('jobs')).not.toContain(claim);
    }
  });

  test('is the only thing of the whole cluster, but for the right to read storage classes', () => {
    const stack = new Stack();
    stack.airflow.tasks.allow({ namespace: 'jobs', volumeClaims: true });
    const cluster = stack.manifests().filter(({ metadata }) => metadata.namespace === undefined);
    expect(cluster.map(({ kind }) => kind).sort()).toEqual([
      ...['ClusterRole', 'ClusterRoleBinding', POLICY, `${POLICY}Binding`],
    ]);
    expect(stack.all('ClusterRole')[0]?.rules).toEqual([
      { apiGroups: ['storage.k8s.io'], resources: ['storageclasses'], verbs: ['get'] },
    ]);
    const without = new Stack();
    without.airflow.tasks.allow({ namespace: 'jobs', volumeClaims: true, admissionPolicy: false });
    expect(without.manifests().filter(({ metadata }) => metadata.namespace === undefined)).toEqual([]);
  });

  test('can be left out where the namespace has no Secret that tasks may not know', () => {
    const stack = new Stack();
    stack.airflow.tasks.allow({ namespace: 'jobs', pods: true, admissionPolicy: false });
    expect(stack.all(POLICY)).toEqual([]);
    expect(stack.problems()).toEqual([]);
  });
});

describe('what cannot be allowed is refused at synth:', () => {
  const refusals = (permissions: TaskPermissions, props: AirflowProps = {}): string[] => {
    const stack = new Stack(props);
    stack.airflow.tasks.allow(permissions);
    return stack.problems();
  };

  test('nothing', () => {
    expect(refusals({}).join()).toContain("'allow' ({}) must allow something");
  });

  test('pods beside the Secrets of the stack without a policy', () => {
    const found = refusals({ pods: true, admissionPolicy: false });
    expect(found.join()).toContain("'admissionPolicy' (false) must be true in a namespace of the stack");
  });

  test('everything, or all Secrets', () => {
    const rules = [
      { apiGroups: ['*'], resources: ['deployments'], verbs: ['get'] },
      { apiGroups: [''], resources: ['secrets'], verbs: ['list'] },
    ];
    const found = refusals({ rules });
    expect(found).toHaveLength(2);
    expect(found[0]).toContain("'*' allows more than is known today");
    expect(found[1]).toContain("name them in 'secrets'");
  });

  test('names that are none', () => {
    const found = refusals({ pods: true, namespace: 'Jobs', secrets: ['A_B'], serviceAccounts: ['x y'] });
    expect(found).toHaveLength(3);
  });

  test('anything for tasks that have no pods', () => {
    const found = refusals({ pods: true }, { executor: Executor.local() });
    expect(found.join()).toContain('must run tasks in pods of their own (Executor.kubernetes)');
  });
});

test('the rights and the policy of tasks match their snapshot', () => {
  const stack = new Stack();
  stack.airflow.tasks.allow({ namespace: 'jobs', pods: true, jobs: true, volumeClaims: true, secrets: ['warehouse'] });
  expect(added(stack)).toMatchSnapshot();
});
