import {
  KubeConfig,
  RbacAuthorizationV1Api,
  V1ConfigMap,
  V1Role,
  V1RoleBinding,
  V1ServiceAccount,
} from '@kubernetes/client-node';
import { readFileSync } from 'node:fs';
import { EXIT_CODES } from '../../constructs/contract.js';
import type { RunEvent } from '../../src/runtime/run/events.js';
import { RUN_PROTOCOL } from '../../src/runtime/run/request-parts.js';
import type { SparkPartInput } from '../../src/runtime/spark/part.js';
import { TestNamespace } from './support/cluster.js';
import { launcherBundle } from './support/launcher-process.js';
import { RunProcess } from './support/run-process.js';
import { until } from './support/until.js';

jest.setTimeout(300_000);

const [, VERSION = ''] = /^pyspark==(\S+)/m.exec(readFileSync('scripts/images/spark/requirements.txt', 'utf8')) ?? [];
const IMAGE = `docker.io/apache/spark:${VERSION}`;
const DRIVER = 'spark-kubernetes-driver';
const RIGHTS = { apiGroups: [''], resources: ['pods', 'services', 'configmaps', 'persistentvolumeclaims'] };
/** What a driver does to the pods of its executors, and to what belongs to them. */
const DRIVER_RULES = [{ ...RIGHTS, verbs: ['create', 'get', 'list', 'watch', 'delete', 'deletecollection', 'patch'] }];
/** What a worker does that has spark-submit create drivers, and follows them. */
const WORKER_RULES = [
  {
    ...RIGHTS,
    resources: ['pods', 'services', 'configmaps'],
    verbs: ['create', 'get', 'list', 'watch', 'delete', 'patch'],
  },
  { apiGroups: ['networking.k8s.io'], resources: ['networkpolicies'], verbs: ['create', 'get', 'patch'] },
  { apiGroups: [''], resources: ['pods/log'], verbs: ['get'] },
  { apiGroups: [''], resources: ['events'], verbs: ['list'] },
];
/** Sums squares on an executor; with `wait` it then waits for its end, with a number it ends with that. */
const PROGRAM = `
import sys, time
if sys.argv[1].isdigit():
    sys.exit(int(sys.argv[1]))
from pyspark import SparkContext
context = SparkContext()
print("sum", context.parallelize(range(100), 2).map(lambda x: x * x).sum(), flush=True)
while sys.argv[1] == "wait":
    time.sleep(1)
context.stop()
`;

