import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { TestNamespace } from './support/cluster.js';
import { FaultProxy } from './support/fault-proxy.js';
import { launcherBundle } from './support/launcher-process.js';
import { until } from './support/until.js';

jest.setTimeout(300_000);

interface Told {
  readonly kind: 'deferred' | 'started' | 'log' | 'event' | 'xcoms' | 'failure';
  readonly text?: string;
  readonly time?: string;
  readonly type?: string;
  readonly payload?: unknown;
  readonly xcoms?: unknown;
  readonly trigger?: { readonly kwargs: { readonly request: { readonly attach: { readonly name: string } } } };
}

const TASK_MS = 90_000;

/** Deferred pods: the operator as a worker runs it, then Airflow's own trigger runner, with real pods. */
describe('a deferred PodOperator', () => {
  let namespace: TestNamespace;
  let proxy: FaultProxy;
  let python: string;
  const home = mkdtempSync(join(tmpdir(), 'airflow-home-'));
  const triggerers: ChildProcess[] = [];

  beforeAll(async () => {
    namespace = await TestNamespace.create('deferred');
    proxy = await FaultProxy.start(namespace.kubeconfig);
    python = execFileSync('bash', ['scripts/python-test.sh', '--python'], { encoding: 'utf8' }).trim();
    launcherBundle();
  });

  afterAll(async () => {
    for (const triggerer of triggerers) {
      triggerer.kill('SIGKILL');
    }
    proxy.close();
    await namespace.delete();
  });

  const start = (runId: string, script: string, more: object = {}, given: object = {}) => {
    const parameters = {
      image: 'busybox:1',
      cmds: ['sh', '-c'],
      arguments: [script],
      namespace: namespace.name,
      config_file: proxy.kubeconfig,
      termination_grace_period: 1,
      ...more,
    };
    const all = { bundle: [process.execPath, launcherBundle()], runId, tryNumber: 1, parameters, ...given };
    const child = spawn(python, [resolve('test/integration/support/trigger_task.py'), JSON.stringify(all)], {
      env: {
        PATH: process.env.PATH,
        PYTHONPATH: resolve('python/src'),
        AIRFLOW_HOME: home,
        // They bring a listener, which a triggerer cannot call.
        AIRFLOW__CORE__LOAD_EXAMPLES: 'False',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    triggerers.push(child);
    const told: Told[] = [];
    const state = { told, said: '', ended: false };
    let rest = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        if (line.startsWith('{')) {
          told.push(JSON.parse(line) as Told);
        }
      }
    });
    child.stderr.on('data', (chunk: Buffer) => (state.said += chunk.toString('utf8')));
    child.on('close', () => (state.ended = true));
    const options = { timeoutMs: TASK_MS, state: () => state };
    const of = (kind: Told['kind']): Told[] => told.filter((one) => one.kind === kind);
    return {
      child,
      lines: () =>
        of('log')
          .filter(({ text = '' }) => text.startsWith('[base]'))
          .map(({ time, text }) => ({ time, text })),
      trigger: () => of('deferred')[0]?.trigger,
      pod: () => of('deferred')[0]?.trigger?.kwargs.request.attach.name ?? '',
      logged: (text: string) => until(`'${text}' is logged`, () => of('log').some((one) => one.text === text), options),
      ended: async (): Promise<{ event: Told | undefined; xcoms: unknown }> => {
        await until('the triggerer ends', () => state.ended, options);
        return { event: of('event')[0], xcoms: of('xcoms')[0]?.xcoms };
      },
    };
  };
  const podsOf = (runId: string) =>
    [...namespace.seen.values()].filter((pod) => pod.metadata?.labels?.run_id === runId);
  const isThere = async (name: string): Promise<boolean> =>
    (await namespace.pods()).some(({ metadata }) => metadata?.name === name);
  const untilGone = (name: string): Promise<void> =>
    until(`${name} is gone`, async () => !(await isThere(name)), { state: () => namespace.state() });

  test('ends its task in the triggerer, with log and result, in at most six requests besides the one watch', async () => {
    const from = proxy.requests.length;
    const script = 'echo hello; sleep 2; echo bye; echo \'{"a": 1}\' > /airflow/xcom/return.json';
    const task = start('one', script, { do_xcom_push: true });
    const { event, xcoms } = await task.ended();
    expect(event).toMatchObject({ type: 'TaskSuccessEvent', payload: 'success' });
    expect(xcoms).toEqual({ return_value: { a: 1 } });
    expect(task.lines().map(({ text }) => text)).toEqual(['[base] hello', '[base] bye']);
    // The pod stays until Airflow has surely written down its end; no later try goes on with it.
    expect(podsOf('one')[0]?.metadata?.labels?.already_checked).toBe('True');
    const made = proxy.requests.slice(from).map(({ method, path }) => `${method} ${path}`);
    const shared = made.filter((one) => one.includes('labelSelector=kubernetes_pod_operator'));
    expect(shared).toHaveLength(2);
    expect(made.length - shared.length).toBeLessThanOrEqual(5);
  });

  test('leaves a pod that failed to a worker, with the reason and the events', async () => {
    const { event } = await start('two', 'exit 5').ended();
    expect(event).toMatchObject({
      type: 'TriggerEvent',
      payload: { kind: 'ended', ended: { outcome: 'failed', exitCode: 5, reason: 'Error' } },
    });
    expect(JSON.stringify(event?.payload)).toContain('Started');
  });

  test('takes its pod along when the task is cleared, and not when the trigger has moved elsewhere', async () => {
    const moved = start('three', 'echo up; sleep 600', {}, { stillDeferred: true });
    const cleared = start('four', 'echo up; sleep 600');
    await Promise.all([moved.logged('[base] up'), cleared.logged('[base] up')]);
    moved.child.kill('SIGUSR1');
    cleared.child.kill('SIGUSR1');
    await Promise.all([moved.ended(), cleared.ended()]);
    await untilGone(cleared.pod());
    expect(await isThere(moved.pod())).toBe(true);
  });

  const goesOnAfter = async (signal: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
    const script = 'echo begin; sleep 6; echo end; echo 7 > /airflow/xcom/return.json';
    const first = start(signal, script, { do_xcom_push: true });
    await first.logged('[base] begin');
    first.child.kill(signal);
    await until('the first triggerer is gone', () => first.child.exitCode !== null || first.child.signalCode !== null);
    expect(await isThere(first.pod())).toBe(true);
    const second = start(signal, script, {}, { trigger: first.trigger() });
    expect(await second.ended()).toMatchObject({
      event: { type: 'TaskSuccessEvent' },
      xcoms: { return_value: 7 },
    });
    expect(second.lines().map(({ text }) => text)).toEqual(['[base] begin', '[base] end']);
    // The same line has the same time in both logs: Airflow shows it once.
    expect(second.lines()[0]).toEqual(first.lines()[0]);
    expect(podsOf(signal)).toHaveLength(1);
  };

  test('goes on in another triggerer when the first was stopped or killed', async () => {
    await Promise.all([goesOnAfter('SIGTERM'), goesOnAfter('SIGKILL')]);
  });

  test('is left to a worker where the triggerer cannot read what functions of the DAG want to see', async () => {
    const { event } = await start('five', 'echo hello', {}, { formatter: true }).ended();
    expect(event?.payload).toMatchObject({ kind: 'attach', pod: { namespace: namespace.name } });
  });
});
