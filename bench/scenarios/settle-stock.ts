import { countWrites } from '../cluster/audit-log.js';
import { ExecutorProcess } from '../contenders/executor-process.js';
import { podTemplate } from '../contenders/pod-template.js';
import { stockEnvironment } from '../contenders/stock.js';
import { type BenchContext, inNamespace, patienceMs } from '../context.js';

const START_MS = 120_000;

/** The stock executor's watcher is frozen while all pods succeed; how fast that heap is settled then. */
export async function settleStock(context: BenchContext, size: number): Promise<void> {
  await inNamespace(context, 'settle', size, async (namespace) => {
    const template = podTemplate({ placement: { by: 'name', node: context.node }, hold: true });
    const env = { ...context.airflow.fresh(template), ...stockEnvironment(context.kubeconfig, namespace.name) };
    const executor = new ExecutorProcess(context.airflow.python, 'stock', size, env);
    try {
      const { watchers } = await executor.said('ready', START_MS);
      executor.next();
      const { at: startedAt } = await executor.said('started', START_MS);
      await executor.said('launched', patienceMs(size));
      await namespace.waitForPods(size, patienceMs(size));
      await namespace.waitForPhase('Running', patienceMs(size));
      for (const pid of watchers) {
        process.kill(pid, 'SIGSTOP');
      }
      await namespace.release();
      await namespace.waitForPhase('Succeeded', patienceMs(size));
      const resumedAt = Date.now();
      for (const pid of watchers) {
        process.kill(pid, 'SIGCONT');
      }
      await executor.said('ended', patienceMs(size));
      await namespace.waitForPods(0, patienceMs(size));
      executor.next();
      await executor.said('done', START_MS);
      const counts = countWrites(await context.audit.podWrites(namespace.name, startedAt));
      context.record({
        contender: 'stock',
        size,
        figure: 'settledPerSecond',
        value: (counts.deleted * 1000) / (counts.lastDeleteAt - resumedAt),
      });
    } finally {
      executor.kill();
    }
  });
}
