#!/bin/bash
# What Spark asks of its image on Kubernetes: `driver ARGUMENT…` is spark-submit as a client, `executor` an executor of
# the driver that its variables name. Anything else is run as it is.
set -euo pipefail

case ${1:-} in
  driver)
    shift
    set -- "$SPARK_HOME/bin/spark-submit" --deploy-mode client \
      --conf "spark.driver.bindAddress=$SPARK_DRIVER_BIND_ADDRESS" "$@"
    ;;
  executor)
    # The JVM's options have a variable each: SPARK_JAVA_OPT_0, SPARK_JAVA_OPT_1 and so on.
    options=()
    while name=SPARK_JAVA_OPT_${#options[@]} && [[ -v $name ]]; do
      options+=("${!name}")
    done
    set -- java "${options[@]}" "-Xms$SPARK_EXECUTOR_MEMORY" "-Xmx$SPARK_EXECUTOR_MEMORY" \
      -cp "${SPARK_CONF_DIR:-$SPARK_HOME/conf}:$SPARK_HOME/jars/*" \
      org.apache.spark.scheduler.cluster.k8s.KubernetesExecutorBackend \
      --driver-url "$SPARK_DRIVER_URL" \
      --executor-id "$SPARK_EXECUTOR_ID" \
      --cores "$SPARK_EXECUTOR_CORES" \
      --app-id "$SPARK_APPLICATION_ID" \
      --hostname "$SPARK_EXECUTOR_POD_IP" \
      --resourceProfileId "$SPARK_RESOURCE_PROFILE_ID" \
      --podName "$SPARK_EXECUTOR_POD_NAME"
    ;;
esac
exec dumb-init -- "$@"
