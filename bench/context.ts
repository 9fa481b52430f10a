import type { AuditLog } from './cluster/audit-log.js';
import { BenchNamespace } from './cluster/namespace.js';
import type { AirflowHome } from './contenders/airflow-home.js';
import type { Sample } from './samples.js';

/** What every scenario works with. */
export interface BenchContext {
  readonly kubeconfig: string;
  readonly audit: AuditLog;
  readonly airflow: AirflowHome;
  /** A kwok node for pods that need not be scheduled. */
  readonly node: string;
  readonly record: (sample: Sample) => void;
}

/** Time for so many pods to do something, at a rate far below what is expected of any contender: bounds, no targets. */
export function patienceMs(count: number): number {
  return 60_000 + count * 250;
}

/** Runs in a namespace that is gone afterwards, whatever happens. */
export async function inNamespace(
  context: BenchContext,
  purpose: string,
  count: number,
  run: (namespace: BenchNamespace) => Promise<void>,
): Promise<void> {
  const namespace = await BenchNamespace.create(context.kubeconfig, purpose);
  try {
    await run(namespace);
  } finally {
    await namespace.delete(patienceMs(count));
  }
}
