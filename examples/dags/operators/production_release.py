"""A job that is released by its image: CI builds `my-production-job:release-1.0.2`, and this DAG is told to run it.

A release is a changed default below, or `airflow dags trigger production_release --conf '{"release": "1.0.2"}'` to try
one before. A task that runs while the release changes ends on the image that it began with.
"""

from __future__ import annotations

from airflow.sdk import DAG, Param

from airflow_pod_launcher.operators.pod import PodOperator

with DAG("production_release", schedule=None, params={"release": Param("1.0.1", type="string"), "seconds": 0}):
    PodOperator(
        task_id="production_task",
        namespace="jobs",
        # image="my-production-job:release-1.0.1",  <- old release
        image="my-production-job:release-{{ params.release }}",
        arguments=["--day", "{{ ds | default('today') }}", "--seconds", "{{ params.seconds }}"],
        do_xcom_push=True,
    )
