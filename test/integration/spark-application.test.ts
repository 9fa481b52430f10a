import {
  ApiextensionsV1Api,
  CustomObjectsApi,
  KubeConfig,
  V1CustomResourceDefinition,
  V1Pod,
} from '@kubernetes/client-node';
import { EXIT_CODES } from '../../constructs/contract.js';
import { RUN_PROTOCOL } from '../../src/runtime/run/request-parts.js';
import type { SparkApplication } from '../../src/runtime/spark/application.js';
import type { ApplicationEvent } from '../../src/runtime/spark/application-events.js';
import { TestNamespace } from './support/cluster.js';
import { launcherBundle } from './support/launcher-process.js';
import { RunProcess } from './support/run-process.js';
import { until } from './support/until.js';

jest.setTimeout(180_000);

const GROUP = 'sparkoperator.k8s.io';
const VERSION = 'v1beta2';
const PLURAL = 'sparkapplications';
const DRIVER = 'spark-kubernetes-driver';

const text = { type: 'string' };
const number = { type: 'integer' };
const object = (properties: object) => ({ type: 'object', properties });
const pods = object({ cores: number, instances: number, labels: { type: 'object', additionalProperties: text } });
const spec = object({
  ...{ type: text, mode: text, image: text, mainApplicationFile: text, sparkVersion: text },
  ...{ driver: pods, executor: pods, restartPolicy: object({ type: text, onSubmissionFailureRetries: number }) },
});
const status = object({
  applicationState: object({ state: text, errorMessage: text }),
  ...{ driverInfo: object({ podName: text }), submissionID: text, executionAttempts: number },
});

/** Of the shape of Spark's operator, as far as it is used here. */
const DEFINITION = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  // The API server asks for a word on groups of this name.
  metadata: { name: `${PLURAL}.${GROUP}`, annotations: { 'api-approved.kubernetes.io': 'unapproved, of a test' } },
  spec: {
    group: GROUP,
    scope: 'Namespaced',
    names: { kind: 'SparkApplication', listKind: 'SparkApplicationList', plural: PLURAL, singular: 'sparkapplication' },
    versions: [
      {
        name: VERSION,
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: { openAPIV3Schema: { ...object({ spec, status }), required: ['spec'] } },
      },
    ],
  },
};

/** The manifest as people write it. */
const MANIFEST = `
apiVersion: ${GROUP}/${VERSION}
kind: SparkApplication
metadata: {name: sum}
spec:
  type: Python
  mode: cluster
  image: example/spark:1
  mainApplicationFile: local:///app.py
  sparkVersion: 4.3.0
  driver: {cores: 1}
  executor: {instances: 1}
`;

/**
 * The operator's controller is in none of the registries that these tests may use, so the test plays its part: it sets
 * the status, and makes pods that stand for drivers. The API server, its watches, logs and garbage collection are real.
 */
