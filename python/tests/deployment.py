"""Rows that a scheduler would have written, and the scheduler's own handling of executor events."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

import pendulum
from sqlalchemy import delete, select, update

from airflow_pod_launcher.compat import own_session

DEADLINE_SECONDS = 10.0


class Deployment:
    """One DAG of one task that may retry twice; each `queued()` is a new run of it."""

    def __init__(self) -> None:
        from airflow.jobs.job import Job
        from airflow.models.dag import DagModel
        from airflow.models.dagbundle import DagBundleModel
        from airflow.models.serialized_dag import SerializedDagModel
        from airflow.providers.standard.operators.bash import BashOperator
        from airflow.sdk import DAG
        from airflow.serialization.serialized_objects import LazyDeserializedDAG
        from airflow.utils.session import create_session

        self.dag_id = f"dag_{uuid.uuid4().hex[:8]}"
        with DAG(self.dag_id, start_date=pendulum.datetime(2024, 1, 1), schedule=None) as dag:
            BashOperator(task_id="work", bash_command="true", retries=2)
        with create_session() as session:
            session.merge(DagBundleModel(name="dags-folder"))
            session.flush()
            session.add(
                DagModel(dag_id=self.dag_id, bundle_name="dags-folder", relative_fileloc="d.py", is_stale=False)
            )
            session.flush()
            SerializedDagModel.write_dag(LazyDeserializedDAG.from_dag(dag), bundle_name="dags-folder", session=session)
            job = Job(job_type="SchedulerJob", state="running")
            other = Job(job_type="SchedulerJob", state="running")
            session.add_all([job, other])
            session.flush()
            self.job_id, self.other_job_id = job.id, other.id

    def drop(self) -> None:
        from airflow.models.dagrun import DagRun

        with own_session() as session:
            session.execute(delete(DagRun).where(DagRun.dag_id == self.dag_id))

    def queued(self, **values: Any) -> Any:
        """Make a run whose task is QUEUED by this scheduler; returns its detached TaskInstance, loaded in full."""
        from airflow._shared.timezones import timezone
        from airflow.models.serialized_dag import SerializedDagModel
        from airflow.models.taskinstance import TaskInstance
        from airflow.utils.session import create_session
        from airflow.utils.state import DagRunState
        from airflow.utils.types import DagRunTriggeredByType, DagRunType

        with create_session(scoped=False) as session:
            dag = SerializedDagModel.get(self.dag_id, session=session).dag
            run = dag.create_dagrun(
                run_id=f"run-{uuid.uuid4().hex[:8]}",
                run_after=timezone.utcnow(),
                run_type=DagRunType.MANUAL,
                triggered_by=DagRunTriggeredByType.TEST,
                state=DagRunState.RUNNING,
                session=session,
            )
            ti_id = run.task_instances[0].id
            session.flush()
            state = {
                "state": "queued",
                "try_number": 1,
                "external_executor_id": str(uuid.uuid4()),
                "queued_by_job_id": self.job_id,
                "queued_dttm": timezone.utcnow(),
                **values,
            }
            session.execute(update(TaskInstance).where(TaskInstance.id == ti_id).values(**state))
            session.commit()
            return self.ti(run)

    def ti(self, of: Any) -> Any:
        """Read the task instance anew. Its UUID changes with every try."""
        from airflow.models.taskinstance import TaskInstance
        from airflow.utils.session import create_session
        from sqlalchemy.orm import joinedload

        with create_session(scoped=False) as session:
            query = (
                select(TaskInstance)
                .where(TaskInstance.dag_id == of.dag_id, TaskInstance.run_id == of.run_id)
                .options(joinedload(TaskInstance.dag_run), joinedload(TaskInstance.dag_model))
            )
            found = session.scalars(query).unique().one()
            session.expunge_all()
            return found

    def update(self, ti: Any, **values: Any) -> None:
        from airflow.models.taskinstance import TaskInstance
        from airflow.utils.session import create_session

        with create_session(scoped=False) as session:
            session.execute(update(TaskInstance).where(TaskInstance.id == ti.id).values(**values))

    def clear(self, ti: Any) -> None:
        """As the UI's "Clear" does."""
        from airflow.models.taskinstance import TaskInstance, clear_task_instances
        from airflow.utils.session import create_session

        with create_session(scoped=False) as session:
            clear_task_instances([session.get(TaskInstance, ti.id)], session)

    def state(self, ti: Any) -> str | None:
        return self.ti(ti).state

    def enqueue(self, executor: Any, ti: Any) -> None:
        """Hand the workload to the executor, as the scheduler does after it committed QUEUED."""
        from airflow.executors import workloads
        from airflow.utils.session import create_session

        with create_session(scoped=False) as session:
            executor.queue_workload(workloads.ExecuteTask.make(ti, generator=executor.jwt_generator), session=session)

    def loop(self, executor: Any) -> None:
        """One turn of the scheduler's loop, as far as the executor sees it."""
        executor.heartbeat()
        self.process_events(executor)

    def process_events(self, executor: Any) -> None:
        from airflow.jobs.scheduler_job_runner import SchedulerJobRunner
        from airflow.models.dagbag import DBDagBag
        from airflow.utils.session import create_session

        with create_session() as session:
            SchedulerJobRunner.process_executor_events(
                executor=executor, job_id=self.job_id, scheduler_dag_bag=DBDagBag(), session=session
            )
        with create_session() as session:
            SchedulerJobRunner._process_task_event_logs(executor._task_event_logs, session)

    def run(self, executor: Any, until: Callable[[], Any]) -> None:
        """Turn the scheduler's loop until the condition holds."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while True:
            self.loop(executor)
            if until():
                return
            assert time.monotonic() < deadline, "the scheduler's loop turned in vain"
            threading.Event().wait(0.01)

    def audit_log(self, ti: Any) -> list[tuple[str, str]]:
        from airflow.models import Log

        with own_session() as session:
            query = select(Log.event, Log.extra).where(Log.dag_id == ti.dag_id, Log.run_id == ti.run_id)
            return [(event, extra) for event, extra in session.execute(query)]
