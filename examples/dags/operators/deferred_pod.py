"""A pod that takes a while: the task defers, so that no worker waits for it.

The triggerer needs rights of its own: `airflow.tasks.allow({ namespace: 'jobs', pods: true, deferrable: true })`.
"""

from __future__ import annotations

from airflow.sdk import DAG

from airflow_pod_launcher.operators.pod import PodOperator

PROGRAM = 'sleep 5; echo "it has been worth the wait"; echo \'{"rows": 3}\' >/airflow/xcom/return.json'

with DAG("deferred_pod", schedule=None, tags=["example"]):
    PodOperator(
        task_id="wait_for_it",
        namespace="jobs",
        image="busybox:1",
        cmds=["sh", "-c", PROGRAM],
        do_xcom_push=True,
        deferrable=True,
    )
