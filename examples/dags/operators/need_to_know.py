"""Two tasks and one Secret. Those of the queue `etl` run under a service account that may use it:

    airflow.tasks.serviceAccount('etl').allow({ namespace: 'jobs', pods: true, secrets: ['warehouse'] })

The other one names it too, and Kubernetes refuses its pod.
"""

from __future__ import annotations

from airflow.sdk import DAG

from airflow_pod_launcher.operators.pod import PodOperator
from airflow_pod_launcher.pod import Secret

warehouse = Secret("env", "PASSWORD", "warehouse", "password")

with DAG("need_to_know", schedule=None, tags=["example", "fails-on-purpose"]):
    common = {
        "namespace": "jobs",
        "image": "busybox:1",
        "cmds": ["sh", "-c", 'echo "the password has $(printf %s "$PASSWORD" | wc -c) characters"'],
        "secrets": [warehouse],
    }
    PodOperator(task_id="may_know", queue="etl", **common)
    PodOperator(task_id="may_not_know", **common)
