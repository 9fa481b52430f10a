"""One task in each executor and in each team's namespace, and one where nobody may launch."""

import os

from airflow.sdk import DAG, task
from kubernetes.client import models as k8s


def in_namespace(name: str) -> dict[str, k8s.V1Pod]:
    """Send a task's pod to a namespace that its queue does not say."""
    return {"pod_override": k8s.V1Pod(metadata=k8s.V1ObjectMeta(namespace=name))}


def where() -> None:
    pod = "AIRFLOW_IS_K8S_EXECUTOR_POD" in os.environ
    print(f"in a {'pod' if pod else 'process'} for {os.environ.get('TEAM', 'nobody')}")


with DAG("executors", schedule=None, catchup=False):
    task(where, task_id="local")()
    task(where, task_id="pod", executor="pods")()
    task(where, task_id="team_a", executor="pods", queue="team-a")()
    task(where, task_id="team_b", executor="PodLauncherExecutor", queue="team-b")()
    task(where, task_id="foreign", executor="pods", executor_config=in_namespace("kube-public"))()
