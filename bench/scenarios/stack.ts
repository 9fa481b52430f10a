import type { BenchContext } from '../context.js';
import type { Contender, FigureName } from '../samples.js';
import type { AirflowStack, TaskTimes } from '../stack/airflow-stack.js';
import { podPssBytes, PodMeter, PssMeter } from '../stack/cgroups.js';
import { freezeApiServer, killScheduler, removeQuota, setQuota } from '../stack/faults.js';
import { PodWatch } from '../stack/pod-watch.js';
import { percentile } from '../statistics.js';

const IDLE_MS = 60_000;
const SETTLED_MS = 8000;
const OUTAGE_MS = 22_000;
/** The stock executor needs 308 s; what takes longer counts as never. */
const NEVER_STARTED_SECONDS = 330;
const KILLED_TASKS = 32;
const PODS_AT_KILL = 4;

export type StackScenario = (context: BenchContext, stack: AirflowStack) => Promise<void>;

/** Nothing happens for a minute. */
export async function idle(context: BenchContext, stack: AirflowStack): Promise<void> {
  const pod = await stack.schedulerPod();
  const since = Date.now();
  await pause(IDLE_MS);
  record(context, stack, 'schedulerPssIdleMb', podPssBytes(pod.metadata.uid ?? '') / 1e6);
  const requests = await schedulerRequests(context, stack, since);
  if (requests !== null) {
    record(context, stack, 'idleRequestsPerMinute', (requests * 60_000) / IDLE_MS);
  }
}

/** One task on a cluster that has nothing else to do. */
export async function oneTask(context: BenchContext, stack: AirflowStack): Promise<void> {
  // What the run before it left to do, such as another standby pod, is over by then.
  await pause(SETTLED_MS);
  const [task] = await stack.ended(await stack.start('one'));
  if (task !== undefined) {
    record(context, stack, 'queuedToRunningSeconds', (task.startedAt - task.queuedAt) / 1000, 1);
  }
}

/** 60 mapped tasks that do nothing, with the limits that Airflow has by default. */
export async function fanOut(context: BenchContext, stack: AirflowStack): Promise<void> {
  const size = 60;
  const pod = await stack.schedulerPod();
  const since = Date.now();
  const watch = await PodWatch.start(context.kubeconfig, stack.cluster.namespace, 'bench_sixty');
  const pods = new PodMeter();
  const pss = new PssMeter(pod.metadata.uid ?? '');
  try {
    const times = await stack.ended(await stack.start('sixty'));
    await stack.podsGone('bench_sixty');
    const of = (figure: FigureName, value: number): void => {
      record(context, stack, figure, value, size);
    };
    of('fanOutSeconds', seconds(times));
    of('failedTasks', size - succeeded(times));
    const gaps = times.map(({ mapIndex, endedAt }) => ((watch.endedAt.get(mapIndex) ?? NaN) - endedAt) / 1000);
    of('taskToPodEndSeconds', percentile(gaps.filter(Number.isFinite), 50));
    const uses = pods.stop();
    of('podCpuSeconds', uses.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0) / uses.length);
    of('podMemoryMb', uses.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0) / uses.length / 1e6);
    of('schedulerPssBusyMb', pss.stop() / 1e6);
    const requests = await schedulerRequests(context, stack, since);
    if (requests !== null) {
      of('requestsPerPod', requests / size);
    }
  } finally {
    watch.stop();
    pods.stop();
    pss.stop();
  }
}

/** 40 tasks where only 8 pods may be. */
export async function quota(context: BenchContext, stack: AirflowStack): Promise<void> {
  await setQuota(stack, 8);
  try {
    const times = await stack.ended(await stack.start('forty_at_once'));
    record(context, stack, 'succeededUnderQuota', succeeded(times), 40);
  } finally {
    await removeQuota(stack);
  }
}

/** 40 tasks undisturbed, and again with an API server that says nothing for 22 s of that time. */
export async function outage(context: BenchContext, stack: AirflowStack): Promise<void> {
  const undisturbed = seconds(await stack.ended(await stack.start('forty')));
  const watch = await PodWatch.start(context.kubeconfig, stack.cluster.namespace, 'bench_forty');
  let times: readonly TaskTimes[];
  try {
    const run = await stack.start('forty');
    await watch.waitFor(8);
    await freezeApiServer(OUTAGE_MS);
    times = await stack.ended(run);
  } finally {
    watch.stop();
  }
  record(context, stack, 'outageRatio', seconds(times) / undisturbed, 40);
  record(context, stack, 'succeededInOutage', succeeded(times), 40);
}

/**
 * All that runs in the scheduler's pod is killed when 4 of 32 tasks have a pod; how long until all have started. Our
 * executor has all pods made before one could look, so there a quota holds 28 of them back until the kill.
 */
export async function schedulerKilled(context: BenchContext, stack: AirflowStack): Promise<void> {
  const ours = stack.contender !== 'stock';
  const watch = await PodWatch.start(context.kubeconfig, stack.cluster.namespace, 'bench_waiting');
  try {
    if (ours) {
      await setQuota(stack, PODS_AT_KILL);
    }
    const run = await stack.start('waiting');
    await watch.waitFor(PODS_AT_KILL);
    await stack.whenTimes(run, (times) => times.filter(({ queuedAt }) => queuedAt > 0).length === KILLED_TASKS);
    await killScheduler(stack);
    const killedAt = Date.now();
    if (ours) {
      await removeQuota(stack);
    }
    const times = await stack.whenTimes(
      run,
      (now) => now.every(({ startedAt }) => startedAt > 0),
      NEVER_STARTED_SECONDS,
    );
    const last = Math.max(...times.map(({ startedAt }) => startedAt));
    record(context, stack, 'startedAfterKillSeconds', (last - killedAt) / 1000, KILLED_TASKS);
    await stack.ended(run);
  } finally {
    watch.stop();
    await removeQuota(stack);
  }
}

function record(
  context: BenchContext,
  { contender }: { readonly contender: Contender },
  figure: FigureName,
  value: number,
  size = 0,
): void {
  context.record({ contender, figure, size, value });
}

async function schedulerRequests(context: BenchContext, stack: AirflowStack, since: number): Promise<number | null> {
  const { namespace } = stack.cluster;
  const user = `system:serviceaccount:${namespace}:airflow-airflow-scheduler`;
  return await context.audit.requestsBy(user, namespace, since, Date.now());
}

/** From the first task queued to the last one ended. */
function seconds(times: readonly TaskTimes[]): number {
  const queued = times.map(({ queuedAt }) => queuedAt).filter(Number.isFinite);
  const ended = times.map(({ endedAt }) => endedAt).filter(Number.isFinite);
  return (Math.max(...ended) - Math.min(...queued)) / 1000;
}

function succeeded(times: readonly TaskTimes[]): number {
  return times.filter(({ state }) => state === 'success').length;
}

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
