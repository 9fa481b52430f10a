export interface PodTemplateOptions {
  /** Its node, past the scheduler: that one binds 50 pods a second and would still be busy in the next measurement. */
  readonly node: string;
  /** Pods stay Running until they are released. */
  readonly hold: boolean;
}

/** The pod template that every contender gets; JSON, which is YAML. */
export function podTemplate({ node, hold }: PodTemplateOptions): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    // The stock executor insists on a name.
    metadata: { name: 'task', labels: hold ? { 'kwok/hold': 'true' } : {} },
    spec: {
      nodeName: node,
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
