import { endOfJob } from '../../../src/runtime/job/outcome.js';
import { labelOf, type RunJob, viewJob } from '../../../src/runtime/job/view.js';
import { exited, pod } from '../run/pods.js';

const condition = (type: string, reason = '', message = ''): RunJob => ({
  status: { succeeded: 1, failed: 1, conditions: [{ type, status: 'True', reason, message }] },
});

describe('a Job', () => {
  test('has ended when Kubernetes says so, not when its pods have', () => {
    expect(viewJob({ spec: { completions: 1 }, status: { succeeded: 1 } }).stage).toBe('running');
    expect(viewJob(condition('SuccessCriteriaMet')).stage).toBe('running');
    expect(viewJob(condition('FailureTarget')).stage).toBe('running');
    expect(viewJob(condition('Complete'))).toMatchObject({ stage: 'ended', outcome: 'succeeded' });
    expect(viewJob(condition('Failed', 'DeadlineExceeded', 'too late'))).toMatchObject({
      stage: 'ended',
      outcome: 'failed',
      reason: 'DeadlineExceeded',
      message: 'too late',
    });
  });

  test('that is suspended waits for somebody', () => {
    expect(viewJob({ spec: { suspend: true } })).toMatchObject({ stage: 'suspended', reason: 'Suspended' });
  });

  test('calls its pods by their index, or by the end of their names where several run', () => {
    const named = { metadata: { name: 'count-x7k2p' } };
    const indexed = {
      metadata: { ...named.metadata, annotations: { 'batch.kubernetes.io/job-completion-index': '4' } },
    };
    expect([labelOf(indexed, true), labelOf(named, true), labelOf(named, false)]).toEqual(['4', 'x7k2p', null]);
  });

  test('that failed says which of its pods did, and how', () => {
    const failed = pod('Failed', { base: exited(3) });
    const fine = pod('Succeeded', { base: exited(0) });
    const seen = [fine, failed].map((one) => ({ pod: one, gone: false }));
    const end = endOfJob(viewJob(condition('Failed', 'BackoffLimitExceeded', 'enough')), seen, 'base');
    expect(end).toMatchObject({ outcome: 'failed', reason: 'BackoffLimitExceeded', exitCode: 3 });
    expect(end.message).toBe("enough; pod p: container 'base' ended with exit code 3 (Error)");
    expect(end.pods.map(({ outcome }) => outcome)).toEqual(['failed', 'succeeded']);
  });
});
