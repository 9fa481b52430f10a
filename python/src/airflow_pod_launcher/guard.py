"""Runs a task of Airflow 2 only if this very launch of it is due; Airflow 3 has its execution API for that.

`python -m airflow_pod_launcher.guard --launch-id ID --try-number N -- airflow tasks run …`: the task instance must be
queued for this try and under this launch id. It is looked at before the DAG is parsed, to spare the work, and once more
under the row lock in which Airflow makes the task RUNNING: nothing can come between that look and the start.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from typing import Any

REFUSED = 0
"""Exit code when the launch is not due any more: whoever superseded it decides on the task, not this pod."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command in this process, or exit with REFUSED after saying why."""
    parser = argparse.ArgumentParser(prog="python -m airflow_pod_launcher.guard", description="Run a launch if due.")
    parser.add_argument("--launch-id", required=True, help="the external_executor_id that the task must have")
    parser.add_argument("--try-number", required=True, type=int, help="the try that the task must be in")
    parser.add_argument("command", nargs="+", help="after --: airflow tasks run …")
    options = parser.parse_args(arguments)
    if options.command[:3] != ["airflow", "tasks", "run"]:
        parser.error(f"the command must begin with 'airflow tasks run', not '{' '.join(options.command[:3])}'")
    # Airflow then writes the task's log to the output too, which is where it is read while the task runs.
    os.environ.setdefault("AIRFLOW_IS_EXECUTOR_CONTAINER", "True")

    reason = why_not(_find(options.command), options.launch_id, options.try_number)
    if reason is not None:
        print(f"This launch is not due any more, nothing is run: {reason}", file=sys.stderr)
        return REFUSED
    guard_start(options.launch_id, options.try_number)
    sys.argv = options.command
    from airflow.__main__ import main as airflow

    airflow()
    return 0


def why_not(ti: Any, launch_id: str, try_number: int) -> str | None:
    """Return why the task instance may not be started by this launch; None if it may."""
    from airflow_pod_launcher.compat.airflow2 import is_superseded

    if ti is None:
        return "the task instance does not exist"
    state = None if ti.state is None else str(getattr(ti.state, "value", ti.state))
    if state != "queued":
        return f"the task is {state or 'not scheduled'}, not queued"
    if ti.try_number != try_number:
        return f"the task is in try {ti.try_number}, not {try_number}"
    if ti.external_executor_id != launch_id:
        return f"launch {ti.external_executor_id} has taken the place of {launch_id}"
    if is_superseded(launch_id, ti.queued_dttm):
        return f"the task was queued again after launch {launch_id}"
    return None


def guard_start(launch_id: str, try_number: int) -> None:
    """Make it a condition of starting a task in this process that the launch is due."""
    from airflow.ti_deps.dependencies_deps import RUNNING_DEPS
    from airflow.ti_deps.deps.base_ti_dep import BaseTIDep

    class LaunchDep(BaseTIDep):
        """The task instance, as it was read under the row lock, is queued for this launch."""

        NAME = "Launch"
        IS_TASK_DEP = False
        IGNORABLE = False

        def _get_dep_statuses(self, ti: Any, session: Any, dep_context: Any) -> Iterator[Any]:
            reason = why_not(ti, launch_id, try_number)
            if reason is not None:
                yield self._failing_status(reason=reason)

    RUNNING_DEPS.add(LaunchDep())


def _find(command: Sequence[str]) -> Any:
    from airflow.cli.cli_parser import get_parser
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.retries import run_with_db_retries
    from sqlalchemy import select

    from airflow_pod_launcher.compat.airflow2 import own_session

    of = get_parser().parse_args(command[1:])
    query = select(
        TaskInstance.state, TaskInstance.try_number, TaskInstance.external_executor_id, TaskInstance.queued_dttm
    ).where(
        TaskInstance.dag_id == of.dag_id,
        TaskInstance.task_id == of.task_id,
        TaskInstance.run_id == of.execution_date_or_run_id,
        TaskInstance.map_index == of.map_index,
    )
    for attempt in run_with_db_retries():
        with attempt, own_session() as session:
            return session.execute(query).one_or_none()
    raise AssertionError("the retries end with a return or an exception")


if __name__ == "__main__":
    sys.exit(main())
