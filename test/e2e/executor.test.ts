import { join } from 'node:path';
import { Duration } from 'cdk8s';
import { execa } from 'execa';
import { LABELS } from '../../constructs/contract.js';
import { Dags, Executor, Logs } from '../../constructs/index.js';
import type { DagRun, TaskInstance } from '../../src/cli/airflow-api.js';
import type { Pod } from '../../src/cli/kube/objects.js';
import { AirflowUnderTest } from './support/airflow.js';
import { Cluster, ROOT } from './support/cluster.js';
import { itExplains } from './support/diagnostics.js';
import { breakNode, fakeNode, realNode, setResource } from './support/nodes.js';
import { deploy } from './support/stack.js';
import { until } from './support/wait.js';

const MINUTE = 60_000;
/** The release of the image that `test/e2e/dags/executor` is baked into. */
const TAG = 'executor';
const KEEP_SECONDS = 45;
const SLOT = 'example.com/e2e-executor-slot';
const FAKE_NODE = 'e2e-executor';
const URGENT = 'e2e-executor-urgent';
const cluster = new Cluster('airflow-executor');
let airflow: AirflowUnderTest;
let node: string;

function e2e(name: string, body: () => Promise<void>, minutes = 5): void {
  itExplains(() => cluster, name, body, minutes * MINUTE);
}

const runs: Record<string, DagRun> = {};
/** All of them are under way at once: most of their time is waiting for Kubernetes. */
const DISRUPTED = ['node_gone', 'preempted', 'evicted_pending', 'deleted_pending'] as const;
const OTHERS = [
  ...(['unpullable', 'evicted_running', 'out_of_memory', 'deleted_running', 'talking', 'overridden'] as const),
  ...(['template', 'refused', 'template_broken', 'template_without_base', 'template_missing', 'crashed'] as const),
];
type Name = (typeof DISRUPTED)[number] | (typeof OTHERS)[number];

function run(name: Name): DagRun {
  const started = runs[name];
  if (started === undefined) {
    throw new Error(`${name} was not started`);
  }
  return started;
}

async function podsOf(name: Name): Promise<Pod[]> {
  const pods = await cluster.pods(`${LABELS.LAUNCH_ID},task_id=${name}`);
  return pods.filter(({ metadata }) => metadata.annotations?.run_id === run(name).dag_run_id);
}

/** The pod of an attempt, once there is one. */
async function podOf(name: Name, attempt: number, is: (pod: Pod) => boolean = () => true): Promise<Pod> {
  return await until(`pod ${attempt} of ${name}`, async () =>
    (await podsOf(name)).find((pod) => pod.metadata.labels?.[LABELS.ATTEMPT] === String(attempt) && is(pod)),
  );
}

function waitsInInit({ status }: Pod): boolean {
  return status?.initContainerStatuses?.some(({ state }) => state?.running !== undefined) ?? false;
}

async function forceDelete({ metadata }: Pod): Promise<void> {
  await cluster.kubectl(
    ...['delete', 'pod', metadata.name, '-n', cluster.namespace],
    ...['--grace-period=0', '--force', '--wait=false'],
  );
}

/** How Airflow shows the end of a run's one task: state, try, our entries of the audit log, the log view. */
async function view(name: Name): Promise<{
  readonly task: Pick<TaskInstance, 'state' | 'try_number'>;
  readonly audit: string[];
  readonly log: string;
}> {
  const { tasks } = await airflow.ended(run(name));
  const [task, ...others] = tasks;
  if (task === undefined || others.length > 0) {
    throw new Error(`${name} has ${tasks.length} tasks`);
  }
  const { state, try_number } = task;
  const entries = await airflow.auditLog(run(name));
  const audit = entries
    .filter(({ event }) => event.startsWith('pod ') && event !== 'pod pending')
    .map(({ event, extra }) => `${event}: ${extra ?? ''}`);
  return { task: { state, try_number }, audit, log: await airflow.log(task) };
}

const FAILED = { state: 'failed', try_number: 1 };
const SUCCEEDED = { state: 'success', try_number: 1 };

/** The task failed in its first try, and audit log and log view give this reason once. */
async function failsWith(name: Name, reason: RegExp): Promise<string> {
  const { task, audit, log } = await view(name);
  expect(task).toEqual(FAILED);
  expect(audit.filter((entry) => entry.startsWith('pod failed: '))).toEqual([
    expect.stringMatching(new RegExp(`^pod failed: ${reason.source}`)) as string,
  ]);
  expect(log).toMatch(new RegExp(`Pod failed: ${reason.source.replaceAll('"', '\\\\"')}`));
  return log;
}

/** The first pod was lost for this reason before the task began; a second one ran it, in the same try. */
async function runsAgain(name: Name, reason: RegExp): Promise<void> {
  const { task, audit, log } = await view(name);
  expect(audit).toEqual([expect.stringMatching(new RegExp(`^pod relaunched: ${reason.source}`)) as string]);
  expect(task).toEqual(SUCCEEDED);
  expect(log).toMatch(new RegExp(`Pod relaunched: ${reason.source}`));
}

