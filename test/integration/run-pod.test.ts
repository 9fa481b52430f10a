import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { V1Eviction, type V1Pod } from '@kubernetes/client-node';
import { EXIT_CODES } from '../../constructs/contract.js';
import type { RunRequestInput } from '../../src/runtime/run/request.js';
import { RUN_PROTOCOL } from '../../src/runtime/run/request-parts.js';
import { TestNamespace } from './support/cluster.js';
import { FaultProxy } from './support/fault-proxy.js';
import { launcherBundle } from './support/launcher-process.js';
import { RunProcess } from './support/run-process.js';
import { until } from './support/until.js';

jest.setTimeout(180_000);

const RESULT = { path: '/airflow/xcom/return.json' };
const GRACE_SECONDS = 1;

/** Real pods on the real node: kwok's is tainted. */
describe('run-pod', () => {
  let namespace: TestNamespace;
  let proxy: FaultProxy;
  const running: RunProcess[] = [];
  let runs = 0;

  beforeAll(async () => {
    namespace = await TestNamespace.create('run-pod');
    proxy = await FaultProxy.start(namespace.kubeconfig);
    launcherBundle();
  });

  afterEach(() => {
    proxy.fault = () => null;
    proxy.letGo();
    for (const run of running.splice(0)) {
      run.signal('SIGKILL');
    }
  });

  afterAll(async () => {
    proxy.close();
    await namespace.delete();
  });

  const pod = (script: string, spec: object = {}): object => ({
    spec: {
      terminationGracePeriodSeconds: GRACE_SECONDS,
      automountServiceAccountToken: false,
      ...spec,
      containers: [{ name: 'base', image: 'busybox:1', command: ['sh', '-c', script] }],
    },
  });
  const request = (manifest: object, changes: Partial<RunRequestInput> = {}): RunRequestInput => ({
    protocol: RUN_PROTOCOL,
    layers: [{ source: 'test', manifest: manifest as Record<string, unknown> }],
    namespace: namespace.name,
    task: { dagId: 'dag', taskId: 'task', runId: `run-${(runs += 1)}`, tryNumber: 1 },
    ...changes,
  });
  const nextTry = (of: RunRequestInput): RunRequestInput =>
    of.task == null ? of : { ...of, task: { ...of.task, tryNumber: of.task.tryNumber + 1 } };
  const start = (of: RunRequestInput): RunProcess => {
    const run = new RunProcess(of, proxy.kubeconfig);
    running.push(run);
    return run;
  };
  /** Every pod that the run ever had. */
  const podsOf = (of: RunRequestInput): V1Pod[] =>
    [...namespace.seen.values()].filter(({ metadata }) => metadata?.labels?.run_id === of.task?.runId);
  const isThere = async (name: string): Promise<boolean> =>
    (await namespace.pods()).some(({ metadata }) => metadata?.name === name);
  const untilGone = (name: string): Promise<void> =>
    until(`${name} is gone`, async () => !(await isThere(name)), { state: () => namespace.state() });

  test('runs a pod to its end in at most six requests, tells its log and its result, and deletes it', async () => {
    const script =
      'echo one; echo two >&2; sleep 2; echo three; echo \'{"answer": [42, NaN]}\' > /airflow/xcom/return.json';
    const from = proxy.requests.length;
    const of = request(pod(script), { result: RESULT });
    const run = start(of);
    expect(await run.ended()).toBe(EXIT_CODES.OK);

    const { name } = run.one('created');
    expect(name).toMatch(/^dag-task-[a-z2-7]{16}$/);
    expect(run.lines().sort()).toEqual(['one', 'three', 'two']);
    expect(run.one('result').json).toBe('{"answer": [42, NaN]}');
    expect(run.one('ended')).toMatchObject({ outcome: 'succeeded', exitCode: 0, reason: null, pod: 'deleted' });
    expect(run.of('state').map(({ state }) => state)).toContain('running');
    expect(await isThere(name)).toBe(false);

    const made = proxy.requests.slice(from).map(({ method, path }) => `${method} ${path}`);
    expect(made.length).toBeLessThanOrEqual(6);
    expect(run.one('ended').requests).toBe(made.length);
    const [labels] = podsOf(of).map(({ metadata }) => metadata?.labels);
    expect(labels).toMatchObject({ dag_id: 'dag', task_id: 'task', try_number: '1', kubernetes_pod_operator: 'True' });
  });

  test('tells the exit code, the reason and the events of a pod that fails', async () => {
    const run = start(request(pod('echo before; exit 3')));
    expect(await run.ended()).toBe(EXIT_CODES.POD_FAILED);
    const ended = run.one('ended');
    expect(ended).toMatchObject({ outcome: 'failed', exitCode: 3, reason: 'Error', pod: 'deleted' });
    expect(ended.message).toContain('exit code 3');
    expect(ended.containers).toEqual([{ name: 'base', exitCode: 3, reason: 'Error' }]);
    expect(ended.podEvents.join()).toContain('Started');
    expect(run.lines()).toEqual(['before']);
  });

  test('tells a container that was killed for its memory', async () => {
    const manifest = pod('x=a; while :; do x=$x$x; done') as { spec: { containers: object[] } };
    const container = { ...manifest.spec.containers[0], resources: { limits: { memory: '16Mi' } } };
    const run = start(request({ spec: { ...manifest.spec, containers: [container] } }));
    expect(await run.ended()).toBe(EXIT_CODES.POD_FAILED);
    expect(run.one('ended')).toMatchObject({ reason: 'OOMKilled', exitCode: 137 });
  });

  test('tells the logs of all containers that are asked for, whole and in order', async () => {
    const image = 'busybox:1';
    const long = 'head -c 1048576 /dev/zero | tr "\\000" x; echo; printf end; sleep 1';
    // Over 10 s; what a process writes in the moment of its end this node's runtime does not always keep.
    const many =
      'i=0; while [ $i -lt 10 ]; do seq $((i * 10000 + 1)) $((i * 10000 + 10000)); sleep 1; i=$((i + 1)); done';
    const manifest = {
      spec: {
        terminationGracePeriodSeconds: GRACE_SECONDS,
        initContainers: [{ name: 'first', image, command: ['echo', 'prepared'] }],
        containers: [
          { name: 'base', image, command: ['sh', '-c', many] },
          { name: 'other', image, command: ['sh', '-c', long] },
          { name: 'unasked', image, command: ['echo', 'unheard'] },
        ],
      },
    };
    const logs = { containers: ['base', 'other'], initContainers: 'all' as const };
    const run = start(request(manifest, { logs }));
    expect(await run.ended()).toBe(EXIT_CODES.OK);
    const lines = run.lines();
    expect(lines).toHaveLength(100_000);
    expect(lines.findIndex((line, at) => line !== String(at + 1))).toBe(-1);
    const [longLine, ...rest] = run.lines('other');
    expect(longLine).toHaveLength(1024 * 1024);
    expect(rest).toEqual(['end']);
    expect(run.lines('first')).toEqual(['prepared']);
    expect(run.lines('unasked')).toEqual([]);
  });

  test.each([
    ['empty', ': > /airflow/xcom/return.json', 'ResultEmpty', /is empty/],
    ['no JSON', 'echo "{oops" > /airflow/xcom/return.json', 'ResultInvalid', /holds no JSON/],
    ['10 MiB', 'head -c 10485760 /dev/zero > /airflow/xcom/return.json', 'ResultTooLarge', /10485760 bytes/],
    ['missing', 'true', 'ResultMissing', /has written no/],
  ])('refuses a result that is %s', async (_, script, reason, message) => {
    const run = start(request(pod(script), { result: RESULT }));
    expect(await run.ended()).toBe(EXIT_CODES.POD_FAILED);
    expect(run.one('ended')).toMatchObject({ outcome: 'failed', reason, exitCode: 0 });
    expect(run.one('ended').message).toMatch(message);
    expect(run.of('result')).toEqual([]);
  });

  test('reads a result of 3 MiB whole', async () => {
    const script = '(printf \'"\'; head -c 3145728 /dev/zero | tr "\\000" x; printf \'"\') > /airflow/xcom/return.json';
    const run = start(request(pod(script), { result: RESULT }));
    expect(await run.ended()).toBe(EXIT_CODES.OK);
    expect(run.one('result').json).toHaveLength(3145728 + 2);
  });

  test('fails with the reason of the image that cannot be had', async () => {
    const manifest = { spec: { containers: [{ name: 'base', image: 'localhost:1/no-such:1' }] } };
    const run = start(request(manifest, { startupTimeoutSeconds: 5 }));
    expect(await run.ended()).toBe(EXIT_CODES.POD_FAILED);
    const ended = run.one('ended');
    expect(['ErrImagePull', 'ImagePullBackOff']).toContain(ended.reason);
    expect(ended.podEvents.join()).toContain('no-such');
    expect(ended.pod).toBe('deleted');
    await untilGone(run.one('created').name);
  });

  test('fails a pod that finds no node in time', async () => {
    const manifest = pod('true', { nodeSelector: { 'no-such': 'node' } });
    const run = start(request(manifest, { scheduleTimeoutSeconds: 3 }));
    expect(await run.ended()).toBe(EXIT_CODES.POD_FAILED);
    expect(run.one('ended')).toMatchObject({ reason: 'Unschedulable', exitCode: null, pod: 'deleted' });
    expect(run.one('ended').message).toContain('no node in 3 s');
    await untilGone(run.one('created').name);
  });

  test('fails when somebody else deletes the pod', async () => {
    const run = start(request(pod('echo up; sleep 600')));
    await run.until('it runs', ({ type }) => type === 'log');
    const { name } = run.one('created');
    await namespace.core.deleteNamespacedPod({ name, namespace: namespace.name });
    expect(await run.ended()).toBe(EXIT_CODES.POD_FAILED);
    const { outcome, reason, exitCode } = run.one('ended');
    // The kubelet may tell the exit code before the pod goes.
    expect({ outcome, known: [reason, exitCode] }).toEqual({
      outcome: 'failed',
      known: exitCode === null ? ['Deleted', null] : ['Error', 137],
    });
    expect(run.lines()).toEqual(['up']);
  });

  test.each([
    'the create was sent',
    'the pod was created',
    'the container runs',
    'a line was told',
    'the pod has ended',
  ])('goes on with the one pod after a SIGKILL when %s', async (moment) => {
    const script = "echo begin; sleep 3; echo '[1]' > /airflow/xcom/return.json; echo end";
    const of = request(pod(script), { result: RESULT });
    const isHeld = { 'the create was sent': 'POST', 'the pod has ended': 'DELETE' }[moment];
    proxy.fault = ({ method }) => (method !== isHeld ? null : method === 'POST' ? 'hold-answer' : 'cut');
    const first = start(of);
    const isReached: Record<string, () => boolean> = {
      'the create was sent': () => proxy.heldBack() > 0,
      'the pod was created': () => first.of('created').length > 0,
      'the container runs': () => first.of('state').some(({ state }) => state === 'running'),
      'a line was told': () => first.lines().length > 0,
      'the pod has ended': () => first.of('result').length > 0,
    };
    await until(moment, () => isReached[moment]?.() ?? false, { timeoutMs: 60_000, state: () => first.state() });
    first.signal('SIGKILL');
    await first.ended();
    proxy.fault = () => null;
    proxy.letGo();

    const second = start(nextTry(of));
    expect(await second.ended()).toBe(EXIT_CODES.OK);
    expect(second.one('reattached')).toBeDefined();
    expect(second.lines()).toEqual(['begin', 'end']);
    expect(second.one('result').json).toBe('[1]');
    expect(podsOf(of)).toHaveLength(1);
    await untilGone(second.one('reattached').name);
  });

  test('two workers with the same task at once make one pod', async () => {
    const of = request(pod('echo once; sleep 2'));
    const both = [start(of), start(of)];
    expect(await Promise.all(both.map((run) => run.ended()))).toEqual([EXIT_CODES.OK, EXIT_CODES.OK]);
    expect(podsOf(of)).toHaveLength(1);
  });

  test('leaves the pod alone when the one who started it dies, and a later try takes it over for good', async () => {
    const of = request(pod('echo begin; sleep 4; echo end'));
    const first = start(of);
    await first.until('it runs', ({ type }) => type === 'log');
    const second = start(nextTry(of));
    await second.until('it has taken the pod over', ({ type }) => type === 'reattached');
    await until('it is labelled', async () =>
      (await namespace.pods()).some(
        ({ metadata }) => metadata?.labels?.run_id === of.task?.runId && metadata?.labels?.try_number === '2',
      ),
    );
    first.closeInput();
    expect(await first.ended()).toBe(EXIT_CODES.DETACHED);
    expect(await second.ended()).toBe(EXIT_CODES.OK);
    expect(second.lines()).toEqual(['begin', 'end']);
    expect(podsOf(of)).toHaveLength(1);
  });

  test('a pod that is kept after its failure is not gone on with', async () => {
    const of = request(pod('exit 1'), { onFinish: 'keep_pod' });
    const first = start(of);
    expect(await first.ended()).toBe(EXIT_CODES.POD_FAILED);
    expect(first.one('ended').pod).toBe('kept');
    const second = start(nextTry(of));
    expect(await second.ended()).toBe(EXIT_CODES.POD_FAILED);
    expect(second.one('created').uid).not.toBe(first.one('created').uid);
    expect(podsOf(of)).toHaveLength(2);
  });

  test('SIGTERM takes the pod away', async () => {
    const run = start(request(pod('echo up; sleep 600'), { graceSeconds: 0 }));
    await run.until('it runs', ({ type }) => type === 'log');
    run.signal('SIGTERM');
    expect(await run.ended()).toBe(EXIT_CODES.KILLED);
    expect(run.one('ended')).toMatchObject({ outcome: 'killed', pod: 'deleted' });
    await untilGone(run.one('created').name);
  });

  test('SIGTERM while the create is on its way leaves no pod behind', async () => {
    const of = request(pod('sleep 600'), { graceSeconds: 0 });
    proxy.fault = ({ method }) => (method === 'POST' ? 'hold-answer' : null);
    const run = start(of);
    await until('the create was sent', () => proxy.heldBack() > 0, { state: () => run.state() });
    run.signal('SIGTERM');
    proxy.letGo();
    expect(await run.ended()).toBe(EXIT_CODES.KILLED);
    await until('it is seen', () => podsOf(of).length === 1);
    await untilGone(podsOf(of)[0]?.metadata?.name ?? '');
  });

  test('waits for the end of a pod that an earlier try is deleting, and makes another one', async () => {
    const of = request(pod("trap '' TERM; echo up; sleep 600 & wait; sleep 600"), { graceSeconds: 4 });
    const first = start(of);
    await first.until('it runs', ({ type }) => type === 'log');
    first.signal('SIGTERM');
    expect(await first.ended()).toBe(EXIT_CODES.KILLED);
    const second = start({ ...nextTry(of), layers: request(pod('true')).layers });
    expect(await second.ended()).toBe(EXIT_CODES.OK);
    expect(second.one('warning').message).toContain(`waiting for the end of pod ${first.one('created').name}`);
    expect(second.one('created').uid).not.toBe(first.one('created').uid);
  });

  test('fails with the reason when the pod is evicted', async () => {
    const run = start(request(pod('echo up; sleep 600')));
    await run.until('it runs', ({ type }) => type === 'log');
    const { name } = run.one('created');
    const body = Object.assign(new V1Eviction(), { metadata: { name } });
    await namespace.core.createNamespacedPodEviction({ name, namespace: namespace.name, body });
    expect(await run.ended()).toBe(EXIT_CODES.POD_FAILED);
    expect(run.one('ended')).toMatchObject({ outcome: 'failed', reason: 'Evicted' });
  });

  test('goes on after the API server was away while the pod ended', async () => {
    const run = start(
      request(pod('echo one; sleep 4; echo two; echo 2 > /airflow/xcom/return.json'), { result: RESULT }),
    );
    await run.until('it runs', ({ type }) => type === 'log');
    const made = run.one('created').name;
    proxy.fault = () => 'cut';
    proxy.cutConnections();
    await until('it has ended', async () =>
      (await namespace.pods()).some(({ metadata, status }) => metadata?.name === made && status?.phase === 'Succeeded'),
    );
    expect(run.exitCode).toBeNull();
    proxy.fault = () => null;
    expect(await run.ended()).toBe(EXIT_CODES.OK);
    expect(run.lines()).toEqual(['one', 'two']);
    expect(run.one('result').json).toBe('2');
  });

  test.each(['cut', 'truncate-answer'] as const)(
    'loses and doubles no line when the log stream meets: %s',
    async (fault) => {
      let met = 0;
      proxy.fault = ({ path }) => (path.includes('/log?') && (met += 1) <= 2 ? fault : null);
      const of = request(
        pod('i=0; while [ $i -lt 300 ]; do i=$((i+1)); echo $i; [ $((i % 100)) -eq 0 ] && sleep 1; done; true'),
      );
      const run = start(of);
      expect(await run.ended()).toBe(EXIT_CODES.OK);
      expect(met).toBeGreaterThan(2);
      expect(run.lines()).toEqual(Array.from({ length: 300 }, (_, at) => String(at + 1)));
    },
  );

  test('resumes when all connections break in the middle', async () => {
    const run = start(request(pod('i=0; while [ $i -lt 40 ]; do i=$((i+1)); echo $i; sleep 0.1; done')));
    await run.until('it runs', ({ type }) => type === 'log');
    proxy.cutConnections();
    expect(await run.ended()).toBe(EXIT_CODES.OK);
    expect(run.lines()).toEqual(Array.from({ length: 40 }, (_, at) => String(at + 1)));
  });

  test('refuses what makes no pod with file and field, and creates nothing', async () => {
    const run = start(request({ spec: { containers: [{ name: 'other', image: 'busybox:1' }] } }));
    expect(await run.ended()).toBe(EXIT_CODES.CONFIG);
    expect(run.one('error')).toMatchObject({ code: 'InvalidRequest' });
    expect(run.one('error').message).toContain("test: 'spec.containers' (other) must have a container 'base'");
    const refused = start(request(pod('true', { dnsPolicy: 'Nonsense' })));
    expect(await refused.ended()).toBe(EXIT_CODES.CONFIG);
    expect(refused.one('error')).toMatchObject({ code: 'Refused' });
    expect(refused.one('error').message).toContain('spec.dnsPolicy');
  });

  describe('from the shell', () => {
    const file = (script: string): string => {
      const path = join(mkdtempSync(join(tmpdir(), 'run-pod-')), 'pod.yaml');
      const { spec } = pod(script) as { spec: object };
      writeFileSync(path, JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'hand' }, spec }));
      return path;
    };
    const shell = (...args: string[]): ReturnType<typeof spawnSync> =>
      spawnSync(process.execPath, [launcherBundle(), 'run-pod', ...args, '--namespace', namespace.name], {
        env: { PATH: process.env.PATH, HOME: tmpdir() },
        encoding: 'utf8',
        timeout: 120_000,
      });

    test('ends with the exit code of the container and prints its log', () => {
      const done = shell(file('echo hello; exit 7'), '--follow', '--kubeconfig', namespace.kubeconfig);
      expect(done.stdout).toBe('hello\n');
      expect(done.status).toBe(7);
      expect(done.stderr).toMatch(/hand-[a-z2-7]{16} created/);
    });

    test('prints the result alone with --result', () => {
      const path = file("echo noise; echo '[1, 2]' > /airflow/xcom/return.json");
      const done = shell(path, '--result', '--kubeconfig', namespace.kubeconfig);
      expect(done.stdout).toBe('[1, 2]\n');
      expect(done.status).toBe(0);
    });

    test('says what is wrong with a file, where', () => {
      const path = file('true');
      writeFileSync(path, 'kind: Pod\nspec: {containers: [\n');
      const done = shell(path, '--kubeconfig', namespace.kubeconfig);
      expect(done.status).toBe(125);
      expect(done.stderr).toContain(`${path}: is not YAML`);
      expect(done.stderr).toContain('line 3');
    });

    test('teaches with --help', () => {
      const help = execFileSync(process.execPath, [launcherBundle(), 'run-pod', '--help'], { encoding: 'utf8' });
      expect(help).toContain('pod-launcher run-pod pod.yaml --follow');
    });
  });
});
