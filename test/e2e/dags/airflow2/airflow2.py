"""For Airflow 2.11: tasks that succeed, fail, change their pod, talk while they run, run until they are ended, and
run a pod."""

import os
import time

import pendulum
from airflow import DAG
from airflow.decorators import task
from airflow.operators.python import get_current_context
from kubernetes.client import models as k8s

from airflow_pod_launcher.operators.pod import PodOperator

START = pendulum.datetime(2024, 1, 1)

with DAG("two_ok", schedule=None, start_date=START):
    base = k8s.V1Container(name="base", env=[k8s.V1EnvVar(name="VARIANT", value="from the override")])

    @task(executor_config={"pod_override": k8s.V1Pod(spec=k8s.V1PodSpec(containers=[base]))})
    def ok() -> None:
        print(f"VARIANT is {os.environ['VARIANT']}")

    ok()

with DAG("two_fails", schedule=None, start_date=START):

    @task
    def fails() -> None:
        raise ValueError("this task fails")

    fails()

with DAG("two_marks", schedule=None, start_date=START):

    @task
    def mark(number: int) -> None:
        print(f"task {number} is running", flush=True)
        time.sleep(40)

    mark.expand(number=[0, 1, 2])

with DAG("two_long", schedule=None, start_date=START):

    # That of a task which is cleared while it runs; by default 5 minutes.
    @task(retry_delay=pendulum.duration(seconds=1))
    def long() -> None:
        if get_current_context()["ti"].try_number > 1:
            print("not so long this time")
            return
        time.sleep(600)

    long()

with DAG("two_pod", schedule=None, start_date=START):
    PodOperator(
        task_id="pod",
        image="busybox:1",
        cmds=["sh", "-c", "echo a pod of {{ task.task_id }}; echo [1, 2] >/airflow/xcom/return.json"],
        # The namespace of the stack takes nothing else.
        security_context={"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
        container_security_context={"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        do_xcom_push=True,
    )
