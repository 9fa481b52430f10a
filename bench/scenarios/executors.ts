import { ENV } from '../../constructs/contract.js';
import type { BenchNamespace } from '../cluster/namespace.js';
import { ExecutorProcess } from '../contenders/executor-process.js';
import { LauncherProcess } from '../contenders/launcher-process.js';
import { stockEnvironment } from '../contenders/stock.js';
import { type BenchContext, inNamespace } from '../context.js';

export const START_MS = 120_000;

/** An executor in a turning scheduler loop, with its workloads ready and nothing launched yet. */
export interface RunningExecutor {
  readonly contender: 'executor' | 'stock';
  readonly namespace: BenchNamespace;
  readonly process: ExecutorProcess;
  /** Freezes whatever of it watches pods, or lets that go on. */
  readonly signal: (signal: 'SIGSTOP' | 'SIGCONT') => void;
}

type Use = (executor: RunningExecutor) => Promise<void>;

/** This project's executor, with the launcher behind it. */
export async function withOurs(context: BenchContext, size: number, template: string, use: Use): Promise<void> {
  await inNamespace(context, 'executor', size, async (namespace) => {
    const launcher = new LauncherProcess(namespace.name, context.kubeconfig, template);
    try {
      await launcher.start();
      const env = {
        ...context.airflow.fresh(template),
        [ENV.SOCKET]: launcher.socket,
        [ENV.DEPLOYMENT]: namespace.name,
      };
      const process = new ExecutorProcess(context.airflow.python, 'launcher', size, env);
      const signal = launcher.signal.bind(launcher);
      await ready(process, use, { contender: 'executor', namespace, process, signal });
    } finally {
      await launcher.dispose();
    }
  });
}

/** Airflow's own KubernetesExecutor, with its best settings. */
export async function withStock(context: BenchContext, size: number, template: string, use: Use): Promise<void> {
  await inNamespace(context, 'stock', size, async (namespace) => {
    const env = { ...context.airflow.fresh(template), ...stockEnvironment(context.kubeconfig, namespace.name) };
    const child = new ExecutorProcess(context.airflow.python, 'stock', size, env);
    const signal = async (name: 'SIGSTOP' | 'SIGCONT'): Promise<void> => {
      for (const pid of (await child.said('ready', START_MS)).watchers) {
        process.kill(pid, name);
      }
    };
    await ready(child, use, {
      ...{ contender: 'stock', namespace, process: child },
      signal: (name) => void signal(name),
    });
  });
}

async function ready(process: ExecutorProcess, use: Use, executor: RunningExecutor): Promise<void> {
  try {
    await process.said('ready', START_MS);
    await use(executor);
  } finally {
    process.kill();
  }
}
