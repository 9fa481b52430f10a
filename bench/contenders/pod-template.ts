/** How the pods of a measurement come to a node. */
export type Placement =
  /** By the scheduler, as in life: it is the rival of the API server for the processor. */
  | { readonly by: 'scheduler' }
  /** At once: the local cluster's scheduler binds 50 pods a second, which would be most of a long wait. */
  | { readonly by: 'name'; readonly node: string };

export interface PodTemplateOptions {
  readonly placement: Placement;
  /** Pods stay Running until they are released. */
  readonly hold: boolean;
}

/** The pod template that every contender gets; JSON, which is YAML. */
export function podTemplate({ placement, hold }: PodTemplateOptions): string {
  const node = placement.by === 'scheduler' ? { nodeSelector: { type: 'kwok' } } : { nodeName: placement.node };
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    // The stock executor insists on a name.
    metadata: { name: 'task', labels: hold ? { 'kwok/hold': 'true' } : {} },
    spec: {
      ...node,
      tolerations: [{ operator: 'Exists' }],
      restartPolicy: 'Never',
      automountServiceAccountToken: false,
      containers: [
        {
          name: 'base',
          image: 'apache/airflow:3.3.2',
          env: [{ name: 'AIRFLOW__CORE__EXECUTOR', value: 'LocalExecutor' }],
        },
      ],
    },
  });
}
