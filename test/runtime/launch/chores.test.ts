import { nextChore } from '../../../src/runtime/launch/chores.js';
import { type LaunchRecord, newRecord } from '../../../src/runtime/launch/record.js';
import { launchPolicy } from '../support/policy.js';

const POLICY = launchPolicy({ keepFailedSeconds: 100, pendingTimeoutSeconds: 10 });
const KEY = { dagId: 'd', taskId: 't', runId: 'r', tryNumber: 1, mapIndex: -1 };
const NOW = 1_000_000;
const PEER = { jobId: 'me', ready: true };

function record(changes: Partial<LaunchRecord>): LaunchRecord {
  const identity = { id: 'L', attempt: 1, podName: 'p', namespace: 'jobs', key: KEY, owner: 'me' };
  return { ...newRecord(identity, 'pending', null), uid: 'u', createdAt: NOW, ...changes };
}
const failed = {
  stage: 'ended' as const,
  outcome: { kind: 'FAILED' as const, at: NOW, reason: 'x', message: 'x', exitCode: 1, node: null, started: true },
};
const due = (changes: Partial<LaunchRecord>, now = NOW, peer: { jobId: string; ready: boolean } = PEER) =>
  nextChore(record(changes), POLICY, peer, now);

describe('what time alone brings about', () => {
  test('a pod that is pending for too long is taken away, by its own scheduler only', () => {
    expect(due({}, NOW + 9000)).toBe('nothing');
    expect(due({}, NOW + 11_000)).toBe('kill');
    expect(due({ owner: 'other' }, NOW + 11_000)).toBe('nothing');
    expect(due({ release: 'deleting' }, NOW + 11_000)).toBe('nothing');
  });

  test('a pod whose node is lost counts as failed when its grace period is over', () => {
    const condemned = { at: NOW, reason: 'NodeLost', message: 'm' };
    expect(due({ stage: 'running', condemned }, NOW + 10_000)).toBe('nothing');
    expect(due({ stage: 'running', condemned }, NOW + 10_001)).toBe('give-up');
    expect(due({ ...failed, condemned }, NOW + 10_001)).toBe('nothing');
  });

  test('a queued launch ends at its deadline', () => {
    const spec = { notAfter: NOW } as LaunchRecord['spec'];
    expect(due({ stage: 'queued', spec, uid: null }, NOW - 1)).toBe('nothing');
    expect(due({ stage: 'queued', spec, uid: null })).toBe('expire');
    expect(due({ stage: 'queued', spec, uid: null, owner: 'dead' })).toBe('forget');
  });

  test('an outcome that nobody owns is told 60 s later, but only to a scheduler that is there', () => {
    const orphan = { ...failed, owner: null, reportAt: NOW + 60_000 };
    expect(due(orphan, NOW + 59_000)).toBe('nothing');
    expect(due(orphan, NOW + 60_000)).toBe('tell-orphan');
    expect(due(orphan, NOW + 60_000, { jobId: 'me', ready: false })).toBe('nothing');
    expect(due({ ...orphan, settledAt: NOW }, NOW + 60_000)).toBe('nothing');
  });

  test('a retained outcome is told again, an unacknowledged one is not told twice', () => {
    expect(due({ ...failed, retained: true, reportAt: NOW })).toBe('tell-again');
    expect(due({ ...failed, reportAt: NOW })).toBe('nothing');
    expect(due({ ...failed, retained: true, reportAt: NOW, acknowledged: true })).toBe('nothing');
  });

  test('a kept pod goes when its time is up, another launcher leaves it a minute more', () => {
    const kept = { ...failed, settledAt: NOW, acknowledged: true };
    expect(due(kept, NOW + 99_000)).toBe('nothing');
    expect(due(kept, NOW + 100_000)).toBe('delete');
    expect(due({ ...kept, owner: null }, NOW + 100_000)).toBe('nothing');
    expect(due({ ...kept, owner: null }, NOW + 160_000)).toBe('delete');
  });

  test('an outcome without a pod that a dead scheduler left is forgotten in the end', () => {
    expect(due({ ...failed, gone: true, owner: 'dead' }, NOW + 599_000)).toBe('nothing');
    expect(due({ ...failed, gone: true, owner: 'dead' }, NOW + 601_000)).toBe('forget');
  });
});