async function start(names: readonly Name[]): Promise<void> {
  for (const name of names) {
    runs[name] = await airflow.start(`executor_${name}`);
  }
}

async function deletePending(): Promise<void> {
  await forceDelete(await podOf('deleted_pending', 1, waitsInInit));
}

async function evictPending(): Promise<void> {
  const { name, namespace = '' } = (await podOf('evicted_pending', 1, waitsInInit)).metadata;
  await cluster.kube.request('POST', `/api/v1/namespaces/${namespace}/pods/${name}/eviction`, {
    body: { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace } },
  });
}

/** Lets a pod of a higher priority take the place of the task's, and go again. */
async function preempt(): Promise<void> {
  await podOf('preempted', 1, waitsInInit);
  await cluster.create({
    ...{ apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass' },
    ...{ metadata: { name: URGENT }, value: 1000 },
  });
  const metadata = { name: 'urgent', namespace: cluster.namespace };
  await cluster.create({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata,
    spec: {
      ...{ priorityClassName: URGENT, automountServiceAccountToken: false, terminationGracePeriodSeconds: 0 },
      securityContext: { runAsNonRoot: true, runAsUser: 50000, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          name: 'urgent',
          image: `docker.io/cdk8s-airflow/airflow:${TAG}`,
          command: ['sleep', '600'],
          resources: { limits: { [SLOT]: '1' }, requests: { [SLOT]: '1' } },
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
        },
      ],
    },
  });
  await podOf('preempted', 2);
  await cluster.kubectl('delete', 'pod', metadata.name, '-n', metadata.namespace, '--force', '--grace-period=0');
}

async function loseNode(): Promise<void> {
  const { spec } = await podOf('node_gone', 1, ({ spec }) => spec.nodeName !== undefined);
  expect(spec.nodeName).toBe(FAKE_NODE);
  await breakNode(cluster, FAKE_NODE);
}

async function removeTraces(): Promise<void> {
  await cluster.kubectl('delete', 'node', FAKE_NODE, '--ignore-not-found');
  await cluster.kubectl('delete', 'priorityclass', URGENT, '--ignore-not-found');
  await setResource(cluster, node, SLOT, null);
}

beforeAll(async () => {
  const script = join(ROOT, 'scripts/images/load.sh');
  await execa(script, ['--tag', `${TAG}=${join(__dirname, 'dags/executor')}`, 'postgres'], {
    stdout: 'ignore',
    stderr: 'inherit',
  });
  node = await realNode(cluster);
  await removeTraces();
  await cluster.deleteNamespace();
}, 8 * MINUTE);

afterAll(async () => {
  await (airflow as AirflowUnderTest | undefined)?.close();
  await removeTraces();
  await cluster.abandonNamespace();
}, 5 * MINUTE);

describe('a stack whose tasks die in every way', () => {
  e2e(
    'comes up',
    async () => {
      await setResource(cluster, node, SLOT, '1');
      await deploy(cluster.namespace, {
        ...{ image: `docker.io/cdk8s-airflow/airflow:${TAG}`, dags: Dags.baked(), logs: Logs.ephemeral() },
        executor: Executor.kubernetes({
          pendingTimeout: Duration.seconds(60),
          keepFailed: Duration.seconds(KEEP_SECONDS),
        }),
      });
      airflow = await AirflowUnderTest.connect(cluster);
    },
    12,
  );

  e2e('loses pods before their tasks have begun', async () => {
    await fakeNode(cluster, FAKE_NODE);
    await start(DISRUPTED);
    await Promise.all([deletePending(), evictPending(), preempt(), loseNode()]);
  });

  e2e('starts all others', async () => {
    await start(OTHERS);
  });
});

// The first, before its pod is removed.
describe('a pod that dies before it wrote a log', () => {
  e2e('shows why, its last lines and its events in the log view, and is kept for a while', async () => {
    const log = await failsWith('crashed', /Error, exit 3/);
    expect(log).toContain('last words');
    expect(log).toMatch(/Normal Started: .*[Cc]ontainer/);

    const kept = await until('its pod is marked as settled', async () =>
      (await podsOf('crashed')).find(({ metadata }) => metadata.labels?.[LABELS.SETTLED] !== undefined),
    );
    const settledAt = Number(kept.metadata.labels?.[LABELS.SETTLED]);
    await until('it is removed', async () => (await podsOf('crashed')).length === 0);
    expect(Date.now() / 1000 - settledAt).toBeGreaterThan(KEEP_SECONDS);
    const after = await failsWith('crashed', /Error, exit 3/);
    expect(after).toContain('last words');
  });

  e2e('says when it ran out of memory', async () => {
    const log = await failsWith('out_of_memory', /OOMKilled, exit 137/);
    expect(log).toContain('more and more');
  });
});

