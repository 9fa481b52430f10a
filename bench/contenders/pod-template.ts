/** How the pods of a measurement come to a node. */
export type Placement =
  /** By the scheduler, as in life. By default it binds 50 pods a second: what comes faster waits. */
  | { readonly by: 'scheduler' }
  /** Never: nothing but creates goes on, and no backlog of the scheduler reaches into the next measurement. */
  | { readonly by: 'nobody' }
  /** At once, past the scheduler. */
  | { readonly by: 'name'; readonly node: string };

export interface PodTemplateOptions {
  readonly placement: Placement;
  /** Pods stay Running until they are released. */
  readonly hold: boolean;
}

/** The pod template that every contender gets; JSON, which is YAML. */
export function podTemplate({ placement, hold }: PodTemplateOptions): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    // The stock executor insists on a name.
    metadata: { name: 'task', labels: hold ? { 'kwok/hold': 'true' } : {} },
    spec: {
      ...place(placement),
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

function place(placement: Placement): Record<string, unknown> {
  switch (placement.by) {
    case 'scheduler':
      return { nodeSelector: { type: 'kwok' } };
    case 'nobody':
      return { nodeSelector: { type: 'kwok' }, schedulerName: 'none' };
    case 'name':
      return { nodeName: placement.node };
  }
}
