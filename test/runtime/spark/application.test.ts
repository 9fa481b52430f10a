import { viewApplication } from '../../../src/runtime/spark/application.js';
import { buildApplicationManifest } from '../../../src/runtime/spark/application-manifest.js';
import { parseApplicationRequest } from '../../../src/runtime/spark/application-request.js';

const view = (state: string | undefined, spec: object = {}) =>
  viewApplication({ spec, status: state === undefined ? {} : { applicationState: { state } } });

describe('the view of a SparkApplication', () => {
  test.each([
    [undefined, 'new', null],
    ['SUBMITTED', 'submitted', null],
    ['PENDING_RERUN', 'submitted', null],
    ['RUNNING', 'running', null],
    ['SUCCEEDING', 'running', null],
    ['FAILING', 'running', null],
    ['COMPLETED', 'ended', true],
    ['FAILED', 'ended', false],
    ['SUBMISSION_FAILED', 'ended', false],
  ])('of state %s is %s', (state, stage, succeeded) => {
    expect(view(state)).toMatchObject({ stage, succeeded });
  });

  test('waits for what follows a failed submission that is tried again', () => {
    const restartPolicy = { type: 'OnFailure', onSubmissionFailureRetries: 2 };
    expect(view('SUBMISSION_FAILED', { restartPolicy }).succeeded).toBeNull();
    expect(view('FAILED', { restartPolicy }).succeeded).toBe(false);
  });
});

describe('the manifest of a SparkApplication', () => {
  test('is made of its layers, with the labels of the task on what the operator makes of it', () => {
    const yaml =
      'kind: SparkApplication\nmetadata: {name: sum}\nspec: {image: old, driver: {cores: 1, labels: {a: b}}}';
    const built = buildApplicationManifest(
      parseApplicationRequest({
        protocol: 1,
        layers: [
          { source: 'application.yaml', yaml },
          { source: 'parameters', manifest: { spec: { image: 'new', driver: { memory: '1g' } } } },
        ],
        task: { dagId: 'd', taskId: 't', runId: 'r', tryNumber: 1 },
      }),
    );
    const labels = { dag_id: 'd', task_id: 't', run_id: 'r', try_number: '1', spark_kubernetes_operator: 'True' };
    expect(built.name).toBe('sum');
    expect(built.application).toMatchObject({
      apiVersion: 'sparkoperator.k8s.io/v1beta2',
      metadata: { labels },
      spec: { image: 'new', driver: { cores: 1, memory: '1g', labels: { a: 'b', ...labels } }, executor: { labels } },
    });
    // What finds a task's pods must not find these.
    expect(JSON.stringify(built.application)).not.toContain('kubernetes_pod_operator');
  });
});
