"""Tasks that do nothing, or wait a little, as many as each measurement wants."""

import time

from airflow.sdk import DAG, task


@task
def noop(number: int) -> None:
    """Do nothing."""


@task
def wait(number: int) -> None:
    """Hold the pod for a while."""
    time.sleep(15)


# Airflow's own limits, and limits that are out of the way.
for name, what, count, limits in (
    ("one", noop, 1, {}),
    ("sixty", noop, 60, {}),
    ("forty", noop, 40, {}),
    ("forty_at_once", noop, 40, {"max_active_tasks": 100}),
    ("waiting", wait, 32, {"max_active_tasks": 100}),
):
    with DAG(f"bench_{name}", schedule=None, catchup=False, **limits):
        what.expand(number=list(range(count)))
