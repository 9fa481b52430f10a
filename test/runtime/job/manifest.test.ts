import { buildJobManifest } from '../../../src/runtime/job/manifest.js';
import { type JobRequestInput, parseJobRequest } from '../../../src/runtime/job/request.js';

const TASK = { dagId: 'd', taskId: 't', runId: 'r', tryNumber: 1 };
const build = (...layers: JobRequestInput['layers']) =>
  buildJobManifest(parseJobRequest({ protocol: 1, layers, task: TASK }));
const yaml = (text: string, source = 'job.yaml') => ({ source, yaml: text });
const WHOLE = `
apiVersion: batch/v1
kind: Job
metadata: {name: countdown, namespace: jobs, labels: {a: b, already_checked: "True"}}
spec:
  completions: 3
  template:
    metadata: {name: countdown}
    spec:
      containers:
      - {name: counter, image: old, env: [{name: A, value: "1"}]}
      restartPolicy: OnFailure`;

describe('the Job of a run', () => {
  test('has the labels of its task, which its pods have too, but for the one that finds it', () => {
    const { job, ...rest } = build(yaml(WHOLE));
    expect(rest).toMatchObject({ name: 'countdown', namespace: 'jobs', container: 'counter', containers: ['counter'] });
    const { metadata, spec } = job as { metadata: object; spec: { template: { metadata: object } } };
    const identity = { dag_id: 'd', task_id: 't', run_id: 'r', try_number: '1' };
    expect(metadata).toEqual({
      labels: { a: 'b', ...identity, kubernetes_job_operator: 'True' },
      annotations: { dag_id: 'd', task_id: 't', run_id: 'r' },
    });
    expect(spec.template.metadata).toEqual({
      labels: identity,
      annotations: { dag_id: 'd', task_id: 't', run_id: 'r' },
    });
  });

  test('is made of its layers: pods as Airflow merges them, of the rest the later', () => {
    const later = {
      source: 'parameters',
      manifest: {
        spec: {
          completions: 5,
          backoffLimit: 0,
          template: { spec: { containers: [{ name: 'base', image: 'new', env: [{ name: 'B', value: '2' }] }] } },
        },
      },
    };
    expect(build(yaml(WHOLE), later).job).toMatchObject({
      spec: {
        completions: 5,
        backoffLimit: 0,
        template: {
          spec: {
            restartPolicy: 'OnFailure',
            containers: [{ name: 'base', image: 'new', env: [{ name: 'A' }, { name: 'B' }] }],
          },
        },
      },
    });
  });

  test.each([
    ['no pod', 'kind: Job\nspec: {completions: 1}', `job.yaml, line 2: 'spec.template' is missing`],
    ['no container', 'spec:\n  template:\n    spec: {}', `job.yaml, line 3: 'spec.template.spec.containers' (none)`],
    [
      'a policy that no Job may have',
      'spec:\n  template:\n    spec:\n      restartPolicy: Always\n      containers: [{name: a, image: b}]',
      `job.yaml, line 4: 'spec.template.spec.restartPolicy' ("Always") must be Never or OnFailure`,
    ],
    [
      'a label',
      'metadata:\n  labels:\n    n: 1\nspec: {template: {spec: {containers: [{name: a, image: b}]}}}',
      'line 3',
    ],
    ['two documents', 'kind: Job\n---\nkind: Job', 'job.yaml: is not YAML'],
    ['a key twice', 'kind: Job\nspec: {}\nspec: {}', 'line 3'],
    ['another version', 'apiVersion: v1\nkind: Job', `job.yaml, line 1: 'apiVersion' ("v1") must be batch/v1`],
  ])('is refused with its place: %s', (_, text, message) => {
    expect(() => build(yaml(text))).toThrow(message);
  });
});
