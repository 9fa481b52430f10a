export const RUN_SPARK_APPLICATION_HELP = `pod-launcher run-spark-application: runs a SparkApplication (sparkoperator.k8s.io/v1beta2) to its end

Usage:
  pod-launcher run-spark-application FILE [--follow] [--keep] [--container NAME]
                                     [--namespace NAME] [--kubeconfig FILE] [--context NAME]
      Create the SparkApplication of FILE (YAML or JSON; '-' for standard input) under a name of its own; Spark's
      operator, which must run in the cluster, makes its pods. Without --follow the command ends there.
      -f, --follow     print the driver's log while it runs, and delete the SparkApplication at its end;
                       the exit code is the driver's. Ctrl-C deletes the SparkApplication.
      --keep           do not delete it at its end
      -c, --container  the driver's container (default: spark-kubernetes-driver)
      -n, --namespace  where, if FILE does not say it (default: that of the context)
      --kubeconfig     which cluster (default: KUBECONFIG, else the pod's service account, else ~/.kube/config)
      --context        a context of the kubeconfig
  pod-launcher run-spark-application --json [--attached]
      Read a request from the first line of standard input and write events to standard output (docs/operators.md).

Exit codes: as pod-launcher run-pod has them.
`;
