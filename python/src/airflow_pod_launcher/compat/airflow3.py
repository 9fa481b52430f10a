"""Airflow 3: workloads, task instance UUIDs, callbacks, connection tests, launch ids committed with QUEUED."""

from __future__ import annotations

import logging
from collections.abc import Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import airflow
from airflow.configuration import conf
from airflow.executors import workloads
from airflow.executors.base_executor import BaseExecutor
from airflow.executors.workloads.types import state_class_for_key
from airflow.models.callback import Callback, CallbackKey
from airflow.models.taskinstance import TaskInstance
from airflow.models.taskinstancekey import TaskInstanceKey
from airflow.utils.log.file_task_handler import FileTaskHandler
from airflow.utils.session import create_session
from airflow.utils.state import CallbackState, TaskInstanceState
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from airflow_pod_launcher.ledger import Claims, Kind, Row
from airflow_pod_launcher.worker import BOOTSTRAP

__all__ = ["BaseExecutor"]

log = logging.getLogger(__name__)

AIRFLOW_VERSION: str = airflow.__version__

_WORKER_COMMAND = ("python", "-c", BOOTSTRAP, "--json-string")

_QUEUES = {
    Kind.TASK: "queued_tasks",
    Kind.CALLBACK: "queued_callbacks",
    Kind.CONNECTION_TEST: "queued_connection_tests",
}


def ti_id(ti: Any) -> str:
    """Return what identifies a task instance: its UUID, another one for each try."""
    return str(ti.id)


def workload_kind(workload: Any) -> Kind:
    """Return what a workload runs. Raises TypeError for one that no executor knows."""
    if isinstance(workload, workloads.ExecuteTask):
        return Kind.TASK
    if isinstance(workload, workloads.ExecuteCallback):
        return Kind.CALLBACK
    if isinstance(workload, workloads.TestConnection):
        return Kind.CONNECTION_TEST
    raise TypeError(f"{type(workload).__name__} is no workload that a pod can run")


def take_from_queue(executor: Any, workload: Any) -> None:
    """Take a workload out of the executor's queue."""
    getattr(executor, _QUEUES[workload_kind(workload)]).pop(workload.key, None)


def take_key_from_queue(executor: Any, key: Hashable) -> None:
    """Take a task out of the executor's queue."""
    executor.queued_tasks.pop(key, None)


def worker_args(workload: Any) -> list[str]:
    """Return the arguments of the task container: what a worker runs."""
    return [*_WORKER_COMMAND, workload.model_dump_json()]


@cache
def task_queued_timeout() -> float:
    """Return after how many seconds Airflow takes a queued task for stuck. A look at the configuration costs 40 µs."""
    return float(conf.getfloat("scheduler", "task_queued_timeout"))


@contextmanager
def own_session() -> Iterator[Session]:
    """Open a session of our own: the thread's scoped one may be in the middle of the scheduler's transaction."""
    with create_session(scoped=False) as session:
        yield session


_ROW_COLUMNS = (
    TaskInstance.id,
    TaskInstance.dag_id,
    TaskInstance.task_id,
    TaskInstance.run_id,
    TaskInstance.try_number,
    TaskInstance.map_index,
    TaskInstance.state,
    TaskInstance.external_executor_id,
    TaskInstance.queued_by_job_id,
)


def _row(found: Any) -> Row:
    ti_id, dag_id, task_id, run_id, try_number, map_index, state, launch_id, job_id = found
    return Row(
        ti_id=str(ti_id),
        key=TaskInstanceKey(dag_id, task_id, run_id, try_number, map_index),
        state=None if state is None else str(getattr(state, "value", state)),
        launch_id=launch_id,
        try_number=try_number,
        job_id=job_id,
    )


def _ti_ids(ti_ids: Iterable[str]) -> list[Any]:
    """Convert to the column's Python type: SQLite refuses a UUID for a string column, and the other way round."""
    python_type = TaskInstance.id.type.python_type
    return [python_type(ti_id) for ti_id in ti_ids]


def rows_by_ti_id(session: Session, ti_ids: Sequence[str]) -> list[Row]:
    """Return the rows of these task instances."""
    return [_row(found) for found in session.execute(select(*_ROW_COLUMNS).where(TaskInstance.id.in_(_ti_ids(ti_ids))))]


def claim(session: Session, tasks: dict[str, Any], job_id: Any) -> Claims:
    """Return the rows of the tasks: their launch ids were committed when they were queued.

    :param tasks: workloads by the id of their task instance
    """
    return Claims(rows=rows_by_ti_id(session, list(tasks)))


def unsettled_rows_by_launch_id(session: Session, launch_ids: Sequence[str], states: Iterable[str]) -> list[Row]:
    """Return the rows in one of `states` that carry one of these launch ids.

    `external_executor_id` has no index; the state has one, and few rows are in these states.
    """
    query = select(*_ROW_COLUMNS).where(
        TaskInstance.state.in_(list(states)), TaskInstance.external_executor_id.in_(list(launch_ids))
    )
    return [_row(found) for found in session.execute(query)]


def unsettled_callbacks(session: Session, launch_ids: Sequence[str]) -> dict[str, Hashable]:
    """Return the keys of callbacks that Airflow still waits for, by launch id (their own id)."""
    query = select(Callback.id).where(
        Callback.id.in_([Callback.id.type.python_type(launch_id) for launch_id in launch_ids if _is_uuid(launch_id)]),
        Callback.state.in_([CallbackState.QUEUED, CallbackState.RUNNING]),
    )
    return {str(found): CallbackKey(id=str(found)) for found in session.scalars(query)}


def _is_uuid(text: str) -> bool:
    return len(text) == 36 and text.count("-") == 4


def make_workload(session: Session, ti_id: str, executor: Any) -> Any:
    """Build the workload of a queued task instance anew, as the scheduler does. None if the row is gone."""
    query = (
        select(TaskInstance)
        .where(TaskInstance.id.in_(_ti_ids([ti_id])))
        .options(joinedload(TaskInstance.dag_run), joinedload(TaskInstance.dag_model))
    )
    ti = session.scalars(query).unique().one_or_none()
    if ti is None:
        return None
    return workloads.ExecuteTask.make(
        ti, generator=executor.jwt_generator, sentry_integration=executor.sentry_integration
    )


def queued_event(launch_id: str) -> tuple[Any, str]:
    """Return the event that makes the scheduler write the launch id to a task instance that has none."""
    return TaskInstanceState.QUEUED, launch_id


def outcome(key: Any, state: str) -> Any:
    """Return the member of the key's state class: tasks, callbacks and connection tests have one each."""
    return state_class_for_key(key)(state)


def end_abandoned(key: Any, launch_id: str) -> None:
    """Do nothing: Airflow acts on the event whatever state the task is in."""


def local_log_exists(ti: Any, try_number: int) -> bool:
    """Whether Airflow finds the log file of the try on this machine, as it does with logs on a shared volume."""
    folder = conf.get("logging", "base_log_folder")
    try:
        return Path(folder, FileTaskHandler(folder)._render_filename(ti, try_number)).exists()
    except Exception:
        # Only saves the user from seeing every line twice: never a reason to show none.
        log.debug("Cannot tell where the log of %s is", ti, exc_info=True)
        return False
