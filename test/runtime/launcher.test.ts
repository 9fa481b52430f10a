import { LABELS, type LaunchPolicy } from '../../constructs/contract.js';
import { KubeError } from '../../src/runtime/api/errors.js';
import { parsePodTemplate } from '../../src/runtime/config/pod-template.js';
import { PodTemplates } from '../../src/runtime/config/pod-templates.js';
import { Launcher } from '../../src/runtime/launcher.js';
import type { LauncherMessage, LaunchSpec } from '../../src/runtime/link/messages.js';
import type { RawPod } from '../../src/runtime/pods/observe.js';
import { FakeApi } from './support/fake-api.js';
import { launchPolicy } from './support/policy.js';

const POLICY = launchPolicy({ keepFailedSeconds: 100 });
const START = 1_700_000_000_000;
const FORBIDDEN = new KubeError('response', 'no', { status: 403, reason: 'Forbidden' });
const OVER_QUOTA = new KubeError('response', 'exceeded quota: pods', { status: 403, reason: 'Forbidden' });

describe('the launcher', () => {
  let api: FakeApi;
  let launcher: Launcher;
  let policy: LaunchPolicy;
  let logged: { fields: object; message: string }[];
  let wall: number;
  let steady: number;

  beforeEach(() => {
    jest.useFakeTimers();
    api = new FakeApi();
    [wall, steady] = [START, 0];
    const templates = PodTemplates.single(
      parsePodTemplate('{kind: Pod, spec: {containers: [{name: base, image: i}]}}'),
    );
    policy = POLICY;
    logged = [];
    const line = (fields: object, message: string): void => {
      logged.push({ fields, message });
    };
    const log = { debug: line, info: line, warn: line, error: line };
    const config = () => ({ policy, templates });
    launcher = new Launcher({ api, config, version: '0', log, now: () => wall, steady: () => steady });
  });

  afterEach(async () => {
    await launcher.stop(0);
    jest.useRealTimers();
  });

  const pass = async (ms: number): Promise<void> => {
    wall += ms;
    steady += ms;
    await jest.advanceTimersByTimeAsync(ms);
    launcher.chores();
    await jest.advanceTimersByTimeAsync(0);
  };
  const listed = (): void => {
    launcher.tracker.onListed('jobs', steady, new Set([...api.pods.values()].map((pod) => pod.metadata?.uid ?? '')));
  };
  const connect = (jobId: string): LauncherMessage[] => {
    const told: LauncherMessage[] = [];
    const hello = { type: 'HELLO' as const, protocol: 1, deployment: 'airflow', bootId: launcher.bootId, ackedSeq: 0 };
    launcher.session.hello({ ...hello, jobId }, (message) => told.push(message));
    return told;
  };
  const lease = (ttlMs = 12_000): void => {
    launcher.session.message({ type: 'LEASE', ttlMs });
  };
  const launch = (changes: Partial<LaunchSpec> = {}): void => {
    launcher.session.message({
      type: 'LAUNCH',
      launches: [{ ...LAUNCH, notAfter: START + 60_000, ...changes }],
      bad: [],
    });
  };
  const acknowledge = (): void => {
    launcher.session.message({ type: 'ACK', seq: 1_000_000 });
  };
  const kinds = (told: readonly LauncherMessage[]): string[] =>
    told.flatMap((message) => (message.type === 'EVENT' ? [message.kind] : []));
  /** The pod as the API server has it, in a new phase. */
  const pod = (phase: string, changes: RawPod['metadata'] = {}): RawPod => {
    const [known] = api.pods.values();
    return { ...known, metadata: { ...known?.metadata, namespace: 'jobs', ...changes }, status: { phase } };
  };

  test('creates nothing under a lease that either clock says is over', async () => {
    connect('1');
    lease();
    wall -= 3_600_000;
    steady += 12_000;
    launch();
    await pass(0);
    expect(api.creates).toEqual([]);

    launcher.session.message({ type: 'REVOKE', ids: ['L'] });
    lease();
    wall += 7_200_000;
    launch({ id: 'L2', notAfter: wall + 60_000 });
    await pass(0);
    expect(api.creates).toEqual([]);
  });

  test('paces creates by how soon pods start, if it is told to', async () => {
    policy = { ...POLICY, paceStarts: true };
    connect('1');
    lease();
    for (let number = 0; number < 20; number += 1) {
      launch({ id: `L${number}` });
    }
    await pass(0);
    expect(api.creates).toHaveLength(16);

    policy = POLICY;
    await pass(0);
    expect(api.creates).toHaveLength(20);
  });

  test('names dag, task, run, try and pod in every log line about a launch', async () => {
    const down = new KubeError('response', 'down', { status: 500, reason: 'InternalError' });
    api.answers = [down];
    api.listPodEvents = () => Promise.reject(down);
    api.labelPod = () => Promise.reject(down);
    connect('1');
    lease();
    launch();
    await pass(0);
    await pass(1000);
    launcher.tracker.onPod(pod('Failed'));
    await pass(0);
    acknowledge();
    await pass(0);

    const [podName] = api.creates;
    const about = { dag: 'd', task: 't', run: 'r', try: 1, pod: podName, namespace: 'jobs', launch: 'L', attempt: 1 };
    const messages = [
      'create will be repeated',
      'pod created',
      'launch ended',
      'the events of a failed pod are left out',
      'label will be repeated',
    ];
    expect(logged.filter(({ message }) => messages.includes(message))).toEqual(
      messages.map((message) => ({ message, fields: expect.objectContaining(about) as unknown })),
    );
  });

  test('takes a lease for as old as it is when it arrives', async () => {
    connect('1');
    launch();
    launcher.session.message({ type: 'LEASE', ttlMs: 12_000, at: wall - 60_000 });
    await pass(0);
    expect(api.creates).toEqual([]);

    launcher.session.message({ type: 'LEASE', ttlMs: 12_000, at: wall - 1000 });
    await pass(0);
    expect(api.creates).toHaveLength(1);
  });

  test('creates nothing of what the scheduler has let go of, and leaves the pod that exists alone', async () => {
    const told = connect('1');
    lease();
    launch();
    await pass(0);
    launcher.session.message({ type: 'LEASE', ttlMs: 0 });
    launch({ id: 'L2' });
    acknowledge();
    launcher.session.message({ type: 'WITHDRAW', ids: ['L', 'L2'] });
    lease();
    await pass(0);
    launcher.tracker.onPod(pod('Succeeded'));
    await pass(0);

    expect(api.creates).toHaveLength(1);
    expect(api.deletes).toEqual([]);
    expect(kinds(told)).toEqual(['CREATED']);
  });

  test('does not take a pod for lost because the time of day was set back', async () => {
    const told = connect('1');
    listed();
    const startedAt = steady;
    steady += 10;
    wall -= 60_000;
    lease();
    launch();
    await pass(0);
    launcher.tracker.onListed('jobs', startedAt, new Set());
    expect(kinds(told)).toEqual(['CREATED']);
    launcher.tracker.onListed('jobs', steady + 1, new Set());
    await pass(0);
    expect(kinds(told)).toEqual(['CREATED', 'LOST']);
  });

  test('looks for the pod of an unanswered create before it takes a refusal of the next one for the end', async () => {
    const told = connect('1');
    api.answers = ['created-unanswered', FORBIDDEN];
    lease();
    launch();
    await pass(0);
    await pass(1000);
    expect(api.creates).toHaveLength(2);
    expect(api.reads).toHaveLength(1);
    expect(kinds(told)).toEqual(['CREATED']);
  });

  test('keeps to the back-off of a launch that is told again meanwhile', async () => {
    connect('1');
    api.answers = ['unanswered', 'unanswered'];
    lease();
    launch();
    await pass(0);
    for (let repeat = 0; repeat < 5; repeat += 1) {
      launch();
      await pass(1);
    }
    expect(api.creates).toHaveLength(1);
    await pass(200);
    expect(api.creates).toHaveLength(2);
  });

  test('tries a full namespace again at the time it told, and again with the same name', async () => {
    const told = connect('1');
    api.answers = [OVER_QUOTA];
    lease();
    launch();
    await pass(0);
    const throttled = told.find((message) => message.type === 'THROTTLED');
    const until = throttled?.until ?? 0;
    expect(until).toBeGreaterThan(START);
    await pass(until - START - 10);
    expect(api.creates).toHaveLength(1);
    expect(launcher.state().throttled).toEqual({ jobs: true });
    await pass(20);
    expect(new Set(api.creates).size).toBe(1);
    expect(kinds(told)).toEqual(['CREATED']);
    expect(launcher.state().throttled).toEqual({ jobs: false });
  });

  test('deletes a pod that comes after its launch was given up and settled', async () => {
    connect('1');
    lease();
    api.answers = ['unanswered'];
    launch({ notAfter: START + 50 });
    await pass(0);
    await pass(1000);
    await pass(1000);
    acknowledge();
    expect(launcher.status()).toMatchObject({ queued: 0, creating: 0, ended: 0 });

    const labels = { [LABELS.LAUNCH_ID]: 'L', [LABELS.ATTEMPT]: '1' };
    launcher.tracker.onPod({ metadata: { name: 'late', namespace: 'jobs', uid: 'late', labels } });
    expect(api.deletes).toEqual(['late']);
    expect(launcher.status()).toMatchObject({ pending: 0 });
  });

  test('tells the end of a kept pod again to an executor that launches it again', async () => {
    const told = connect('1');
    lease();
    launch();
    await pass(0);
    launcher.tracker.onPod(pod('Failed'));
    await pass(0);
    acknowledge();
    await pass(0);
    launch();
    expect(kinds(told)).toEqual(['CREATED', 'FAILED', 'CREATED', 'FAILED']);
    expect(api.creates).toHaveLength(1);
    expect(api.deletes).toEqual([]);
  });

  test('tells with the failure of a pod what it wrote last and what the events say of it', async () => {
    const told = connect('1');
    lease();
    launch();
    await pass(0);
    api.events = [{ type: 'Warning', reason: 'Evicted', message: 'no room', lastTimestamp: '2026-01-01T00:00:00Z' }];
    const failed = pod('Failed');
    const terminated = { exitCode: 137, reason: 'Error', message: 'last words' };
    const containerStatuses = [{ name: 'base', state: { terminated } }];
    launcher.tracker.onPod({ ...failed, status: { phase: 'Failed', reason: 'Evicted', containerStatuses } });
    await pass(0);
    expect(told.at(-1)).toMatchObject({
      kind: 'FAILED',
      reason: 'Evicted',
      output: 'last words',
      podEvents: ['2026-01-01T00:00:00Z Warning Evicted: no room'],
    });
  });

  test('tells a retained end again even when its pod is gone', async () => {
    const told = connect('1');
    lease();
    launch();
    await pass(0);
    launcher.tracker.onDeleted(pod('Running'));
    await pass(0);
    const last = told.at(-1);
    launcher.session.message({ type: 'RETAIN', seqs: [last?.type === 'EVENT' ? last.seq : 0] });
    acknowledge();
    listed();
    await pass(59_000);
    expect(kinds(told)).toEqual(['CREATED', 'FAILED']);
    await pass(2000);
    expect(kinds(told)).toEqual(['CREATED', 'FAILED', 'CREATED', 'FAILED']);
    acknowledge();
    expect(launcher.status()).toMatchObject({ ended: 0, unacknowledged: 0 });
  });

  test('tells a scheduler that comes back after another what became of its launches', async () => {
    connect('1');
    lease();
    launch();
    await pass(0);
    const other = connect('2');
    launcher.tracker.onPod(pod('Succeeded'));
    expect(kinds(other)).toEqual([]);
    const again = connect('1');
    expect(again[0]?.type).toBe('WELCOME');
    expect(kinds(again)).toEqual(['CREATED', 'SUCCEEDED']);
    expect(api.deletes).toEqual([]);
  });

  test('lets a create that is under way when another scheduler comes end for whoever adopts it', async () => {
    const first = connect('1');
    lease();
    launch();
    const second = connect('2');
    await pass(0);
    expect(kinds(first).concat(kinds(second))).toEqual([]);
    listed();
    launcher.session.message({ type: 'ADOPT', request: 1, ids: ['L', 'unknown'] });
    expect(second).toContainEqual(expect.objectContaining({ type: 'ADOPTED', absent: ['unknown'] }));
    expect(kinds(second)).toEqual(['CREATED']);
    expect(api.creates).toHaveLength(1);
  });

  test('answers what was asked before the pods were listed, once, over the connection that asked last', () => {
    const first = connect('1');
    launcher.session.message({ type: 'RESYNC', request: 1, launches: [{ id: 'L', attempt: 1 }] });
    const second = connect('1');
    launcher.session.message({ type: 'RESYNC', request: 2, launches: [{ id: 'L', attempt: 1 }] });
    listed();
    expect(first.map((message) => message.type)).toEqual(['WELCOME']);
    expect(second).toMatchObject([
      { type: 'WELCOME', synced: false },
      { type: 'WELCOME', synced: true },
      { type: 'RESYNCED', request: 2, absent: [{ id: 'L', attempt: 1 }] },
    ]);
  });

  test('does not settle what is told after an ACK beyond all that was told', async () => {
    const told = connect('1');
    acknowledge();
    lease();
    launch();
    await pass(0);
    launcher.tracker.onPod(pod('Succeeded'));
    expect(kinds(told)).toEqual(['CREATED', 'SUCCEEDED']);
    expect(api.deletes).toEqual([]);
  });

  test('deletes the pod of a create that is answered after its launch was revoked', async () => {
    const told = connect('1');
    lease();
    launch();
    launcher.session.message({ type: 'REVOKE', ids: ['L'] });
    await pass(0);
    expect(api.deletes).toHaveLength(1);
    expect(kinds(told)).toEqual([]);
    launcher.tracker.onDeleted(pod('Pending'));
    expect(launcher.status()).toMatchObject({ pending: 0, creating: 0, ended: 0 });
  });

  test('asks for few pods at once when the deadlines of many unanswered creates pass', async () => {
    connect('1');
    lease(60_000);
    const many = 200;
    api.answers = Array.from({ length: 10 * many }, () => 'unanswered' as const);
    const launches = Array.from({ length: many }, (_, at) => ({ ...LAUNCH, id: `L${at}`, notAfter: START + 30_000 }));
    launcher.session.message({ type: 'LAUNCH', launches, bad: [] });
    await pass(29_000);
    const before = api.reads.length;
    await pass(12_000);
    expect(api.reads.length - before).toBeLessThanOrEqual(POLICY.maxInFlightCreates);
    for (let second = 0; second < 5; second += 1) {
      await pass(1000);
    }
    expect(launcher.status()).toMatchObject({ queued: 0, creating: 0, ended: many });
  });
});

const LAUNCH: LaunchSpec = {
  id: 'L',
  attempt: 1,
  key: { dagId: 'd', taskId: 't', runId: 'r', tryNumber: 1, mapIndex: -1 },
  tiId: 'ti',
  args: ['true'],
  queue: 'default',
  podOverride: null,
  podTemplate: null,
  namespace: null,
  notAfter: 0,
  airflowVersion: '3.3.2',
};
