import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { CoreV1Api, KubeConfig } from '@kubernetes/client-node';
import { execa } from 'execa';
import { until } from '../../test/integration/support/until.js';
import { Connection } from '../cluster/connection.js';
import { podTemplate } from '../contenders/pod-template.js';
import { cpuMs } from '../contenders/process-stats.js';
import { type BenchContext, inNamespace, patienceMs } from '../context.js';
import { createAccount } from '../operators/account.js';
import { installedPackage } from '../operators/package.js';
import { type Process, processTree } from '../operators/processes.js';
import { StandaloneAirflow } from '../operators/standalone.js';
import type { FigureName } from '../samples.js';
import { scratchFolder } from '../scratch.js';
import { pssBytes } from '../stack/cgroups.js';

const DAG = 'bench';
const SETTLED_MS = 20_000;
const REST_MS = 60_000;
const IN_FLIGHT = 32;

/** So many deferred pods, which kwok plays, on one triggerer: at rest for a minute, then all end at once. */
export async function deferredPods(context: BenchContext, size: number): Promise<void> {
  const packages = await installedPackage(context.airflow.python);
  await inNamespace(context, 'deferred', size, async (namespace) => {
    const { kubeconfig, user } = await createAccount(namespace);
    const pods = await createPods(context, namespace.name, size);
    await namespace.waitForPhase('Running', patienceMs(size));
    const file = join(scratchFolder('deferred'), 'pods.json');
    writeFileSync(file, JSON.stringify({ namespace: namespace.name, kubeconfig, pods }));
    const startedAt = Date.now();
    const airflow = await StandaloneAirflow.start({
      airflow: context.airflow,
      packages,
      env: { BENCH_NAMESPACE: namespace.name, BENCH_KUBECONFIG: kubeconfig, BENCH_USE: '/dev/null' },
      components: ['triggerer'],
      prepare: async (env) => {
        await execa(context.airflow.python, [resolve('bench/operators/defer.py'), file], { env, extendEnv: false });
      },
    });
    const record = (contender: 'triggerer' | 'watch-pods', figure: FigureName, value: number): void => {
      context.record({ figure, contender, size, value });
    };
    const requests = (from: number, to: number): Promise<number | null> =>
      context.audit.requestsBy(user, namespace.name, from, to);
    try {
      await until('all pods are followed', () => followed(airflow) >= size, {
        timeoutMs: patienceMs(size),
        everyMs: 2000,
        state: () => followed(airflow),
      });
      await pause(SETTLED_MS);
      const restAt = Date.now();
      const opened = await requests(startedAt, restAt);
      if (opened === null) {
        throw new Error('the audit log has no reads of the service account: nobody knows how many watches there are');
      }
      record('watch-pods', 'deferredWatches', opened);
      const processes = processTree(airflow.pid('triggerer'));
      const child = processes.filter(({ args }) => args.includes('watch-pods'));
      if (child.length !== 1) {
        throw new Error(`the triggerer has ${child.length} children that follow pods, and not one`);
      }
      const rest = processes.filter(({ args }) => !args.includes('watch-pods'));
      const before = [cpu(rest), cpu(child)] as const;
      await pause(REST_MS);
      for (const [contender, of, cpuBefore] of [
        ['triggerer', rest, before[0]],
        ['watch-pods', child, before[1]],
      ] as const) {
        record(contender, 'deferredCpuPercent', ((cpu(of) - cpuBefore) * 100) / REST_MS);
        record(contender, 'deferredPssMb', of.reduce((sum, { pid }) => sum + (pssBytes(pid) ?? 0), 0) / 1e6);
      }
      // That reads are recorded is known by now: where there is none, none was made.
      const made = (await requests(restAt, restAt + REST_MS)) ?? 0;
      record('watch-pods', 'deferredRequestsPerMinute', (made * 60_000) / REST_MS);
      const releasedAt = Date.now();
      await namespace.release();
      await until('all tasks succeed', async () => (await airflow.count(DAG, 'success')) === size, {
        timeoutMs: patienceMs(size),
        everyMs: 1000,
        state: () => airflow.count(DAG, 'success'),
      });
      record('triggerer', 'deferredEndSeconds', (Date.now() - releasedAt) / 1000);
    } finally {
      airflow.stop();
    }
  });
}

/** How many triggers have told that their pod runs. */
function followed(airflow: StandaloneAirflow): number {
  return airflow.logs(DAG).split('Pod is running').length - 1;
}

function cpu(processes: readonly Process[]): number {
  return processes.reduce((sum, { pid }) => sum + cpuMs(pid), 0);
}

async function createPods({ kubeconfig, node }: BenchContext, namespace: string, size: number): Promise<unknown[]> {
  const template = JSON.parse(podTemplate({ node, hold: true })) as { metadata: { labels: object } };
  const labels = { ...template.metadata.labels, kubernetes_pod_operator: 'True', dag_id: DAG };
  const connection = await Connection.open(kubeconfig);
  try {
    await connection.callAll(
      Array.from({ length: size }, (_, at) => ({
        method: 'POST',
        path: `/api/v1/namespaces/${namespace}/pods`,
        body: JSON.stringify({ ...template, metadata: { name: `pod-${at}`, labels } }),
      })),
      IN_FLIGHT,
    );
  } finally {
    connection.close();
  }
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  const { items } = await config.makeApiClient(CoreV1Api).listNamespacedPod({ namespace });
  return items.map(({ metadata }) => [metadata?.name, metadata?.uid]);
}

function pause(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}
