import { ApiObject } from 'cdk8s';
import type { Construct } from 'constructs';
import type { Release } from './release.js';
import type { Checks } from './validation.js';

/** A HorizontalPodAutoscaler; the cluster needs a metrics server. */
export interface AutoscalingOptions {
  /** @default 1 */
  readonly minReplicas?: number;
  readonly maxReplicas: number;
  /** Use of the requested CPU that is aimed at, in percent. @default 80 */
  readonly cpuPercent?: number;
}

/** What is scaled. */
export interface Scaled {
  readonly release: Release;
  readonly component: string;
  readonly kind: string;
  readonly name: string;
}

/** Makes the HorizontalPodAutoscaler of a workload, which must not say `replicas` itself. */
export function autoscaling(
  scope: Construct,
  { release, component, kind, name }: Scaled,
  { minReplicas = 1, maxReplicas, cpuPercent = 80 }: AutoscalingOptions,
  checks: Checks,
): ApiObject {
  checks.integer('autoscaling.minReplicas', minReplicas, 1);
  checks.integer('autoscaling.maxReplicas', maxReplicas, 1);
  checks.integer('autoscaling.cpuPercent', cpuPercent, 1);
  if (maxReplicas < minReplicas)
    checks.report('autoscaling.maxReplicas', maxReplicas, `must be at least 'minReplicas' (${minReplicas})`);
  return new ApiObject(scope, 'autoscaler', {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name, labels: release.objectLabels(component) },
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind, name },
      minReplicas,
      maxReplicas,
      metrics: [
        {
          type: 'Resource',
          resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: cpuPercent } },
        },
      ],
    },
  });
}
