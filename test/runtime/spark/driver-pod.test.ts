import { buildRunManifest } from '../../../src/runtime/run/manifest.js';
import type { SparkPartInput } from '../../../src/runtime/spark/part.js';
import { parseSparkRequest } from '../../../src/runtime/spark/request.js';

const APPLICATION = { application: 'local:///app.py', image: 'spark:4' };

interface Driver {
  readonly metadata: { readonly labels: Record<string, string>; readonly annotations: Record<string, string> };
  readonly spec: Record<string, unknown> & { readonly containers: (Record<string, unknown> & { args: string[] })[] };
}

const parse = (spark: Partial<SparkPartInput> = {}, more: object = {}) =>
  parseSparkRequest({ protocol: 1, spark: { ...APPLICATION, ...spark }, ...more });
const driver = (spark?: Partial<SparkPartInput>, more?: object): Driver =>
  buildRunManifest(parse(spark, more).run).pod as unknown as Driver;
const containerOf = (made: Driver) => {
  const [container] = made.spec.containers;
  if (container === undefined) {
    throw new Error('the pod has no container');
  }
  return container;
};
/** What spark-submit gets as properties. */
const propertiesOf = (made: Driver): Record<string, string> => {
  const { args } = containerOf(made);
  const given = args.flatMap((arg, at) => (args[at - 1] === '--conf' ? [arg] : []));
  return Object.fromEntries(given.map((text) => [text.slice(0, text.indexOf('=')), text.slice(text.indexOf('=') + 1)]));
};

