"""Airflow 2.11: commands instead of workloads, keys instead of UUIDs, launch ids that the executor writes itself.

Airflow 2 leaves `external_executor_id` as it is when it queues a task again, so an id may be of an earlier launch. Ours
begin with the time at which they were made: one from before `queued_dttm` counts as superseded.
"""

from __future__ import annotations

import json
import logging
import secrets
import time
import uuid
from collections.abc import Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import airflow
from airflow import settings
from airflow.configuration import conf
from airflow.executors.base_executor import PARALLELISM
from airflow.executors.base_executor import BaseExecutor as _BaseExecutor
from airflow.jobs.job import Job
from airflow.models.taskinstance import TaskInstance
from airflow.models.taskinstancekey import TaskInstanceKey
from airflow.utils.log.file_task_handler import FileTaskHandler
from airflow.utils.sqlalchemy import with_row_locks
from airflow.utils.state import JobState, TaskInstanceState
from sqlalchemy import select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from airflow_pod_launcher.ledger import QUEUED, Claims, Kind, Row

log = logging.getLogger(__name__)

AIRFLOW_VERSION: str = airflow.__version__

_SUPERSEDED = ""
"""In place of a launch id that an earlier launch of the task left behind: it is nobody's."""

_ROWS_PER_STATEMENT = 500


class BaseExecutor(_BaseExecutor):
    """Airflow's base, with the intake of Airflow 3: commands become workloads for `_process_workloads`."""

    supports_pickling = False

    def __init__(self, parallelism: int = PARALLELISM, team_name: str | None = None) -> None:
        super().__init__(parallelism)

    def _process_tasks(self, task_tuples: Sequence[Any]) -> None:
        """Instead of `execute_async` for each: `running` is written before anything can fail, not after."""
        self._process_workloads(
            [
                Workload.of(self.queued_tasks[key][3], command, queue, executor_config)
                for key, command, queue, executor_config in task_tuples
            ]
        )

    def _process_workloads(self, workload_items: Sequence[Any]) -> None:
        raise NotImplementedError


@dataclass
class QueuedTask:
    """What a launch needs of a task instance."""

    id: str
    dag_id: str
    task_id: str
    run_id: str
    try_number: int
    map_index: int
    queue: str | None
    executor_config: Any
    external_executor_id: str | None = None


@dataclass
class Workload:
    """A queued task and the command that runs it: what is a workload in Airflow 3."""

    ti: QueuedTask
    key: TaskInstanceKey
    command: list[str]
    token: str = ""
    """Workers of Airflow 2 have the database instead."""

    @classmethod
    def of(cls, ti: TaskInstance, command: Sequence[str], queue: str | None, executor_config: Any) -> Workload:
        """Take what is needed from a task instance, which may be detached later."""
        key = ti.key
        return cls(
            ti=QueuedTask(
                id=ti_id(ti),
                dag_id=key.dag_id,
                task_id=key.task_id,
                run_id=key.run_id,
                try_number=key.try_number,
                map_index=key.map_index,
                queue=queue,
                executor_config=executor_config,
            ),
            key=key,
            command=list(command),
        )


def ti_id(ti: Any) -> str:
    """Return what identifies a task instance whatever its try: its primary key."""
    return json.dumps([ti.dag_id, ti.task_id, ti.run_id, ti.map_index])


def workload_kind(workload: Any) -> Kind:
    """Return what a workload runs. Raises TypeError for anything but a task."""
    if isinstance(workload, Workload):
        return Kind.TASK
    raise TypeError(f"{type(workload).__name__} is no workload that a pod can run")


def take_from_queue(executor: Any, workload: Any) -> None:
    """Take a workload out of the executor's queue."""
    executor.queued_tasks.pop(workload.key, None)


def take_key_from_queue(executor: Any, key: Hashable) -> None:
    """Take a task out of the executor's queue."""
    executor.queued_tasks.pop(key, None)


def worker_args(workload: Any) -> list[str]:
    """Return the arguments of the task container: the command, kept from running for any other launch or try."""
    ti = workload.ti
    return [
        *("python", "-m", "airflow_pod_launcher.guard"),
        *("--launch-id", str(ti.external_executor_id), "--try-number", str(ti.try_number), "--"),
        *workload.command,
    ]


