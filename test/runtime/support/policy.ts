import type { LaunchPolicy } from '../../../constructs/contract.js';

/** A launch policy with nothing in the way, and these changes. */
export function launchPolicy(changes: Partial<LaunchPolicy> = {}): LaunchPolicy {
  return {
    deployment: 'airflow',
    namespaces: ['jobs'],
    maxInFlightCreates: 64,
    maxPendingPods: 0,
    maxPods: 0,
    keepSucceededSeconds: 0,
    keepFailedSeconds: 0,
    pendingTimeoutSeconds: 0,
    ...changes,
  };
}