/** A real driver and real executors: the Spark of PyPI's pyspark, on the real node. */
describe('run-spark', () => {
  let namespace: TestNamespace;
  const running: RunProcess[] = [];
  let runs = 0;

  beforeAll(async () => {
    namespace = await TestNamespace.create('spark');
    await account('spark', DRIVER_RULES);
    await account('worker', WORKER_RULES);
    const body = Object.assign(new V1ConfigMap(), { metadata: { name: 'program' }, data: { 'program.py': PROGRAM } });
    await namespace.core.createNamespacedConfigMap({ namespace: namespace.name, body });
    launcherBundle();
  });

  afterEach(() => {
    for (const run of running.splice(0)) {
      run.signal('SIGKILL');
    }
  });

  afterAll(() => namespace.delete());

  const account = async (name: string, rules: readonly object[]): Promise<void> => {
    const config = new KubeConfig();
    config.loadFromFile(namespace.kubeconfig);
    const rbac = config.makeApiClient(RbacAuthorizationV1Api);
    const metadata = { name };
    const where = { namespace: namespace.name };
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name };
    const subjects = [{ kind: 'ServiceAccount', name, ...where }];
    const body = Object.assign(new V1ServiceAccount(), { metadata });
    await namespace.core.createNamespacedServiceAccount({ ...where, body });
    await rbac.createNamespacedRole({ ...where, body: Object.assign(new V1Role(), { metadata, rules }) });
    const binding = Object.assign(new V1RoleBinding(), { metadata, roleRef, subjects });
    await rbac.createNamespacedRoleBinding({ ...where, body: binding });
  };

  const request = (arg: string, spark: Partial<SparkPartInput> = {}) => {
    const runId = `run-${(runs += 1)}`;
    const container = { name: DRIVER, volumeMounts: [{ name: 'program', mountPath: '/program' }] };
    const volumes = [{ name: 'program', configMap: { name: 'program' } }];
    const spec = { terminationGracePeriodSeconds: 1, containers: [container], volumes };
    return {
      protocol: RUN_PROTOCOL,
      namespace: namespace.name,
      task: { dagId: 'dag', taskId: 'task', runId, tryNumber: 1 },
      layers: [{ source: 'test', manifest: { spec } }],
      spark: {
        application: 'local:///program/program.py',
        args: [arg],
        image: IMAGE,
        serviceAccount: 'spark',
        driverMemory: '512m',
        executors: 1,
        executorCores: 1,
        executorMemory: '512m',
        conf: {
          'spark.kubernetes.driver.request.cores': '0.2',
          'spark.kubernetes.executor.request.cores': '0.2',
          'spark.kubernetes.executor.deleteOnTermination': 'false',
          'spark.ui.enabled': 'false',
        },
        ...spark,
      },
    };
  };
  const start = (of: object): RunProcess => {
    const run = new RunProcess(of, namespace.kubeconfig, 'run-spark');
    running.push(run);
    return run;
  };
  const driversOf = ({ task }: ReturnType<typeof request>) =>
    [...namespace.seen.values()].filter(({ metadata }) => metadata?.labels?.run_id === task.runId);
  const executorsOf = (driver: string) =>
    [...namespace.seen.values()].filter(
      ({ metadata }) =>
        metadata?.labels?.['spark-role'] === 'executor' &&
        metadata.ownerReferences?.some(({ name }) => name === driver),
    );
  const untilNothingIsLeft = (): Promise<void> =>
    until(
      'the driver and its executors are gone',
      async () => {
        const { items } = await namespace.core.listNamespacedConfigMap({ namespace: namespace.name });
        const made = items.filter(({ metadata }) => metadata?.name?.startsWith('spark-'));
        return made.length === 0 && (await namespace.pods()).length === 0;
      },
      { timeoutMs: 60_000, state: () => namespace.state() },
    );

  test('runs an application on an executor, from a driver that it made, and leaves nothing behind', async () => {
    const of = request('once', { executorTemplate: { metadata: { labels: { team: 'data' } } } });
    const run = start(of);
    expect(await run.ended()).toBe(EXIT_CODES.OK);
    expect(run.lines(DRIVER)).toContain('sum 328350');
    expect(run.one('ended')).toMatchObject({ outcome: 'succeeded', exitCode: 0, pod: 'deleted' });
    const { name } = run.one('created');
    expect(driversOf(of).map(({ metadata }) => metadata?.name)).toEqual([name]);
    const executors = executorsOf(name);
    expect(executors.map(({ metadata }) => metadata?.labels?.team)).toEqual(['data']);
    await untilNothingIsLeft();
  });

  test('tells the exit code of the application', async () => {
    const run = start(request('3'));
    expect(await run.ended()).toBe(EXIT_CODES.POD_FAILED);
    expect(run.one('ended')).toMatchObject({ outcome: 'failed', exitCode: 3, reason: 'Error', pod: 'deleted' });
  });

  test('goes on with the one driver when its worker has died, and takes driver and executors along when killed', async () => {
    const of = request('wait');
    const first = start(of);
    await first.until('the executor works', (event) => event.type === 'log' && event.line.startsWith('sum'));
    first.signal('SIGKILL');
    const second = start({ ...of, task: { ...of.task, tryNumber: 2 } });
    await second.until('the log is read again', (event) => event.type === 'log' && event.line.startsWith('sum'));
    const { name } = second.one('reattached');
    expect(driversOf(of).map(({ metadata }) => metadata?.name)).toEqual([name]);
    expect(executorsOf(name)).toHaveLength(1);
    second.signal('SIGTERM');
    expect(await second.ended()).toBe(EXIT_CODES.KILLED);
    expect(second.one('ended')).toMatchObject({ outcome: 'killed', pod: 'deleted' });
    await untilNothingIsLeft();
  });

  /** The worker is a pod that has Spark and Java, and a role with what it needs. */
  test('has the spark-submit of the worker make the driver, and follows that one', async () => {
    const of = { ...request('once', { deployMode: 'cluster' }), cluster: { inCluster: true } };
    const [node, bundle] = [process.execPath, launcherBundle()];
    const file = (name: string, path: string) => ({ name, hostPath: { path, type: 'File' } });
    const worker = {
      spec: {
        serviceAccountName: 'worker',
        volumes: [file('node', node), file('bundle', bundle)],
        containers: [
          {
            name: 'base',
            image: IMAGE,
            command: ['sh', '-c', 'echo "$REQUEST" | /runtime/node /runtime/bundle.cjs run-spark --json'],
            env: [{ name: 'REQUEST', value: JSON.stringify(of) }],
            volumeMounts: [
              { name: 'node', mountPath: '/runtime/node', readOnly: true },
              { name: 'bundle', mountPath: '/runtime/bundle.cjs', readOnly: true },
            ],
          },
        ],
      },
    };
    const layers = [{ source: 'worker', manifest: worker }];
    const run = new RunProcess({ protocol: RUN_PROTOCOL, namespace: namespace.name, layers }, namespace.kubeconfig);
    running.push(run);
    await run.ended();
    const events = run.lines().flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as RunEvent] : []));
    const told = (type: RunEvent['type']) => events.filter((event) => event.type === type);
    const state = JSON.stringify({ state: run.state(), lines: run.lines().slice(-40) }, null, 1);
    if (told('ended').length !== 1) {
      throw new Error(`the run was not told to its end: ${state}`);
    }
    expect(told('ended')).toMatchObject([{ outcome: 'succeeded', exitCode: 0, pod: 'deleted' }]);
    const lines = told('log') as (RunEvent & { type: 'log' })[];
    expect(lines.filter(({ container }) => container === 'spark-submit').length).toBeGreaterThan(0);
    expect(lines.find(({ line }) => line === 'sum 328350')?.container).toBe(DRIVER);
    const [driver, ...others] = driversOf(of);
    expect(others).toEqual([]);
    expect(driver?.metadata?.labels).toMatchObject({ 'spark-role': 'driver', dag_id: 'dag' });
    // Spark's own: what only spark-submit writes on a driver.
    expect(driver?.metadata?.labels?.['spark-app-selector']).toMatch(/^spark-/);
    expect(executorsOf(driver?.metadata?.name ?? '')).toHaveLength(1);
    await untilNothingIsLeft();
  });
});