@cache
def task_queued_timeout() -> float:
    """Return after how many seconds Airflow takes a queued task for stuck. A look at the configuration costs 40 µs."""
    return float(conf.getfloat("scheduler", "task_queued_timeout"))


@contextmanager
def own_session() -> Iterator[Session]:
    """Open a session of our own: the thread's scoped one may be in the middle of the scheduler's transaction."""
    session = settings.Session.session_factory()
    try:
        yield session
        session.commit()
    except BaseException:
        session.rollback()
        raise
    finally:
        session.close()


def make_launch_id() -> str:
    """Return a UUID of version 7: it begins with the time, in milliseconds."""
    number = int(time.time() * 1000) << 80 | 7 << 76 | 2 << 62 | secrets.randbits(12) << 64 | secrets.randbits(62)
    return str(uuid.UUID(int=number))


def is_superseded(launch_id: str | None, queued: datetime | None) -> bool:
    """Whether a launch id was made before the task was queued the last time. False for an id that is not ours."""
    if launch_id is None or queued is None:
        return False
    try:
        number = uuid.UUID(launch_id)
    except ValueError:
        return False
    return number.version == 7 and (number.int >> 80) + 1 <= queued.timestamp() * 1000


_ROW_COLUMNS = (
    TaskInstance.dag_id,
    TaskInstance.task_id,
    TaskInstance.run_id,
    TaskInstance.try_number,
    TaskInstance.map_index,
    TaskInstance.state,
    TaskInstance.external_executor_id,
    TaskInstance.queued_by_job_id,
    TaskInstance.queued_dttm,
)


def _row(found: Any) -> Row:
    dag_id, task_id, run_id, try_number, map_index, state, launch_id, job_id, queued = found
    key = TaskInstanceKey(dag_id, task_id, run_id, try_number, map_index)
    return Row(
        ti_id=ti_id(key),
        key=key,
        state=None if state is None else str(getattr(state, "value", state)),
        launch_id=_SUPERSEDED if state == QUEUED and is_superseded(launch_id, queued) else launch_id,
        try_number=try_number,
        job_id=job_id,
    )


def _keys(ti_ids: Iterable[str]) -> list[TaskInstanceKey]:
    """Return keys for a query; their try number is not looked at."""
    parts = [json.loads(each) for each in ti_ids]
    return [TaskInstanceKey(dag_id, task_id, run_id, 0, map_index) for dag_id, task_id, run_id, map_index in parts]


def _chunks(items: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(items), _ROWS_PER_STATEMENT):
        yield items[start : start + _ROWS_PER_STATEMENT]


def rows_by_ti_id(session: Session, ti_ids: Sequence[str]) -> list[Row]:
    """Return the rows of these task instances."""
    return [
        _row(found)
        for part in _chunks(ti_ids)
        for found in session.execute(select(*_ROW_COLUMNS).where(TaskInstance.filter_for_tis(_keys(part))))
    ]


def claim(session: Session, tasks: dict[str, Any], job_id: Any) -> Claims:
    """Give each task that is still this scheduler's to launch its launch id, and commit.

    It is in the database before the launcher hears of it: a scheduler that dies now leaves a launch that can be found,
    and the guard in the pod never has to wait for it. Rows that somebody else has locked are left for the next turn.

    :param tasks: workloads by the id of their task instance; their `external_executor_id` is written
    """
    claims = Claims()
    for part in _chunks(list(tasks)):
        query = select(*_ROW_COLUMNS).where(TaskInstance.filter_for_tis(_keys(part)))
        found = session.execute(with_row_locks(query, session, of=TaskInstance, skip_locked=True)).all()
        rows = {row.ti_id: row for row in map(_row, found)}
        mappings = []
        for each, row in rows.items():
            ti = tasks[each].ti
            if (row.state, row.try_number, row.job_id) != (QUEUED, ti.try_number, job_id):
                continue
            ti.external_executor_id = make_launch_id()
            mappings.append({**_primary_key(ti), "external_executor_id": ti.external_executor_id})
            claims.rows.append(
                Row(
                    ti_id=each,
                    key=row.key,
                    state=row.state,
                    launch_id=ti.external_executor_id,
                    try_number=row.try_number,
                    job_id=row.job_id,
                )
            )
        session.bulk_update_mappings(TaskInstance, mappings)
        session.commit()
        locked = [each for each in part if each not in rows]
        claims.busy.update(row.ti_id for row in rows_by_ti_id(session, locked))
    return claims