describe('a pod that dies before its task began', () => {
  e2e('is launched again when somebody deletes it, and burns no retry', async () => {
    await runsAgain('deleted_pending', /deleted/);
  });

  e2e('is launched again when it is evicted', async () => {
    await runsAgain('evicted_pending', /evicted: by the Eviction API/);
  });

  e2e('is launched again when a more urgent pod preempts it', async () => {
    await runsAgain('preempted', /preempted/);
  });

  e2e('is launched again when its node is gone', async () => {
    await runsAgain('node_gone', /node lost/);
  });
});

describe('a pod that dies while its task runs', () => {
  e2e('fails the task at once when it is deleted', async () => {
    await airflow.task(run('deleted_running'), 'deleted_running', 'running');
    await forceDelete(await podOf('deleted_running', 1));
    await failsWith('deleted_running', /deleted/);
  });

  e2e('fails the task when the kubelet evicts it', async () => {
    await failsWith('evicted_running', /evicted: Usage of EmptyDir volume "fill" exceeds the limit "1Mi"/);
  });
});

describe('a task with a pod of its own', () => {
  e2e('gets what it overrides', async () => {
    const { task, log } = await view('overridden');
    expect(task).toEqual(SUCCEEDED);
    expect(log).toContain('VARIANT is from the override');
    expect((await podOf('overridden', 1)).metadata).toMatchObject({
      annotations: { 'e2e/pod': 'overridden' },
      labels: { component: 'worker' },
    });
  });

  e2e('gets a pod of its own template', async () => {
    const { task, log } = await view('template');
    expect(task).toEqual(SUCCEEDED);
    expect(log).toContain('VARIANT is from the template');
    const { metadata } = await podOf('template', 1);
    expect(metadata.annotations).toMatchObject({ 'e2e/pod': 'template' });
    expect(metadata.labels).not.toHaveProperty('component');
  });

  e2e('fails with what is wrong with it, and the launcher lives on', async () => {
    await failsWith('refused', /Invalid .*must be less than or equal to memory limit/);
    await failsWith('template_broken', /InvalidPodTemplate .*pod_template_file: is not YAML/);
    await failsWith('template_without_base', /InvalidPodTemplate .*has no container 'base'/);
    const { tasks } = await airflow.ended(run('template_missing'));
    expect(tasks.map(({ state, try_number }) => ({ state, try_number }))).toEqual([FAILED]);
    expect(JSON.stringify(await airflow.auditLog(run('template_missing')))).toMatch(/missing\.yaml.*cannot be read/);

    const scheduler = await cluster.ready('scheduler');
    const launcher = scheduler.status?.initContainerStatuses?.find(({ name }) => name === 'pod-launcher');
    expect(launcher).toMatchObject({ restartCount: 0, ready: true });
    const log = await cluster.kubectl('logs', scheduler.metadata.name, '-c', 'pod-launcher', '-n', cluster.namespace);
    expect(log).toMatch(/"dag":"executor_template_broken".*InvalidPodTemplate.*is not YAML/);
    expect(log).toMatch(/"dag":"executor_refused".*must be less than or equal to memory limit/);
  });
});

describe('a task that runs', () => {
  e2e('has its log streamed, each line once', async () => {
    const task = await airflow.task(run('talking'), 'talking', 'running');
    const pod = await podOf('talking', 1);
    await cluster.sh(pod, 'base', 'touch /tmp/say-1');
    const first = await until('the first line is streamed', async () => {
      const log = await airflow.streamedLog(task);
      return log.text.includes('line 1 of a task that talks') && log;
    });
    expect(first.contentType).toBe('application/x-ndjson');
    expect(first.text).not.toContain('line 2 of a task that talks');

    await cluster.sh(pod, 'base', 'touch /tmp/say-2');
    const both = await until('the second line follows', async () => {
      const { text } = await airflow.streamedLog(task);
      return text.includes('line 2 of a task that talks') && text;
    });
    expect(both.match(/line \d of a task that talks/g)).toEqual([
      'line 1 of a task that talks',
      'line 2 of a task that talks',
    ]);
    expect((await airflow.tasks(run('talking')))[0]?.state).toBe('running');
    await cluster.sh(pod, 'base', 'touch /tmp/go');
    expect((await airflow.ended(run('talking'))).run.state).toBe('success');
  });
});

// The last, for it waits longest.
describe('a pod whose image cannot be pulled', () => {
  e2e('is launched again, and fails the task when it still cannot', async () => {
    await failsWith('unpullable', /image cannot be pulled: .*no-such-image/);
    const { audit } = await view('unpullable');
    expect(audit.filter((entry) => entry.startsWith('pod relaunched: '))).toEqual([
      expect.stringMatching(/^pod relaunched: image cannot be pulled: .*no-such-image/) as string,
    ]);
  });
});
