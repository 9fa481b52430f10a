"""A pod that runs until it is ended."""

from __future__ import annotations

from airflow.sdk import DAG

from airflow_pod_launcher.operators.pod import PodOperator

with DAG("slow", schedule=None):
    PodOperator(
        task_id="slow",
        namespace="jobs",
        image="busybox:1",
        cmds=["sh", "-c", "echo it runs; sleep 600"],
        termination_grace_period=1,
    )
