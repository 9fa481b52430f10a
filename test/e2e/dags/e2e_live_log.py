"""Prints a line, then runs until the test lets it go: the line must be readable while it runs."""

import time
from pathlib import Path

from airflow.sdk import DAG, get_current_context, task

with DAG("e2e_live_log", schedule=None, catchup=False):

    @task
    def talk() -> None:
        gate = Path("/opt/airflow/logs/e2e-gates") / get_current_context()["run_id"].replace(":", "_")
        print("a line from a task that is still running", flush=True)
        deadline = time.monotonic() + 120
        while not gate.exists():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{gate} never came")
            time.sleep(0.5)
        print("let go")

    talk()
