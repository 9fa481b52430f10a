"""Python functions in pods of their own, whose images need Python and nothing of Airflow."""

from __future__ import annotations

from airflow.sdk import dag, task


@dag(schedule=None, tags=["example"])
def functions_in_pods():
    @task.pod(image="python:3.11-slim", namespace="jobs", do_xcom_push=True)
    def numbers(count: int) -> list[int]:
        return list(range(count))

    @task.pod(image="python:3.11-slim", namespace="jobs", do_xcom_push=True)
    def add(given: list[int]) -> int:
        import platform

        print("adding in the pod", platform.node())
        return sum(given)

    add(numbers(5))


functions_in_pods()
