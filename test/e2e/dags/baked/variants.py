"""Tasks that fail first, change their own pod, cannot start, map, wait in the triggerer, or wait to be ended."""

import os
import time
from datetime import timedelta

from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
from airflow.sdk import DAG, BaseOperator, get_current_context, task
from kubernetes.client import models as k8s


def base(**fields: object) -> dict[str, k8s.V1Pod]:
    """Override fields of the container that the task runs in."""
    container = k8s.V1Container(name="base", **fields)
    metadata = k8s.V1ObjectMeta(labels={"variants/label": "overridden"})
    return {"pod_override": k8s.V1Pod(metadata=metadata, spec=k8s.V1PodSpec(containers=[container]))}


with DAG("variants_retried", schedule=None, catchup=False):

    @task(retries=1, retry_delay=timedelta(seconds=1))
    def retried() -> None:
        number = get_current_context()["ti"].try_number
        print(f"this is try {number}")
        if number == 1:
            raise ValueError("the first try fails")

    retried()


with DAG("variants_overridden", schedule=None, catchup=False):

    @task(executor_config=base(env=[k8s.V1EnvVar(name="VARIANT", value="from the override")]))
    def overridden() -> None:
        print(f"VARIANT is {os.environ['VARIANT']}")

    overridden()


with DAG("variants_mapped", schedule=None, catchup=False):

    @task
    def mapped(number: int) -> int:
        print(f"mapped {number}")
        return number

    mapped.expand(number=list(range(10)))


with DAG("variants_unpullable", schedule=None, catchup=False):

    @task(executor_config=base(image="localhost/cdk8s-airflow/no-such-image:1"))
    def unpullable() -> None:
        print("never")

    unpullable()


class Waiting(BaseOperator):
    """Defers once, for a few seconds."""

    def execute(self, context: object) -> None:
        print("before the wait")
        self.defer(trigger=TimeDeltaTrigger(timedelta(seconds=3)), method_name="resume")

    def resume(self, context: object, event: object) -> None:
        print("after the wait")


with DAG("variants_deferred", schedule=None, catchup=False):
    Waiting(task_id="waiting")


with DAG("variants_long", schedule=None, catchup=False):

    @task
    def long() -> None:
        if get_current_context()["ti"].try_number > 1:
            print("not so long this time")
            return
        print("until somebody ends it", flush=True)
        time.sleep(600)

    long()