describe("the driver's pod", () => {
  test('runs spark-submit as a client that knows its own pod', () => {
    const made = driver({ args: ['--days', '3'], javaClass: 'org.example.Main', name: 'Sum of days' });
    const container = containerOf(made);
    expect(container).toMatchObject({ name: 'spark-kubernetes-driver', image: 'spark:4' });
    expect(container.args.slice(0, 7)).toEqual([
      ...['driver', '--master', 'k8s://https://kubernetes.default.svc'],
      ...['--name', 'Sum of days', '--class', 'org.example.Main'],
    ]);
    expect(container.args.slice(-3)).toEqual(['local:///app.py', '--days', '3']);
    expect(propertiesOf(made)).toMatchObject({
      'spark.driver.host': '$(SPARK_DRIVER_BIND_ADDRESS)',
      'spark.driver.port': '7078',
      'spark.kubernetes.driver.pod.name': '$(SPARK_DRIVER_POD_NAME)',
      'spark.kubernetes.namespace': '$(SPARK_DRIVER_NAMESPACE)',
      'spark.kubernetes.container.image': 'spark:4',
    });
    expect(container.securityContext).toEqual({ allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } });
    expect(made.metadata.labels).toMatchObject({ 'spark-role': 'driver' });
  });

  test.each([
    ['1 GiB of heap, and for Python 40 % beside it', {}, '1433Mi'],
    ['the least that Spark leaves beside the heap', { driverMemory: '512m' }, '896Mi'],
    ['a tenth for an application of the JVM', { application: 'local:///app.jar', driverMemory: '8g' }, '9011Mi'],
    [
      'what the properties say',
      { conf: { 'spark.driver.memory': '2g', 'spark.driver.memoryOverhead': '100' } },
      '2148Mi',
    ],
    ['a factor', { conf: { 'spark.driver.memory': '2g', 'spark.driver.memoryOverheadFactor': '0.5' } }, '3072Mi'],
  ])('has the memory that Spark would give it: %s', (_, spark, memory) => {
    expect(containerOf(driver(spark)).resources).toMatchObject({ requests: { memory }, limits: { memory } });
  });

  test('takes from the properties what spark-submit would take from them for a pod of its own', () => {
    const made = driver({
      image: null,
      conf: {
        'spark.kubernetes.container.image': 'executor:1',
        'spark.kubernetes.driver.container.image': 'driver:1',
        'spark.kubernetes.container.image.pullPolicy': 'Always',
        'spark.kubernetes.container.image.pullSecrets': 'one, two',
        'spark.kubernetes.authenticate.driver.serviceAccountName': 'robot',
        'spark.kubernetes.driver.request.cores': '0.2',
        'spark.kubernetes.driver.limit.cores': '1',
        'spark.kubernetes.driver.label.team': 'data',
        'spark.kubernetes.driver.annotation.note': 'hand',
        'spark.kubernetes.driver.node.selector.disk': 'ssd',
        'spark.kubernetes.driverEnv.A': '1',
        'spark.kubernetes.driver.secretKeyRef.PASSWORD': 'database:password',
        'spark.kubernetes.driver.secrets.keys': '/keys',
      },
    });
    expect(made.metadata.labels.team).toBe('data');
    expect(made.metadata.annotations.note).toBe('hand');
    expect(made.spec).toMatchObject({
      serviceAccountName: 'robot',
      nodeSelector: { disk: 'ssd' },
      imagePullSecrets: [{ name: 'one' }, { name: 'two' }],
      volumes: [{ name: 'keys-volume', secret: { secretName: 'keys' } }],
    });
    const container = containerOf(made);
    expect(container).toMatchObject({ image: 'driver:1', imagePullPolicy: 'Always' });
    expect(container.resources).toMatchObject({ requests: { cpu: '0.2' }, limits: { cpu: '1' } });
    expect(container.volumeMounts).toEqual([{ name: 'keys-volume', mountPath: '/keys' }]);
    expect(container.env).toEqual(
      expect.arrayContaining([
        { name: 'A', value: '1' },
        { name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'database', key: 'password' } } },
      ]),
    );
    expect(propertiesOf(made)['spark.kubernetes.container.image']).toBe('executor:1');
  });

  test('carries the template of its executors', () => {
    const made = driver({ executorTemplate: { metadata: { labels: { team: 'data' } } } });
    expect(Object.values(made.metadata.annotations).map((text) => JSON.parse(text) as unknown)).toEqual([
      { apiVersion: 'v1', kind: 'Pod', metadata: { labels: { team: 'data' } }, spec: {} },
    ]);
    expect(propertiesOf(made)['spark.kubernetes.executor.podTemplateFile']).toBe(
      '/etc/pod-launcher/spark/executor.json',
    );
  });

  test('is changed by the layers of the request', () => {
    const layer = { spec: { containers: [{ name: 'spark-kubernetes-driver', resources: { limits: { cpu: '2' } } }] } };
    const made = driver({}, { layers: [{ source: 'test', manifest: layer }] });
    expect(containerOf(made)).toMatchObject({ image: 'spark:4', resources: { limits: { cpu: '2' } } });
  });

  test("has nothing of Spark's own in cluster mode: spark-submit adds it", () => {
    const container = containerOf(driver({ deployMode: 'cluster' }));
    expect(Object.keys(container).sort()).toEqual(['image', 'name', 'securityContext']);
  });
});

describe('a request for Spark', () => {
  test.each([
    ['no image', { image: null }, `'spark.image' is missing`],
    ['an unknown field', { driver_memory: '1g' }, 'driver_memory'],
    ['a property of something else', { conf: { master: 'yarn' } }, `'spark.conf.master' must begin with 'spark.'`],
    [
      'a property that the run decides',
      { conf: { 'spark.master': 'yarn' } },
      `'spark.conf.spark.master' cannot be given`,
    ],
    ['memory that is none', { driverMemory: 'much' }, `("much") must be a number with a unit, such as 512m or 2g`],
    [
      'volumes as properties',
      { conf: { 'spark.kubernetes.driver.volumes.hostPath.a.mount.path': '/a' } },
      `use layers, or deployMode 'cluster'`,
    ],
  ])('is refused with %s', (_, spark, message) => {
    expect(() => parse(spark as Partial<SparkPartInput>)).toThrow(message);
  });

  test('may have its namespace in the properties', () => {
    const conf = { 'spark.kubernetes.namespace': 'jobs' };
    expect(parse({ conf }).run.namespace).toBe('jobs');
    expect(parse({ conf }, { namespace: 'other' }).run.namespace).toBe('other');
  });
});
