"""The first DAG that was ever written for a Kubernetes operator, with other imports: a pod that has Python and passes,
and one that lacks it and fails. Its namespace is granted by `airflow.tasks.allow({ namespace: 'jobs', pods: true })`.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG

from airflow_pod_launcher.operators.pod import PodOperator as KubernetesPodOperator

default_args = {
    "owner": "airflow",
    "depends_on_past": False,
    "start_date": datetime(2024, 1, 1),
    "retries": 1,
    "retry_delay": timedelta(seconds=5),
}

dag = DAG("kubernetes_sample", default_args=default_args, schedule=None)

start = EmptyOperator(task_id="run_this_first", dag=dag)

passing = KubernetesPodOperator(
    namespace="jobs",
    image="python:3.11-slim",
    cmds=["python", "-c"],
    arguments=["print('hello world')"],
    labels={"foo": "bar"},
    name="passing-test",
    task_id="passing-task",
    get_logs=True,
    dag=dag,
)

failing = KubernetesPodOperator(
    namespace="jobs",
    image="busybox:1",
    cmds=["python", "-c"],
    arguments=["print('hello world')"],
    labels={"foo": "bar"},
    name="fail",
    task_id="failing-task",
    get_logs=True,
    dag=dag,
)

passing.set_upstream(start)
failing.set_upstream(start)
