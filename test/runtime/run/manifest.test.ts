import { buildRunManifest } from '../../../src/runtime/run/manifest.js';
import { parseRunRequest, type RunRequestInput } from '../../../src/runtime/run/request.js';

const BASE = { name: 'base', image: 'busybox:1' };
const layer = (spec: object, metadata: object = {}): RunRequestInput['layers'][number] => ({
  source: 'parameters',
  manifest: { metadata, spec },
});
const build = (...layers: RunRequestInput['layers']) => buildRunManifest(parseRunRequest({ protocol: 1, layers }));
const TASK = { dagId: 'd', taskId: 't', runId: 'r', tryNumber: 1 };

describe('the manifest of a run', () => {
  test('is made of its layers, the later ones over the earlier', () => {
    const yaml =
      'metadata: {name: hand, namespace: jobs, labels: {a: "1"}}\nspec: {containers: [{name: base, image: old}]}';
    const built = build({ source: 'pod.yaml', yaml }, layer({ containers: [BASE] }, { labels: { b: '2' } }));
    expect(built).toMatchObject({ name: 'hand', namespace: 'jobs', containers: ['base'] });
    expect(built.pod).toMatchObject({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { labels: { a: '1', b: '2' } },
      spec: { restartPolicy: 'Never', containers: [BASE] },
    });
    expect(built.pod.metadata).not.toHaveProperty('name');
  });

  test('takes the first container of a template for the one that the operator speaks of, as Airflow does', () => {
    const template = layer({
      containers: [
        { name: 'main', image: 'old', workingDir: '/w' },
        { name: 'proxy', image: 'p' },
      ],
    });
    expect(build(template, layer({ containers: [BASE] })).pod).toMatchObject({
      spec: { containers: [{ ...BASE, workingDir: '/w' }, { name: 'proxy' }] },
    });
  });

  test('adds the sidecar and the shared folder of a result', () => {
    const request = parseRunRequest({
      protocol: 1,
      layers: [
        layer({ containers: [BASE, { name: 'other', image: 'x' }], initContainers: [{ name: 'first', image: 'x' }] }),
      ],
      result: { path: '/airflow/xcom/return.json' },
      task: TASK,
    });
    const { pod, initContainers } = buildRunManifest(request);
    const mount = { name: 'xcom', mountPath: '/airflow/xcom' };
    expect(pod).toMatchObject({
      metadata: { labels: { dag_id: 'd' }, annotations: { run_id: 'r' } },
      spec: {
        containers: [
          { ...BASE, volumeMounts: [mount] },
          { name: 'other', image: 'x' },
        ],
        initContainers: [
          { name: 'first' },
          { name: 'airflow-xcom-sidecar', restartPolicy: 'Always', volumeMounts: [mount] },
        ],
        volumes: [{ name: 'xcom', emptyDir: {} }],
      },
    });
    expect(initContainers).toEqual(['first']);
  });

  test.each<[string, RunRequestInput['layers'][number], string]>([
    ['YAML that is none', { source: 'a.yaml', yaml: 'spec: {containers: [\n' }, 'a.yaml: is not YAML'],
    ['another kind', { source: 'a.yaml', yaml: 'kind: Job' }, `a.yaml, line 1: 'kind' ("Job") must be Pod`],
    ['no container', layer({ containers: [] }), `'spec.containers' (none) must have a container 'base'`],
    ['no image', layer({ containers: [{ name: 'base' }] }), `'spec.containers[base].image' is missing`],
    [
      'restarts',
      layer({ containers: [BASE], restartPolicy: 'Always' }),
      `'spec.restartPolicy' ("Always") must be Never`,
    ],
    ['a label', layer({ containers: [BASE] }, { labels: { a: 1 } }), `'metadata.labels.a' (1) must be text`],
    ['no list', layer({ containers: {} }), `'containers' must be a list of objects`],
  ])('is refused with its field: %s', (_, wrong, message) => {
    expect(() => build(wrong)).toThrow(message);
  });

  test('is refused when a log is asked for of a container that it has not', () => {
    const request = { protocol: 1, layers: [layer({ containers: [BASE] })], logs: { containers: ['nope'] } };
    expect(() => buildRunManifest(parseRunRequest(request))).toThrow(
      `'logs.containers' (nope) are no containers of the pod; it has: base`,
    );
  });
});

describe('a request', () => {
  test('is refused with every field that is wrong or unknown', () => {
    const wrong = { protocol: 1, layers: [], onFinish: 'explode', sidecar: true };
    expect(() => parseRunRequest(wrong)).toThrow(/layers.*onFinish.*sidecar/s);
  });
});