describe('run-spark-application', () => {
  let namespace: TestNamespace;
  let objects: CustomObjectsApi;
  let definitions: ApiextensionsV1Api;
  let isOurs = false;
  const running: RunProcess<ApplicationEvent>[] = [];
  let runs = 0;

  beforeAll(async () => {
    namespace = await TestNamespace.create('spark-application');
    const config = new KubeConfig();
    config.loadFromFile(namespace.kubeconfig);
    objects = config.makeApiClient(CustomObjectsApi);
    definitions = config.makeApiClient(ApiextensionsV1Api);
    launcherBundle();
  });

  afterEach(() => {
    for (const run of running.splice(0)) {
      run.signal('SIGKILL');
    }
  });

  afterAll(async () => {
    await namespace.delete();
    if (isOurs) {
      await definitions.deleteCustomResourceDefinition({ name: DEFINITION.metadata.name });
    }
  });

  const request = (changes: object = {}, yaml = MANIFEST) => ({
    protocol: RUN_PROTOCOL,
    namespace: namespace.name,
    task: { dagId: 'dag', taskId: 'task', runId: `run-${(runs += 1)}`, tryNumber: 1 },
    layers: [{ source: 'application.yaml', yaml }],
    ...changes,
  });
  const start = (of: object): RunProcess<ApplicationEvent> => {
    const run = new RunProcess<ApplicationEvent>(of, namespace.kubeconfig, 'run-spark-application');
    running.push(run);
    return run;
  };
  const created = async (run: RunProcess<ApplicationEvent>): Promise<string> => {
    await run.until('it is created or refused', ({ type }) => type === 'created' || type === 'error');
    return run.one('created').name;
  };
  const where = () => ({ group: GROUP, version: VERSION, namespace: namespace.name, plural: PLURAL });
  const list = async (): Promise<SparkApplication[]> =>
    ((await objects.listNamespacedCustomObject(where())) as { items: SparkApplication[] }).items;
  const find = async (name: string): Promise<SparkApplication> => {
    const found = (await list()).find(({ metadata }) => metadata?.name === name);
    if (found === undefined) {
      throw new Error(`there is no ${name}`);
    }
    return found;
  };

  /** As the controller does it. */
  const setState = async (name: string, state: string, more: object = {}): Promise<void> => {
    const { metadata } = await find(name);
    const status = { applicationState: { state }, ...more };
    const body = { apiVersion: `${GROUP}/${VERSION}`, kind: 'SparkApplication', metadata, status };
    await objects.replaceNamespacedCustomObjectStatus({ ...where(), name, body });
  };
  /** A driver of the application, and the status that names it. */
  const runDriver = async (name: string, script: string, submissionID = '1'): Promise<object> => {
    const pod = `${name}-driver-${submissionID}`;
    const { metadata } = await find(name);
    const owner = { apiVersion: `${GROUP}/${VERSION}`, kind: 'SparkApplication', name, uid: metadata?.uid ?? '' };
    const body = Object.assign(new V1Pod(), {
      metadata: { name: pod, ownerReferences: [owner] },
      spec: {
        restartPolicy: 'Never',
        terminationGracePeriodSeconds: 1,
        containers: [{ name: DRIVER, image: 'busybox:1', command: ['sh', '-c', script] }],
      },
    });
    await namespace.core.createNamespacedPod({ namespace: namespace.name, body });
    const driver = { driverInfo: { podName: pod }, submissionID };
    await setState(name, 'SUBMITTED', driver);
    await until(`${pod} runs`, async () => {
      const found = (await namespace.pods()).find((one) => one.metadata?.name === pod);
      return found?.status?.phase !== undefined && found.status.phase !== 'Pending';
    });
    await setState(name, 'RUNNING', driver);
    return driver;
  };
  const driverEnds = (driver: object): Promise<void> =>
    until('the driver ends', async () => {
      const { podName } = (driver as { driverInfo: { podName: string } }).driverInfo;
      const found = (await namespace.pods()).find(({ metadata }) => metadata?.name === podName);
      return ['Succeeded', 'Failed'].includes(found?.status?.phase ?? '');
    });
  const untilNothingIsLeft = (): Promise<void> =>
    until('nothing is left', async () => (await list()).length === 0 && (await namespace.pods()).length === 0, {
      timeoutMs: 60_000,
      state: () => namespace.state(),
    });

  test('says that the cluster does not know the kind, and defines it for the tests after it', async () => {
    const known = await definitions.listCustomResourceDefinition();
    isOurs = known.items.every(({ metadata }) => metadata?.name !== DEFINITION.metadata.name);
    if (isOurs) {
      const run = start(request());
      expect(await run.ended()).toBe(EXIT_CODES.CONFIG);
      expect(run.one('error').message).toContain('install the Spark operator');
      const body = Object.assign(new V1CustomResourceDefinition(), DEFINITION);
      await definitions.createCustomResourceDefinition({ body });
    }
    await until('it is served', () =>
      list().then(
        () => true,
        () => false,
      ),
    );
  });

  test('follows an application over a restart to its end, with the log of each driver, and deletes it', async () => {
    const run = start(request({}, MANIFEST.replace('driver:', 'restartPolicy: {type: OnFailure}\n  driver:')));
    const name = await created(run);
    const { metadata, spec } = (await find(name)) as SparkApplication & { spec: Record<string, object> };
    expect(name).toMatch(/^sum-[a-z2-7]{16}$/);
    expect(metadata?.labels).toMatchObject({ dag_id: 'dag', spark_kubernetes_operator: 'True' });
    expect(spec.driver).toMatchObject({ cores: 1, labels: { dag_id: 'dag', task_id: 'task' } });

    const first = await runDriver(name, 'echo one; exit 1');
    await driverEnds(first);
    await setState(name, 'FAILING', first);
    await run.until('the first log', (event) => event.type === 'log' && event.line === 'one');
    await setState(name, 'PENDING_RERUN', first);
    const second = await runDriver(name, 'echo two; sleep 1; echo three', '2');
    await driverEnds(second);
    await setState(name, 'COMPLETED', second);

    expect(await run.ended()).toBe(EXIT_CODES.OK);
    expect(run.lines(DRIVER)).toEqual(['one', 'two', 'three']);
    expect(run.one('ended')).toMatchObject({ outcome: 'succeeded', exitCode: 0, application: 'deleted' });
    expect(run.of('state').map(({ reason }) => reason)).toEqual([
      ...[null, 'SUBMITTED', 'RUNNING', 'FAILING', 'PENDING_RERUN', 'SUBMITTED', 'RUNNING', 'COMPLETED'],
    ]);
    await untilNothingIsLeft();
  });

  test("fails with what the driver's pod says, and keeps the application if it is asked to", async () => {
    const of = request({ onFinish: 'keep_pod' });
    const run = start(of);
    const name = await created(run);
    const driver = await runDriver(name, 'echo broken; exit 7');
    await driverEnds(driver);
    await setState(name, 'FAILED', {
      ...driver,
      applicationState: { state: 'FAILED', errorMessage: 'driver container failed with ExitCode: 7' },
    });
    expect(await run.ended()).toBe(EXIT_CODES.POD_FAILED);
    const ended = run.one('ended');
    expect(ended).toMatchObject({ outcome: 'failed', exitCode: 7, reason: 'Error', application: 'kept' });
    expect(ended.message).toContain('driver container failed with ExitCode: 7');
    expect(ended.podEvents.join()).toContain('Started');
    expect(run.lines(DRIVER)).toEqual(['broken']);

    // It is not gone on with: the next try makes another one.
    const again = start({ ...of, task: { ...of.task, tryNumber: 2 } });
    expect(await created(again)).not.toBe(name);
    await setState(await created(again), 'SUBMISSION_FAILED', {
      applicationState: { state: 'SUBMISSION_FAILED', errorMessage: 'no such image' },
    });
    expect(await again.ended()).toBe(EXIT_CODES.POD_FAILED);
    expect(again.one('ended')).toMatchObject({ reason: 'SUBMISSION_FAILED', message: 'no such image' });
    await objects.deleteCollectionNamespacedCustomObject(where());
    await untilNothingIsLeft();
  });

  test('goes on with the one application when its worker has died, and takes it along when killed', async () => {
    const of = request();
    const first = start(of);
    const name = await created(first);
    await runDriver(name, 'echo up; sleep 600');
    await first.until('the log', (event) => event.type === 'log' && event.line === 'up');
    first.signal('SIGKILL');
    const second = start({ ...of, task: { ...of.task, tryNumber: 2 } });
    await second.until('the log again', (event) => event.type === 'log' && event.line === 'up');
    expect(second.one('reattached').name).toBe(name);
    expect(await list()).toHaveLength(1);
    second.signal('SIGTERM');
    expect(await second.ended()).toBe(EXIT_CODES.KILLED);
    expect(second.one('ended')).toMatchObject({ outcome: 'killed', application: 'deleted' });
    await untilNothingIsLeft();
  });

  test('gives up an application that nobody takes, and says so', async () => {
    const run = start(request({ startupTimeoutSeconds: 0.2 }));
    expect(await run.ended()).toBe(EXIT_CODES.POD_FAILED);
    const ended = run.one('ended');
    expect(ended).toMatchObject({ reason: 'StartupTimeout', application: 'deleted' });
    expect(ended.message).toContain('is the Spark operator there');
    await untilNothingIsLeft();
  });

  test.each([
    ['another kind', 'kind: Pod\nspec: {}', `application.yaml, line 1: 'kind' ("Pod") must be SparkApplication`],
    ['no spec', 'kind: SparkApplication', `'spec' is missing`],
    ['an unknown field', 'kind: SparkApplication\nspec:\n  imagee: a', `application.yaml, line 3: `],
    ['an endless application', 'spec:\n  restartPolicy: {type: Always}', `line 2: 'spec.restartPolicy.type' (Always)`],
  ])('refuses %s with file and line, before anything is created', async (_, yaml, message) => {
    const run = start(request({}, yaml));
    expect(await run.ended()).toBe(EXIT_CODES.CONFIG);
    expect(run.one('error').message).toContain(message);
    expect(await list()).toEqual([]);
  });
});
