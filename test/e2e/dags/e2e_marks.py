"""Tasks that record their own executions: one file for each time that a task's code ran.

The tests count these files, so that "executed once" rests on what the pods did and on nobody's word.
"""

import time
import uuid
from pathlib import Path

from airflow.sdk import DAG, Param, get_current_context, task

MARKS = Path("/opt/airflow/logs/e2e-marks")

with DAG(
    "e2e_marks",
    schedule=None,
    catchup=False,
    params={"tasks": Param(4, type="integer"), "seconds": Param(5, type="integer")},
):

    @task
    def numbers() -> list[int]:
        return list(range(get_current_context()["params"]["tasks"]))

    @task
    def mark(number: int) -> None:
        context = get_current_context()
        folder = MARKS / context["run_id"].replace(":", "_")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.{uuid.uuid4()}").touch()
        time.sleep(context["params"]["seconds"])
        print(f"marked {number}")

    mark.expand(number=numbers())
