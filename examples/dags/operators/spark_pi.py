"""A Spark application: a driver in a pod of its own, and an executor that the driver starts.

airflow.tasks.allow({ namespace: 'jobs', spark: 'spark' })
"""

from __future__ import annotations

from airflow.sdk import DAG

from airflow_pod_launcher.operators.spark import SparkOperator

with DAG("spark_pi", schedule=None, tags=["example"]):
    SparkOperator(
        task_id="pi",
        namespace="jobs",
        service_account="spark",
        image="apache/spark:4.3.0",
        application="local:///opt/spark/examples/src/main/python/pi.py",
        application_args=["2"],
        num_executors=1,
        executor_cores=1,
        driver_memory="512m",
        executor_memory="512m",
        conf={
            "spark.kubernetes.driver.request.cores": "0.2",
            "spark.kubernetes.executor.request.cores": "0.2",
            "spark.ui.enabled": "false",
        },
    )