def _primary_key(ti: QueuedTask) -> dict[str, Any]:
    return {"dag_id": ti.dag_id, "task_id": ti.task_id, "run_id": ti.run_id, "map_index": ti.map_index}


def unsettled_rows_by_launch_id(session: Session, launch_ids: Sequence[str], states: Iterable[str]) -> list[Row]:
    """Return the rows in one of `states` that carry one of these launch ids.

    `external_executor_id` has no index; the state has one, and few rows are in these states.
    """
    query = select(*_ROW_COLUMNS).where(
        TaskInstance.state.in_(list(states)), TaskInstance.external_executor_id.in_(list(launch_ids))
    )
    return [row for row in map(_row, session.execute(query)) if row.launch_id != _SUPERSEDED]


def unsettled_callbacks(session: Session, launch_ids: Sequence[str]) -> dict[str, Hashable]:
    """Return nothing: callbacks run in the scheduler's processes."""
    return {}


def make_workload(session: Session, ti_id: str, executor: Any) -> Any:
    """Build the workload of a queued task instance anew, as the scheduler does. None if the row is gone."""
    ti = session.scalars(select(TaskInstance).where(TaskInstance.filter_for_tis(_keys([ti_id])))).unique().one_or_none()
    if ti is None or ti.dag_model is None:
        return None
    command = ti.command_as_list(local=True, pickle_id=ti.dag_model.pickle_id)
    workload = Workload.of(ti, command, ti.queue, ti.executor_config)
    workload.ti.external_executor_id = ti.external_executor_id
    return workload


def queued_event(launch_id: str) -> tuple[Any, str]:
    """Return the event that makes the scheduler write the launch id to a task instance that has none."""
    return TaskInstanceState.QUEUED, launch_id


def outcome(key: Any, state: str) -> Any:
    """Return the member of the state class of tasks."""
    return TaskInstanceState(state)


def end_abandoned(key: Any, launch_id: str) -> None:
    """See to a task that is RUNNING or RESTARTING in the database and nowhere else.

    Airflow 2 heeds an executor's event only while the task is QUEUED. It fails a running task whose job has ended, with
    all callbacks, at its next look for zombies (10 s), and would leave a restarting one as it is for ever.
    """
    this = (TaskInstance.filter_for_tis([key]), TaskInstance.external_executor_id == launch_id)
    running = select(TaskInstance.job_id).where(*this, TaskInstance.state == TaskInstanceState.RUNNING)
    try:
        with own_session() as session:
            for job_id in session.scalars(running).all():
                _execute(session, update(Job).where(Job.id == job_id).values(state=JobState.FAILED))
            cleared = (*this, TaskInstance.state == TaskInstanceState.RESTARTING)
            _execute(session, update(TaskInstance).where(*cleared).values(state=None, external_executor_id=None))
    except SQLAlchemyError:
        # The event is repeated until the database shows that it was heard.
        log.exception("Could not end %s, launch %s, in the database", key, launch_id)


def _execute(session: Session, statement: Any) -> None:
    session.execute(statement.execution_options(synchronize_session=False))


def local_log_exists(ti: Any, try_number: int) -> bool:
    """Whether Airflow finds the log file of the try on this machine, as it does with logs on a shared volume."""
    folder = conf.get("logging", "base_log_folder")
    try:
        return Path(folder, FileTaskHandler(folder)._render_filename(ti, try_number)).exists()
    except Exception:
        # Only saves the user from seeing every line twice: never a reason to show none.
        log.debug("Cannot tell where the log of %s is", ti, exc_info=True)
        return False
