/** The stock executor's configuration, the best of those measured: 64 pods a loop, created concurrently. */
export function stockEnvironment(kubeconfig: string, namespace: string): Record<string, string> {
  const options = {
    IN_CLUSTER: 'False',
    CONFIG_FILE: kubeconfig,
    NAMESPACE: namespace,
    WORKER_PODS_CREATION_BATCH_SIZE: '64',
    ASYNC_POD_CREATION: 'True',
    DELETE_WORKER_PODS: 'True',
    WORKER_CONTAINER_REPOSITORY: 'apache/airflow',
    WORKER_CONTAINER_TAG: '3.3.2',
  };
  return Object.fromEntries(
    Object.entries(options).map(([name, value]) => [`AIRFLOW__KUBERNETES_EXECUTOR__${name}`, value]),
  );
}
