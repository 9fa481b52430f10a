import { cleanupOf, endOf, endOfGone } from '../../../src/runtime/run/outcome.js';
import { exited, pod, RUNS } from './pods.js';

describe('the end of a run', () => {
  test('is the end of the pod', () => {
    expect(endOf(pod('Succeeded', { base: exited(0) }), 'base')).toMatchObject({ outcome: 'succeeded', exitCode: 0 });
    expect(endOf(pod('Failed', { base: exited(137, 'OOMKilled') }), 'base')).toMatchObject({
      outcome: 'failed',
      exitCode: 137,
      reason: 'OOMKilled',
    });
    const other = pod('Failed', { base: exited(0), other: exited(9) });
    expect(endOf(other, 'base')).toMatchObject({ outcome: 'failed', exitCode: 0, reason: 'Error' });
    expect(endOf(other, 'base').message).toContain(`'other' ended with exit code 9`);
  });

  test('is that of its container while others go on', () => {
    expect(endOf(pod('Running', { base: exited(0), proxy: RUNS }), 'base').outcome).toBe('succeeded');
    const failed = endOf(pod('Running', { main: exited(4), proxy: RUNS }), 'main');
    expect(failed).toMatchObject({ outcome: 'failed', exitCode: 4, reason: 'Error' });
    expect(failed.containers).toEqual([
      { name: 'main', exitCode: 4, reason: 'Error' },
      { name: 'proxy', exitCode: null, reason: null },
    ]);
  });

  test('of a pod that is gone is what it said last', () => {
    expect(endOfGone(null, 'base')).toMatchObject({ outcome: 'failed', reason: 'Deleted' });
    expect(endOfGone(pod('Running', { base: RUNS }), 'base')).toMatchObject({ outcome: 'failed', reason: 'Deleted' });
    expect(endOfGone(pod('Succeeded', { base: exited(0) }), 'base')).toMatchObject({ outcome: 'succeeded' });
    const evicted = pod('Running', { base: RUNS }, { reason: 'Evicted', message: 'low on resource: memory' });
    expect(endOfGone(evicted, 'base')).toMatchObject({ outcome: 'failed', reason: 'Evicted' });
  });

  test.each([
    ['delete_pod', 'failed', true, 'delete'],
    ['keep_pod', 'succeeded', false, 'keep'],
    ['delete_succeeded_pod', 'succeeded', false, 'delete'],
    ['delete_succeeded_pod', 'failed', true, 'keep'],
    ['delete_active_pod', 'failed', true, 'delete'],
    ['delete_active_pod', 'succeeded', false, 'keep'],
  ] as const)('with %s, %s, active %s: %s', (policy, outcome, active, action) => {
    expect(cleanupOf(policy, outcome, active)).toBe(action);
  });
});
