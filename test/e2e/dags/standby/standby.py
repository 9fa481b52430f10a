"""Tasks for standby pods: one that ends at once, and one that runs until the test lets it go."""

import time
from pathlib import Path

from airflow.sdk import DAG, task

with DAG("standby_quick", schedule=None, catchup=False):

    @task
    def quick() -> None:
        print("a task in a pod that was there before")

    quick()

with DAG("standby_held", schedule=None, catchup=False):

    @task
    def held() -> None:
        print("a line from a task that is still running", flush=True)
        deadline = time.monotonic() + 120
        while not Path("/tmp/go").exists():
            if time.monotonic() > deadline:
                raise TimeoutError("nobody let it go")
            time.sleep(0.5)

    held()
