import { STANDBY_MAX_AGE_SECONDS } from '../../../constructs/contract.js';
import { isEligible, planStandby, type StandbyPod, type StandbySituation } from '../../../src/runtime/standby/plan.js';
import { launch } from '../../integration/support/launches.js';
import { launchPolicy } from '../support/policy.js';

const NOW = 1_700_000_000_000;
const POLICY = launchPolicy({ namespaces: ['jobs', 'team'], standbyPods: 2 });

function pod(uid: string, changes: Partial<StandbyPod> = {}): StandbyPod {
  return {
    ...{ name: uid, namespace: 'jobs', uid, owner: 'a', template: 't', createdAt: NOW, state: 'ready' },
    ...{ node: null, ip: '10.0.0.1', secret: Buffer.alloc(32) },
    ...changes,
  };
}

function plan(changes: Partial<StandbySituation>): { create: number; remove: string[] } {
  const { create, remove } = planStandby({
    ...{ pods: [], creating: 0, policy: POLICY, template: 't', draining: false, mayCreate: true, full: false },
    ...{ queued: 0, pending: 0, running: 0, now: NOW },
    ...changes,
  });
  return { create, remove: remove.map(({ uid }) => uid) };
}

describe('the number of standby pods', () => {
  test('is brought to what the policy says, counting those on their way', () => {
    expect(plan({})).toEqual({ create: 2, remove: [] });
    expect(plan({ creating: 1 })).toEqual({ create: 1, remove: [] });
    expect(plan({ pods: [pod('1'), pod('2', { state: 'starting' })] })).toEqual({ create: 0, remove: [] });
  });

  test('shrinks with the policy, the ready ones and the older ones last', () => {
    const pods = [pod('starting', { state: 'starting', createdAt: NOW - 9 }), pod('new'), pod('old', { createdAt: 0 })];
    const recent = pods.map((one) => (one.uid === 'old' ? { ...one, createdAt: NOW - 5 } : one));
    expect(plan({ pods: recent, policy: { ...POLICY, standbyPods: 1 } }).remove).toEqual(['starting', 'new']);
    expect(plan({ pods: recent, policy: { ...POLICY, standbyPods: 0 } }).remove).toHaveLength(3);
  });

  test('is none while the scheduler drains, or the quota of the namespace is used up', () => {
    expect(plan({ pods: [pod('1')], draining: true })).toEqual({ create: 0, remove: ['1'] });
    expect(plan({ pods: [pod('1')], full: true })).toEqual({ create: 0, remove: ['1'] });
  });

  test('leaves maxPods to launches', () => {
    const policy = { ...POLICY, maxPods: 10 };
    expect(plan({ policy, running: 9 }).create).toBe(1);
    expect(plan({ policy, running: 7, pending: 1, queued: 2, pods: [pod('1')] })).toEqual({ create: 0, remove: ['1'] });
  });

  test('grows only with a lease, behind launches that wait, and within maxPendingPods', () => {
    expect(plan({ mayCreate: false, pods: [pod('1')] })).toEqual({ create: 0, remove: [] });
    expect(plan({ queued: 1 }).create).toBe(0);
    expect(plan({ policy: { ...POLICY, maxPendingPods: 3 }, pending: 2 }).create).toBe(1);
    expect(plan({ policy: { ...POLICY, maxPendingPods: 3 }, pending: 3 }).create).toBe(0);
  });

  test('counts no pod that has ended, is of another template, or is about to end itself', () => {
    const old = NOW - STANDBY_MAX_AGE_SECONDS * 1000;
    const pods = [pod('over', { state: 'over' }), pod('other', { template: 'u' }), pod('old', { createdAt: old })];
    expect(plan({ pods })).toEqual({ create: 2, remove: ['over', 'other', 'old'] });
  });
});

describe('a launch that may have a standby pod', () => {
  test('is a first attempt that changes nothing of the pod and is of the default namespace', () => {
    expect(isEligible(launch(), 'jobs', POLICY)).toBe(true);
    expect(isEligible(launch({ attempt: 2 }), 'jobs', POLICY)).toBe(false);
    expect(isEligible(launch({ podOverride: {} }), 'jobs', POLICY)).toBe(false);
    expect(isEligible(launch({ podTemplate: 'kind: Pod' }), 'jobs', POLICY)).toBe(false);
    expect(isEligible(launch(), 'team', POLICY)).toBe(false);
  });
});
