import { spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BatchV1Api, KubeConfig } from '@kubernetes/client-node';
import { EXIT_CODES } from '../../constructs/contract.js';
import type { JobEvent } from '../../src/runtime/job/events.js';
import type { JobRequestInput } from '../../src/runtime/job/request.js';
import { RUN_PROTOCOL } from '../../src/runtime/run/request-parts.js';
import { TestNamespace } from './support/cluster.js';
import { FaultProxy } from './support/fault-proxy.js';
import { launcherBundle } from './support/launcher-process.js';
import { RunProcess } from './support/run-process.js';
import { TestServiceAccount } from './support/service-account.js';
import { until } from './support/until.js';

jest.setTimeout(180_000);

type JobProcess = RunProcess<JobEvent>;

/** Real Jobs with real pods on the real node: kwok's is tainted. */
describe('run-job', () => {
  let namespace: TestNamespace;
  let proxy: FaultProxy;
  let batch: BatchV1Api;
  const running: JobProcess[] = [];
  let runs = 0;

  beforeAll(async () => {
    namespace = await TestNamespace.create('run-job');
    proxy = await FaultProxy.start(namespace.kubeconfig);
    const config = new KubeConfig();
    config.loadFromFile(namespace.kubeconfig);
    batch = config.makeApiClient(BatchV1Api);
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

  const job = (script: string, spec: object = {}, podSpec: object = {}): object => ({
    spec: {
      backoffLimit: 0,
      ...spec,
      template: {
        spec: {
          terminationGracePeriodSeconds: 1,
          automountServiceAccountToken: false,
          ...podSpec,
          containers: [{ name: 'base', image: 'busybox:1', command: ['sh', '-c', script] }],
        },
      },
    },
  });
  const request = (manifest: object, changes: Partial<JobRequestInput> = {}): JobRequestInput => ({
    protocol: RUN_PROTOCOL,
    layers: [{ source: 'test', manifest: manifest as Record<string, unknown> }],
    namespace: namespace.name,
    task: { dagId: 'dag', taskId: 'task', runId: `run-${(runs += 1)}`, tryNumber: 1 },
    ...changes,
  });
  const nextTry = (of: JobRequestInput): JobRequestInput =>
    of.task == null ? of : { ...of, task: { ...of.task, tryNumber: of.task.tryNumber + 1 } };
  const start = (of: JobRequestInput): JobProcess => {
    const run: JobProcess = new RunProcess<JobEvent>(of, proxy.kubeconfig, 'run-job');
    running.push(run);
    return run;
  };
  const podsOf = (of: JobRequestInput) =>
    [...namespace.seen.values()].filter(({ metadata }) => metadata?.labels?.run_id === of.task?.runId);
  /** Every Job that ever ran a pod of the run. */
  const jobsOf = (of: JobRequestInput): Set<string | undefined> =>
    new Set(podsOf(of).map(({ metadata }) => metadata?.ownerReferences?.[0]?.uid));
  const jobs = async () => (await batch.listNamespacedJob({ namespace: namespace.name })).items;
  const untilGone = (of: JobRequestInput): Promise<void> =>
    until('Job and pods are gone', async () =>
      [...(await jobs()), ...(await namespace.pods())].every(
        ({ metadata }) => metadata?.labels?.run_id !== of.task?.runId,
      ),
    );

  test('runs a Job to its end in six requests, tells its log, and deletes it with its pods', async () => {
    const from = proxy.requests.length;
    const of = request(job('echo one; echo two >&2; sleep 1; echo three'));
    const run = start(of);
    expect(await run.ended()).toBe(EXIT_CODES.OK);

    expect(run.one('created').name).toMatch(/^dag-task-[a-z2-7]{16}$/);
    expect(run.lines().sort()).toEqual(['one', 'three', 'two']);
    expect(new Set(run.of('log').map(({ label }) => label))).toEqual(new Set([null]));
    expect(run.one('ended')).toMatchObject({ outcome: 'succeeded', reason: null, succeeded: 1, job: 'deleted' });
    const made = proxy.requests.slice(from).map(({ method, path }) => `${method} ${path}`);
    expect(made).toHaveLength(6);
    expect(run.one('ended').requests).toBe(made.length);
    expect(made.filter((one) => one.includes('watch=true'))).toHaveLength(2);
    expect(podsOf(of)[0]?.metadata?.labels).toMatchObject({ dag_id: 'dag', task_id: 'task' });
    expect(podsOf(of)[0]?.metadata?.labels).not.toHaveProperty('kubernetes_pod_operator');
    await untilGone(of);
  });

  test('tells pods apart that run side by side, and gathers their results by index', async () => {
    const script = 'echo "I am $JOB_COMPLETION_INDEX"; sleep 1; echo $JOB_COMPLETION_INDEX > /airflow/xcom/return.json';
    const spec = { completions: 3, parallelism: 3, completionMode: 'Indexed' };
    const indexed = start(request(job(script, spec), { result: { path: '/airflow/xcom/return.json' } }));
    const other = start(request(job('echo here', { completions: 2, parallelism: 2 })));
    expect(await indexed.ended()).toBe(EXIT_CODES.OK);
    const told = indexed.of('log').map(({ label, line }) => `${label ?? ''}: ${line}`);
    expect(told.sort()).toEqual(['0: I am 0', '1: I am 1', '2: I am 2']);
    expect(indexed.one('result').json).toBe('[0,1,2]');
    expect(indexed.one('ended')).toMatchObject({ outcome: 'succeeded', succeeded: 3 });
    expect(indexed.of('state').at(-1)).toMatchObject({ state: 'ended', completions: 3 });
    expect(await other.ended()).toBe(EXIT_CODES.OK);
    const names = other.of('log').map(({ pod, label }) => [pod.slice(-5), label]);
    expect(names).toHaveLength(2);
    expect(names.every(([end, label]) => end === label)).toBe(true);
  });

  test('tells why a Job failed: its own reason, that of its pods, and the events', async () => {
    const policy = {
      rules: [{ action: 'FailJob', onExitCodes: { containerName: 'base', operator: 'In', values: [42] } }],
    };
    const given: [string, object, number | null][] = [
      ['BackoffLimitExceeded', job('echo before; exit 3'), 3],
      ['DeadlineExceeded', job('echo before; sleep 600', { activeDeadlineSeconds: 3 }), 137],
      ['PodFailurePolicy', job('echo before; exit 42', { backoffLimit: 6, podFailurePolicy: policy }), 42],
    ];
    const all = given.map(([reason, manifest, exitCode]) => ({ reason, exitCode, run: start(request(manifest)) }));
    for (const { reason, exitCode, run } of all) {
      expect(await run.ended()).toBe(EXIT_CODES.POD_FAILED);
      const ended = run.one('ended');
      expect(ended).toMatchObject({ outcome: 'failed', reason, exitCode, job: 'deleted' });
      expect(ended.message).toContain(`exit code ${exitCode ?? ''}`);
      expect(ended.podEvents.join('\n')).toMatch(/SuccessfulCreate.*Started/s);
      expect(run.lines()).toEqual(['before']);
    }
  });

  test('reads the log of a container that is restarted as one', async () => {
    const script = 'if [ -e /v/again ]; then echo second; else touch /v/again; echo first; exit 1; fi';
    const manifest = job(
      script,
      { backoffLimit: 3 },
      { restartPolicy: 'OnFailure', volumes: [{ name: 'v', emptyDir: {} }] },
    ) as { spec: { template: { spec: { containers: object[] } } } };
    const [base] = manifest.spec.template.spec.containers;
    manifest.spec.template.spec.containers = [{ ...base, volumeMounts: [{ name: 'v', mountPath: '/v' }] }];
    const run = start(request(manifest));
    expect(await run.ended()).toBe(EXIT_CODES.OK);
    expect(run.lines()).toEqual(['first', 'second']);
  });

  test('waits for a Job that is suspended, and tells as much of its logs as is asked for', async () => {
    const tail = { onlyAtEnd: true, lines: 3 };
    const run = start(request(job('seq 1 50; sleep 1', { suspend: true }), { startupTimeoutSeconds: 60, tail }));
    await run.until('it is suspended', (event) => event.type === 'state' && event.state === 'suspended');
    expect(run.of('state')[0]?.message).toContain('spec.suspend is true');
    await batch.patchNamespacedJob({
      name: run.one('created').name,
      namespace: namespace.name,
      body: [{ op: 'replace', path: '/spec/suspend', value: false }],
    });
    expect(await run.ended()).toBe(EXIT_CODES.OK);
    expect(run.lines()).toEqual(['(47 older lines are not shown)', '48', '49', '50']);
    const kinds = run.events.map(({ type }) => type);
    expect(kinds.indexOf('log')).toBeGreaterThan(kinds.lastIndexOf('pod'));
  });

  test('fails with the reason of a pod that cannot start, and leaves nothing behind', async () => {
    const manifest = job('true') as { spec: { template: { spec: object } } };
    manifest.spec.template.spec = { containers: [{ name: 'base', image: 'localhost:1/no-such:1' }] };
    const missing = request(manifest, { startupTimeoutSeconds: 4, onFinish: 'keep_pod' });
    const nowhere = request(job('true', {}, { nodeSelector: { 'no-such': 'node' } }), { scheduleTimeoutSeconds: 3 });
    const [one, other] = [start(missing), start(nowhere)];
    expect(await one.ended()).toBe(EXIT_CODES.POD_FAILED);
    expect(['ErrImagePull', 'ImagePullBackOff']).toContain(one.one('ended').reason);
    expect(one.one('ended').podEvents.join()).toContain('no-such');
    expect(await other.ended()).toBe(EXIT_CODES.POD_FAILED);
    expect(other.one('ended')).toMatchObject({ reason: 'Unschedulable', job: 'deleted' });
    await untilGone(missing);
    await untilGone(nowhere);
  });

  test('fails when somebody else deletes the Job', async () => {
    const of = request(job('echo up; sleep 600'));
    const run = start(of);
    await run.until('it runs', ({ type }) => type === 'log');
    const { name } = run.one('created');
    await batch.deleteNamespacedJob({ name, namespace: namespace.name, propagationPolicy: 'Background' });
    expect(await run.ended()).toBe(EXIT_CODES.POD_FAILED);
    expect(run.one('ended')).toMatchObject({ outcome: 'failed', reason: 'Deleted', job: 'gone' });
    expect(run.lines()).toEqual(['up']);
    await untilGone(of);
  });

  test('SIGTERM takes Job and pods away, whichever goes first', async () => {
    const all = (['Foreground', 'Background'] as const).map((propagation) => {
      const of = request(job('echo up; sleep 600'), { propagation, onFinish: 'keep_pod' });
      return { of, run: start(of) };
    });
    const end = async ({ of, run }: (typeof all)[number]): Promise<void> => {
      await run.until('it runs', ({ type }) => type === 'log');
      run.signal('SIGTERM');
      expect(await run.ended()).toBe(EXIT_CODES.KILLED);
      expect(run.one('ended')).toMatchObject({ outcome: 'killed', job: 'deleted' });
      await untilGone(of);
    };
    await Promise.all(all.map(end));
  });

  test('SIGTERM while the create is on its way leaves no Job behind', async () => {
    const of = request(job('sleep 600'));
    proxy.fault = ({ method }) => (method === 'POST' ? 'hold-answer' : null);
    const run = start(of);
    await until('the create was sent', () => proxy.heldBack() > 0, { state: () => run.state() });
    run.signal('SIGTERM');
    proxy.letGo();
    expect(await run.ended()).toBe(EXIT_CODES.KILLED);
    await untilGone(of);
  });

  test('goes on with the one Job when the worker is killed, at whichever step', async () => {
    const spec = { completions: 2, parallelism: 2, completionMode: 'Indexed' };
    const killed = async (first: JobProcess, moment: string, isReached: () => boolean): Promise<void> => {
      await until(moment, isReached, { timeoutMs: 60_000, state: () => first.state() });
      first.signal('SIGKILL');
      await first.ended();
    };
    const all = Array.from({ length: 4 }, () => request(job('echo begin; sleep 3; echo end', spec)));
    const [sent, made, told, over] = all as [JobRequestInput, JobRequestInput, JobRequestInput, JobRequestInput];

    proxy.fault = ({ method }) => (method === 'POST' ? 'hold-answer' : null);
    await killed(start(sent), 'the create was sent', () => proxy.heldBack() > 0);
    proxy.fault = ({ method }) => (method === 'DELETE' ? 'cut' : null);
    proxy.letGo();
    const firsts = [made, told, over].map(start) as [JobProcess, JobProcess, JobProcess];
    const isDeleted = (name: string): boolean =>
      proxy.requests.some(({ method, path }) => method === 'DELETE' && path.endsWith(name));
    await Promise.all([
      killed(firsts[0], 'the Job was created', () => firsts[0].of('created').length > 0),
      killed(firsts[1], 'a line was told', () => firsts[1].lines().length > 0),
      killed(firsts[2], 'the Job has ended', () => firsts[2].of('created').some(({ name }) => isDeleted(name))),
    ]);
    proxy.fault = () => null;

    for (const [of, second] of all.map((one) => [one, start(nextTry(one))] as const)) {
      expect(await second.ended()).toBe(EXIT_CODES.OK);
      expect(second.one('reattached')).toBeDefined();
      for (const index of ['0', '1']) {
        const lines = second.of('log').filter(({ label }) => label === index);
        expect(lines.map(({ line }) => line)).toEqual(['begin', 'end']);
      }
      expect(jobsOf(of).size).toBe(1);
      expect(podsOf(of)).toHaveLength(2);
      await untilGone(of);
    }
  });

  test('two workers at once make one Job, and an older one leaves it to the later', async () => {
    const of = request(job('echo begin; sleep 3; echo end'));
    const [first, same] = [start(of), start(of)];
    await first.until('it runs', ({ type }) => type === 'log');
    const later = start(nextTry(of));
    await later.until('it has taken the Job over', ({ type }) => type === 'reattached');
    first.closeInput();
    expect(await first.ended()).toBe(EXIT_CODES.DETACHED);
    expect([await same.ended(), await later.ended()]).toEqual([EXIT_CODES.OK, EXIT_CODES.OK]);
    expect(same.of('warning').map(({ message }) => message)).toEqual([expect.stringContaining('is left alone')]);
    expect(later.lines()).toEqual(['begin', 'end']);
    expect(later.one('ended').job).toBe('deleted');
    expect(jobsOf(of).size).toBe(1);
  });

  test('a Job that is kept after its end is not gone on with; one with a name of its own makes room', async () => {
    const kept = request(job('exit 1'), { onFinish: 'keep_pod' });
    const named = { name: 'mine', exactName: true, replaceEnded: true, onFinish: 'keep_pod' } as const;
    const mine = request(job('exit 1'), named);
    const firsts = [start(kept), start(mine)] as const;
    expect([await firsts[0].ended(), await firsts[1].ended()]).toEqual([EXIT_CODES.POD_FAILED, EXIT_CODES.POD_FAILED]);
    expect(firsts.map((run) => run.one('ended').job)).toEqual(['kept', 'kept']);
    const seconds = [start(nextTry(kept)), start(nextTry(mine))] as const;
    expect([await seconds[0].ended(), await seconds[1].ended()]).toEqual([
      EXIT_CODES.POD_FAILED,
      EXIT_CODES.POD_FAILED,
    ]);
    expect(seconds[0].one('created').name).not.toBe(firsts[0].one('created').name);
    expect(seconds[1].one('created').name).toBe('mine');
    expect([jobsOf(kept).size, jobsOf(mine).size]).toEqual([2, 2]);

    const next = start(request(job('echo 2; sleep 3'), named));
    await next.until('it runs', ({ type }) => type === 'log');
    const early = start(request(job('echo 3'), named));
    expect(await early.ended()).toBe(EXIT_CODES.CONFIG);
    expect(early.one('error')).toMatchObject({ code: 'NameTaken' });
    expect(early.one('error').message).toContain('belongs to DAG dag, task task, run run-');
    expect(await next.ended()).toBe(EXIT_CODES.OK);
  });

  test('needs the rights that are documented, and leaves nothing where it may not look', async () => {
    const may = (group: string, resource: string, ...verbs: string[]) => ({
      apiGroups: [group],
      resources: [resource],
      verbs,
    });
    const ofJobs = may('batch', 'jobs', 'create', 'list', 'watch', 'get', 'delete', 'patch');
    const rest = [ofJobs, may('', 'pods/log', 'get'), may('', 'events', 'list')];
    const as = async (name: string, ...rights: Parameters<typeof TestServiceAccount.create>[2][]): Promise<string> => {
      const [pods = ['get']] = rights;
      const more = name === 'none' ? [] : name === 'blind' ? [ofJobs] : rest;
      const account = await TestServiceAccount.create(namespace, name, pods, more);
      await account.useToken(name);
      return account.kubeconfig;
    };
    const begin = (of: JobRequestInput, kubeconfig: string): JobProcess => {
      const run: JobProcess = new RunProcess<JobEvent>(of, kubeconfig, 'run-job');
      running.push(run);
      return run;
    };
    const [seeing, blind, none] = [1, 2, 3].map(() => request(job('echo seen; exit 1'))) as [
      JobRequestInput,
      JobRequestInput,
      JobRequestInput,
    ];
    const all = [
      begin(seeing, await as('seeing', ['list', 'watch'])),
      begin(blind, await as('blind')),
      begin(none, await as('none')),
    ] as const;
    expect(await all[0].ended()).toBe(EXIT_CODES.POD_FAILED);
    expect(all[0].lines()).toEqual(['seen']);
    expect(all[0].of('warning')).toEqual([]);
    expect(await all[1].ended()).toBe(EXIT_CODES.PERMISSION);
    expect(all[1].one('error').message).toContain('not allowed to watch pods');
    expect(await all[2].ended()).toBe(EXIT_CODES.PERMISSION);
    expect(all[2].of('created')).toEqual([]);
    await untilGone(blind);
    await untilGone(none);
  });

  test('goes on after all connections broke and the API server was away while the Job ended', async () => {
    const run = start(request(job('echo one; sleep 3; echo two')));
    await run.until('it runs', ({ type }) => type === 'log');
    const { name } = run.one('created');
    proxy.fault = () => 'cut';
    proxy.cutConnections();
    await until('it has ended', async () =>
      (await jobs()).some(({ metadata, status }) => metadata?.name === name && status?.succeeded === 1),
    );
    expect(run.exitCode).toBeNull();
    proxy.fault = () => null;
    expect(await run.ended()).toBe(EXIT_CODES.OK);
    expect(run.lines()).toEqual(['one', 'two']);
  });

  test('leaves a Job to itself that is not to be waited for', async () => {
    const run = start(request(job('true'), { until: 'created' }));
    expect(await run.ended()).toBe(EXIT_CODES.OK);
    expect(run.events.map(({ type }) => type)).toEqual(['created']);
  });

  test('refuses what makes no Job with file, line and field, and creates nothing', async () => {
    const yaml = (container: string): string =>
      ['kind: Job', 'spec:', '  template:', '    spec:', '      containers:', `      - ${container}`].join('\n');
    const wrong: [string, RegExp][] = [
      [yaml('{name: a, image: b, imagePulPolicy: Never}'), /job.yaml, line 6: .*unknown field.*\[0\].imagePulPolicy/],
      [yaml('{name: a, image: b, imagePullPolicy: Often}'), /job.yaml, line 6: .*containers\[0\].imagePullPolicy/],
      [yaml('{name: a}'), /job.yaml, line 6: 'spec.template.spec.containers\[a\].image' is missing/],
      [yaml('{name: a, image'), /job.yaml: is not YAML: .*line 6/s],
      ['kind: CronJob\nspec: {}', /job.yaml, line 1: 'kind' \("CronJob"\) must be Job/],
    ];
    const all = wrong.map(([text, message]) => {
      const of = request({}, { layers: [{ source: 'job.yaml', yaml: text }] });
      return { of, message, run: start(of) };
    });
    for (const { of, message, run } of all) {
      expect(await run.ended()).toBe(EXIT_CODES.CONFIG);
      expect(run.one('error').message).toMatch(message);
      expect((await jobs()).filter(({ metadata }) => metadata?.labels?.run_id === of.task?.runId)).toEqual([]);
    }
  });

  test('from the shell: prints the logs and ends with the exit code of the container', () => {
    const path = join(mkdtempSync(join(tmpdir(), 'run-job-')), 'job.yaml');
    writeFileSync(path, JSON.stringify({ metadata: { name: 'hand' }, ...job('echo hello; exit 7') }));
    const args = ['run-job', path, '--follow', '--namespace', namespace.name, '--kubeconfig', namespace.kubeconfig];
    const done = spawnSync(process.execPath, [launcherBundle(), ...args], {
      env: { PATH: process.env.PATH, HOME: tmpdir() },
      encoding: 'utf8',
      timeout: 120_000,
    });
    expect(done.stdout).toBe('hello\n');
    expect(done.status).toBe(7);
    expect(done.stderr).toMatch(/job .*hand-[a-z2-7]{16} created/);
    expect(done.stderr).toContain('BackoffLimitExceeded');
  });
});
