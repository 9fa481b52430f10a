import { EXIT_CODES } from '../../constructs/contract.js';
import type { ApplyEvent } from '../../src/runtime/apply/events.js';
import type { JobEvent } from '../../src/runtime/job/events.js';
import type { RunEvent } from '../../src/runtime/run/events.js';
import { RUN_PROTOCOL } from '../../src/runtime/run/request-parts.js';
import { TestNamespace } from './support/cluster.js';
import { Outage } from './support/control-plane.js';
import { launcherBundle } from './support/launcher-process.js';
import { RunProcess } from './support/run-process.js';
import { until } from './support/until.js';

jest.setTimeout(240_000);

const AWAY_SECONDS = 30;
const LONG = { timeoutMs: 120_000 };
/** The kubelet of the local cluster rotates a log of 50 MiB, at a look every 10 s. */
const LINES = 120_000;
const LINE_BYTES = 1000;

/** Real pods on the real node, and what really happens to them. */
describe('operators', () => {
  let namespace: TestNamespace;
  const running: { signal(signal: NodeJS.Signals): void }[] = [];

  beforeAll(async () => {
    namespace = await TestNamespace.create('run-outage');
    launcherBundle();
  });

  afterEach(() => {
    for (const run of running.splice(0)) {
      run.signal('SIGKILL');
    }
  });

  afterAll(async () => {
    await namespace.delete();
  });

  const podSpec = (script: string, restartPolicy?: string): object => ({
    ...(restartPolicy === undefined ? {} : { restartPolicy }),
    terminationGracePeriodSeconds: 1,
    automountServiceAccountToken: false,
    containers: [{ name: 'base', image: 'busybox:1', command: ['sh', '-c', script] }],
  });
  const request = (taskId: string, manifest: object): object => ({
    protocol: RUN_PROTOCOL,
    layers: [{ source: 'test', manifest }],
    namespace: namespace.name,
    task: { dagId: 'dag', taskId, runId: 'run', tryNumber: 1 },
  });
  const start = <E extends { readonly type: string }>(command: string, of: object): RunProcess<E> => {
    const run = new RunProcess<E>(of, namespace.kubeconfig, command);
    running.push(run);
    return run;
  };
  const podsOf = (taskId: string): number =>
    [...namespace.seen.values()].filter(({ metadata }) => metadata?.labels?.task_id === taskId).length;

  test(`go on with what they run when the API server is killed and away for ${AWAY_SECONDS} s`, async () => {
    const count = (lines: number): string => `i=0; while [ $i -lt ${lines} ]; do i=$((i+1)); echo $i; sleep 0.5; done`;
    // One ends while the API server is away, the others after it is back.
    const short = start<RunEvent>('run-pod', request('short', { spec: podSpec(count(20)) }));
    const long = start<RunEvent>('run-pod', request('long', { spec: podSpec(count(100)) }));
    const job = start<JobEvent>(
      'run-job',
      request('job', { spec: { backoffLimit: 0, template: { spec: podSpec(count(100), 'Never') } } }),
    );
    const waited = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'waited' }, spec: podSpec('sleep 50', 'Never') };
    const apply = start<ApplyEvent>('apply', {
      protocol: RUN_PROTOCOL,
      manifests: [{ source: 'waited.yaml', manifest: waited }],
      namespace: namespace.name,
      wait: ['jsonpath={.status.phase}=Succeeded'],
    });
    for (const run of [short, long, job]) {
      await until('it runs', () => run.lines().length > 0, { ...LONG, state: () => run.state() });
    }
    await apply.until('it is applied', ({ type }) => type === 'object');

    const outage = new Outage('apiserver', AWAY_SECONDS);
    await until('the API server is down', () => outage.down, LONG);
    await outage.over;

    for (const run of [short, long, job, apply]) {
      expect([await run.ended(), run.state()]).toEqual([EXIT_CODES.OK, run.state()]);
    }
    const numbers = (lines: number): string[] => Array.from({ length: lines }, (_, at) => String(at + 1));
    expect(short.lines()).toEqual(numbers(20));
    expect(long.lines()).toEqual(numbers(100));
    expect(job.lines()).toEqual(numbers(100));
    expect(['short', 'long', 'job'].map(podsOf)).toEqual([1, 1, 1]);
  });

  test('read a log whole that is rotated while they follow it', async () => {
    const pad = 'x'.repeat(LINE_BYTES);
    const script =
      `awk 'BEGIN { for (i = 1; i <= ${LINES}; i++) { print i " ${pad}"; ` +
      `if (i % 4000 == 0) { fflush(); system("sleep 1") } } }'`;
    const run = start<RunEvent>('run-pod', { ...request('rotated', { spec: podSpec(script) }), onFinish: 'keep_pod' });
    expect(await run.ended()).toBe(EXIT_CODES.OK);
    const { name } = run.one('created');
    // What the API server still has is what was written after the last rotation.
    const left = await namespace.core.readNamespacedPodLog({ name, namespace: namespace.name });
    expect(left.length).toBeLessThan((LINES * LINE_BYTES) / 2);

    const lines = run.lines();
    expect(lines).toHaveLength(LINES);
    expect(lines.findIndex((line, at) => line !== `${at + 1} ${pad}`)).toBe(-1);
  });
});
