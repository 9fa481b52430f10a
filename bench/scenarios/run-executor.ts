import { ENV } from '../../constructs/contract.js';
import { countWrites } from '../cluster/audit-log.js';
import type { BenchNamespace } from '../cluster/namespace.js';
import { ExecutorProcess } from '../contenders/executor-process.js';
import { LauncherProcess } from '../contenders/launcher-process.js';
import { podTemplate } from '../contenders/pod-template.js';
import { stockEnvironment } from '../contenders/stock.js';
import { type BenchContext, inNamespace, patienceMs } from '../context.js';
import { percentile } from '../statistics.js';

const START_MS = 120_000;

/** This project's executor in a turning scheduler loop, with the launcher behind it: from its queue to no pod left. */
export async function runOurExecutor(context: BenchContext, size: number): Promise<void> {
  await inNamespace(context, 'executor', size, async (namespace) => {
    const template = podTemplate({ placement: { by: 'scheduler' }, hold: false });
    const launcher = new LauncherProcess(namespace.name, context.kubeconfig, template);
    try {
      await launcher.start();
      const env = {
        ...context.airflow.fresh(template),
        [ENV.SOCKET]: launcher.socket,
        [ENV.DEPLOYMENT]: namespace.name,
      };
      await run(
        context,
        namespace,
        'executor',
        new ExecutorProcess(context.airflow.python, 'launcher', size, env),
        size,
      );
    } finally {
      await launcher.dispose();
    }
  });
}

/** Airflow's own KubernetesExecutor in the same loop, with its best settings. */
export async function runStockExecutor(context: BenchContext, size: number): Promise<void> {
  await inNamespace(context, 'stock', size, async (namespace) => {
    const template = podTemplate({ placement: { by: 'scheduler' }, hold: false });
    const env = { ...context.airflow.fresh(template), ...stockEnvironment(context.kubeconfig, namespace.name) };
    await run(context, namespace, 'stock', new ExecutorProcess(context.airflow.python, 'stock', size, env), size);
  });
}

async function run(
  context: BenchContext,
  namespace: BenchNamespace,
  contender: 'executor' | 'stock',
  executor: ExecutorProcess,
  size: number,
): Promise<void> {
  try {
    await executor.said('ready', START_MS);
    executor.next();
    const { at: startedAt } = await executor.said('started', START_MS);
    await executor.said('ended', patienceMs(size));
    await namespace.waitForPods(0, patienceMs(size));
    executor.next();
    const done = await executor.said('done', START_MS);
    const counts = countWrites(await context.audit.podWrites(namespace.name, startedAt));
    if (counts.created !== size) {
      throw new Error(`${contender}: ${counts.created} pods were created for ${size} workloads`);
    }
    const of = { contender, size } as const;
    context.record({ ...of, figure: 'createdPerSecond', value: (size * 1000) / (counts.lastCreateAt - startedAt) });
    context.record({ ...of, figure: 'secondsToDeleted', value: (counts.lastDeleteAt - startedAt) / 1000 });
    context.record({ ...of, figure: 'writesPerPod', value: counts.writes / size });
    context.record({ ...of, figure: 'deletesPerPod', value: counts.deletes / size });
    context.record({ ...of, figure: 'refusedPerPod', value: counts.refused / size });
    context.record({ ...of, figure: 'heartbeatP99Ms', value: percentile(done.heartbeatsMs, 99) });
    context.record({ ...of, figure: 'heartbeatMaxMs', value: Math.max(...done.heartbeatsMs) });
    context.record({ ...of, figure: 'intakeMs', value: done.firstHeartbeatMs });
    context.record({ ...of, figure: 'executorPssMb', value: done.pssBytes / 1e6 });
    if (contender === 'stock') {
      context.record({ ...of, figure: 'cpuMsPerPod', value: (done.cpuSeconds * 1000) / size });
    }
  } finally {
    executor.kill();
  }
}
