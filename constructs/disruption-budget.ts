import { ApiObject } from 'cdk8s';
import type { Construct } from 'constructs';
import type { Release } from './release.js';
import type { Checks } from './validation.js';

/** How many pods of a component a drain of nodes may take at once: exactly one of the two. */
export interface DisruptionBudgetOptions {
  /** Pods that must stay. @default - `maxUnavailable` says it. */
  readonly minAvailable?: number;
  /** Pods that may be away. @default 1 - Unless `minAvailable` is given. */
  readonly maxUnavailable?: number;
}

/** Whose pods, and how many there are at least. */
export interface Budgeted {
  readonly release: Release;
  readonly component: string;
  readonly name: string;
  readonly replicas: number;
}

/** Makes the PodDisruptionBudget `<release>-<component>-pdb`, as the official chart names it. */
export function disruptionBudget(
  scope: Construct,
  { release, component, name, replicas }: Budgeted,
  { minAvailable, maxUnavailable }: DisruptionBudgetOptions,
  checks: Checks,
): ApiObject {
  checks.integer('disruptionBudget.minAvailable', minAvailable, 1);
  checks.integer('disruptionBudget.maxUnavailable', maxUnavailable, 1);
  if (minAvailable !== undefined && maxUnavailable !== undefined)
    checks.report('disruptionBudget.maxUnavailable', maxUnavailable, "must be left out: 'minAvailable' is given");
  if (minAvailable !== undefined && minAvailable >= replicas)
    checks.report(
      'disruptionBudget.minAvailable',
      minAvailable,
      `must be below the replicas (${replicas}): no node could ever be drained`,
    );
  return new ApiObject(scope, 'disruption-budget', {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name: `${name}-pdb`, labels: release.objectLabels(component) },
    spec: {
      ...(minAvailable === undefined ? { maxUnavailable: maxUnavailable ?? 1 } : { minAvailable }),
      selector: { matchLabels: release.selector(component) },
      // A pod that is not ready serves nobody, and must not keep a node from being drained.
      unhealthyPodEvictionPolicy: 'AlwaysAllow',
    },
  });
}
