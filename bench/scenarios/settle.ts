import { countWrites } from '../cluster/audit-log.js';
import { podTemplate } from '../contenders/pod-template.js';
import { type BenchContext, patienceMs } from '../context.js';
import { percentile } from '../statistics.js';
import { type RunningExecutor, START_MS, withOurs, withStock } from './executors.js';

/** All pods of this project's executor succeed while the launcher is frozen; how fast that heap is settled then. */
export async function settleOurs(context: BenchContext, size: number): Promise<void> {
  await withOurs(context, size, template(context), (executor) => settle(context, executor, size));
}

/** The same of Airflow's own, while its watcher is frozen. */
export async function settleStock(context: BenchContext, size: number): Promise<void> {
  await withStock(context, size, template(context), (executor) => settle(context, executor, size));
}

function template({ node }: BenchContext): string {
  return podTemplate({ node, hold: true });
}

async function settle(context: BenchContext, executor: RunningExecutor, size: number): Promise<void> {
  const { contender, namespace, process } = executor;
  process.next();
  const { at: startedAt } = await process.said('started', START_MS);
  await process.said('launched', patienceMs(size));
  await namespace.waitForPods(size, patienceMs(size));
  await namespace.waitForPhase('Running', patienceMs(size));
  executor.signal('SIGSTOP');
  await namespace.release();
  await namespace.waitForPhase('Succeeded', patienceMs(size));
  const resumedAt = Date.now();
  executor.signal('SIGCONT');
  await process.said('ended', patienceMs(size));
  await namespace.waitForPods(0, patienceMs(size));
  process.next();
  const done = await process.said('done', START_MS);
  const counts = countWrites(await context.audit.podWrites(namespace.name, startedAt));
  if (counts.created !== size) {
    throw new Error(`${contender}: ${counts.created} pods were created for ${size} workloads`);
  }
  const of = { contender, size } as const;
  const settled = (counts.deleted * 1000) / (counts.lastDeleteAt - resumedAt);
  context.record({ ...of, figure: 'settledPerSecond', value: settled });
  context.record({ ...of, figure: 'writesPerPod', value: counts.writes / size });
  context.record({ ...of, figure: 'deletesPerPod', value: counts.deletes / size });
  context.record({ ...of, figure: 'refusedPerPod', value: counts.refused / size });
  context.record({ ...of, figure: 'heartbeatP99Ms', value: percentile(done.heartbeatsMs, 99) });
  context.record({ ...of, figure: 'heartbeatMaxMs', value: Math.max(...done.heartbeatsMs) });
  context.record({ ...of, figure: 'intakeMs', value: done.firstHeartbeatMs });
  context.record({ ...of, figure: 'executorPssMb', value: done.pssBytes / 1e6 });
  context.record({ ...of, figure: 'cpuMsPerPod', value: (done.cpuSeconds * 1000) / size });
}
