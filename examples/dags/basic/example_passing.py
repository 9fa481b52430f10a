"""Two tasks that end well: one runs Python, one runs a shell command, each in a pod of its own."""

from __future__ import annotations

import platform

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import dag, task


@dag(schedule=None, catchup=False, tags=["example"], default_args={"retries": 0})
def example_passing():
    @task
    def hello() -> str:
        print("hello world, from the pod", platform.node())
        return platform.node()

    BashOperator(
        task_id="passing",
        bash_command='echo "the task before me ran in $POD"',
        env={"POD": hello()},
        append_env=True,
    )


example_passing()
