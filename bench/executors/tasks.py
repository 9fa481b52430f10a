"""Queued task instances as a scheduler would have committed them: one DAG run of one mapped task."""

from __future__ import annotations

import uuid
from typing import Any

import pendulum
from sqlalchemy import insert, select, update

DAG_ID = "bench"
TASK_ID = "work"


def make_job() -> int:
    """Register a scheduler job; return its id."""
    from airflow.jobs.job import Job
    from airflow.utils.session import create_session

    with create_session() as session:
        job = Job(job_type="SchedulerJob", state="running")
        session.add(job)
        session.flush()
        return int(job.id)


def make_queued(count: int, job_id: int, executor: Any) -> list[Any]:
    """Write so many rows in state QUEUED, by that job, and return their workloads, with real tokens."""
    from airflow.executors import workloads
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session
    from sqlalchemy.orm import joinedload

    with create_session(scoped=False) as session:
        _map_task(session, _make_run(session), count, job_id)
        session.commit()
        query = (
            select(TaskInstance)
            .where(TaskInstance.dag_id == DAG_ID)
            .options(joinedload(TaskInstance.dag_run), joinedload(TaskInstance.dag_model))
        )
        found = session.scalars(query).unique().all()
        return [workloads.ExecuteTask.make(ti, generator=executor.jwt_generator) for ti in found]


def finish_all() -> None:
    """Say what workers would have said by the time that their pods end: the task succeeded."""
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session

    with create_session(scoped=False) as session:
        session.execute(update(TaskInstance).where(TaskInstance.dag_id == DAG_ID).values(state="success"))


def _make_run(session: Any) -> Any:
    from airflow._shared.timezones import timezone
    from airflow.models.dag import DagModel
    from airflow.models.dagbundle import DagBundleModel
    from airflow.models.serialized_dag import SerializedDagModel
    from airflow.providers.standard.operators.bash import BashOperator
    from airflow.sdk import DAG
    from airflow.serialization.serialized_objects import LazyDeserializedDAG
    from airflow.utils.state import DagRunState
    from airflow.utils.types import DagRunTriggeredByType, DagRunType

    with DAG(DAG_ID, start_date=pendulum.datetime(2024, 1, 1), schedule=None) as dag:
        BashOperator(task_id=TASK_ID, bash_command="true")
    session.merge(DagBundleModel(name="dags-folder"))
    session.flush()
    session.add(DagModel(dag_id=DAG_ID, bundle_name="dags-folder", relative_fileloc="bench.py", is_stale=False))
    session.flush()
    SerializedDagModel.write_dag(LazyDeserializedDAG.from_dag(dag), bundle_name="dags-folder", session=session)
    session.flush()
    return SerializedDagModel.get(DAG_ID, session=session).dag.create_dagrun(
        run_id="bench__2026-01-01",
        run_after=timezone.utcnow(),
        run_type=DagRunType.MANUAL,
        triggered_by=DagRunTriggeredByType.TEST,
        state=DagRunState.RUNNING,
        session=session,
    )


def _map_task(session: Any, run: Any, count: int, job_id: int) -> None:
    """Turn the run's one task instance into `count` mapped ones."""
    from airflow._shared.timezones import timezone
    from airflow.models.taskinstance import TaskInstance

    table = TaskInstance.__table__
    session.flush()
    first = dict(session.execute(select(table).where(table.c.id == run.task_instances[0].id)).mappings().one())
    first.update(state="queued", try_number=1, queued_by_job_id=job_id, queued_dttm=timezone.utcnow())
    of_type = type(first["id"])
    copies = [
        {**first, "id": of_type(str(uuid.uuid4())), "map_index": index, "external_executor_id": str(uuid.uuid4())}
        for index in range(count)
    ]
    session.execute(table.delete().where(table.c.id == first["id"]))
    session.execute(insert(table), copies)
