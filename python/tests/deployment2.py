"""The rows and the scheduler's handling of executor events in Airflow 2.11."""

from __future__ import annotations

import logging
import uuid
from typing import Any

import pendulum
from deployment import Deployment
from sqlalchemy import select, update

from airflow_pod_launcher.compat import own_session


class Deployment2(Deployment):
    def __init__(self) -> None:
        from airflow.jobs.job import Job
        from airflow.models.dag import DAG, DagModel
        from airflow.models.serialized_dag import SerializedDagModel
        from airflow.operators.bash import BashOperator

        self.dag_id = f"dag_{uuid.uuid4().hex[:8]}"
        with DAG(self.dag_id, start_date=pendulum.datetime(2024, 1, 1), schedule=None) as dag:
            BashOperator(task_id="work", bash_command="true", retries=2)
        dag.fileloc = "/opt/airflow/dags/d.py"
        self.dag = dag
        with own_session() as session:
            session.add(DagModel(dag_id=self.dag_id, fileloc=dag.fileloc, is_active=True, is_paused=False))
            session.flush()
            SerializedDagModel.write_dag(dag, session=session)
            job = Job(job_type="SchedulerJob", state="running")
            other = Job(job_type="SchedulerJob", state="running")
            session.add_all([job, other])
            session.flush()
            self.job_id, self.other_job_id = job.id, other.id

    def queued(self, **values: Any) -> Any:
        from airflow.utils.state import DagRunState
        from airflow.utils.types import DagRunType

        now = pendulum.now("UTC")
        with own_session() as session:
            run = self.dag.create_dagrun(
                run_id=f"run-{uuid.uuid4().hex[:8]}",
                execution_date=now,
                data_interval=(now, now),
                run_type=DagRunType.MANUAL,
                state=DagRunState.RUNNING,
                session=session,
            )
            session.flush()
            state = {
                "state": "queued",
                "try_number": 1,
                "external_executor_id": str(uuid.uuid4()),
                "queued_by_job_id": self.job_id,
                "queued_dttm": now,
            }
            self._write(session, run, {**state, **values})
            session.commit()
            return self.ti(run)

    def ti(self, of: Any) -> Any:
        from airflow.models.taskinstance import TaskInstance
        from sqlalchemy.orm import joinedload

        with own_session() as session:
            query = (
                select(TaskInstance)
                .where(TaskInstance.dag_id == of.dag_id, TaskInstance.run_id == of.run_id)
                .options(joinedload(TaskInstance.dag_run), joinedload(TaskInstance.dag_model))
            )
            found = session.scalars(query).unique().one()
            session.expunge_all()
            return found

    def update(self, ti: Any, **values: Any) -> None:
        with own_session() as session:
            self._write(session, ti, values)

    def _write(self, session: Any, of: Any, values: dict[str, Any]) -> None:
        from airflow.jobs.job import Job
        from airflow.models.taskinstance import TaskInstance

        if values.get("state") == "running":
            job = Job(job_type="LocalTaskJob", state="running", latest_heartbeat=pendulum.now("UTC"))
            session.add(job)
            session.flush()
            values = {**values, "job_id": job.id, "start_date": pendulum.now("UTC")}
        where = (TaskInstance.dag_id == of.dag_id, TaskInstance.run_id == of.run_id)
        session.execute(
            update(TaskInstance).where(*where).values(**values).execution_options(synchronize_session=False)
        )

    def clear(self, ti: Any) -> None:
        from airflow.models.taskinstance import TaskInstance, clear_task_instances

        with own_session() as session:
            query = select(TaskInstance).where(TaskInstance.dag_id == ti.dag_id, TaskInstance.run_id == ti.run_id)
            clear_task_instances(session.scalars(query).unique().all(), session, dag=self.dag)

    def enqueue(self, executor: Any, ti: Any) -> None:
        executor.queue_command(ti, ti.command_as_list(local=True), priority=1, queue=ti.queue)

    def process_events(self, executor: Any) -> None:
        from airflow.jobs.job import Job
        from airflow.jobs.scheduler_job_runner import SchedulerJobRunner

        runner = SchedulerJobRunner(Job(executor=executor))
        runner.job.id = self.job_id
        # With a DAG processor of its own, the scheduler starts no process here.
        runner._standalone_dag_processor = True
        executor.callback_sink = self
        with own_session() as session:
            runner._process_executor_events(executor, session)
        runner._find_and_purge_zombies()
        with own_session() as session:
            SchedulerJobRunner._process_task_event_logs(executor._task_event_logs, session)

    def send(self, request: Any) -> None:
        """What the DAG processor does with the scheduler's callback for a zombie."""
        from airflow.dag_processing.processor import DagFileProcessor
        from airflow.models.dagbag import DagBag

        bag = DagBag("/dev/null", include_examples=False)
        bag.dags[self.dag_id] = self.dag
        with own_session() as session:
            DagFileProcessor([], "", logging.getLogger()).execute_callbacks(bag, [request], False, session=session)
