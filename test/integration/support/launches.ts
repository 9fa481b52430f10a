import { randomUUID } from 'node:crypto';
import type { LaunchSpec } from '../../../src/runtime/link/messages.js';

const FAR_MS = 300_000;

/** A pod_override that keeps the pod Running until it is deleted or released. */
export const HOLD = { metadata: { labels: { 'kwok/hold': 'true' } } };

/** A launch with everything it needs; each has an id of its own. */
export function launch(changes: Partial<LaunchSpec> = {}): LaunchSpec {
  return {
    id: randomUUID(),
    attempt: 1,
    key: { dagId: 'example_dag', taskId: 'task', runId: 'manual__2026-01-01', tryNumber: 1, mapIndex: -1 },
    tiId: randomUUID(),
    args: ['python', '-m', 'airflow.sdk.execution_time.execute_workload', '--json-string', '{}'],
    queue: 'default',
    podOverride: null,
    podTemplate: null,
    namespace: null,
    notAfter: Date.now() + FAR_MS,
    airflowVersion: '3.3.2',
    ...changes,
  };
}

/** So many launches of one mapped task. */
export function launches(count: number, changes: Partial<LaunchSpec> = {}): LaunchSpec[] {
  return Array.from({ length: count }, (_, mapIndex) => {
    const one = launch(changes);
    return { ...one, key: { ...one.key, mapIndex } };
  });
}
