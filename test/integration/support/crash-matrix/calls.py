"""What the test asks of Airflow: each function runs in a process of its own."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

Tell = Callable[[Any], None]

TASK_ID = "work"
# So much of a run can happen while nobody schedules: each run outlives three deaths.
ACTIVE_TASKS = 16
LONG_AGO = datetime(2020, 1, 1, tzinfo=timezone.utc)


def preload() -> None:
    """Import what children need, without a connection or a thread that a fork would break."""
    for module in (
        "airflow.jobs.scheduler_job_runner",
        "airflow.models.serialized_dag",
        "airflow.providers.standard.operators.bash",
        "airflow.sdk",
        "airflow.serialization.serialized_objects",
        "airflow_pod_launcher.executor",
    ):
        importlib.import_module(module)


def migrate(tell: Tell) -> Any:
    """Make the tables."""
    from airflow.utils.db import initdb

    initdb()
    return True


def execution_api(tell: Tell, host: str, port: int) -> None:
    """Serve what workers of Airflow 3 talk to: its own command, in a process that knows nothing of this one's past."""
    airflow = Path(sys.executable).with_name("airflow")
    options = ["--apps", "execution", "--host", host, "--port", str(port), "--workers", "1"]
    os.execv(sys.executable, [sys.executable, str(airflow), "api-server", *options])


def scheduler(tell: Tell, socket: str, deployment: str, dead_jobs: list[int], kill: dict[str, Any] | None) -> None:
    """Run Airflow's scheduler with this project's executor; tells its job id.

    :param dead_jobs: schedulers that were killed or stopped. Airflow would take them for dead 30 s after their last
        heartbeat; it is told that so much time has passed, so that the test need not wait.
    :param kill: where and when it dies (see kill_points)
    """
    import kill_points
    from airflow.jobs.job import Job, run_job
    from airflow.jobs.scheduler_job_runner import SchedulerJobRunner
    from airflow.utils.session import create_session
    from airflow_pod_launcher.executor import PodLauncherExecutor
    from sqlalchemy import update

    os.environ.update(POD_LAUNCHER_SOCKET=socket, POD_LAUNCHER_DEPLOYMENT=deployment)
    with create_session() as session:
        session.execute(update(Job).where(Job.id.in_(dead_jobs)).values(latest_heartbeat=LONG_AGO))
    runner = SchedulerJobRunner(Job(), executors=[PodLauncherExecutor()])
    if kill is not None:
        kill_points.arm(runner, **kill)

    def execute() -> Any:
        tell(runner.job.id)
        return runner._execute()

    run_job(job=runner.job, execute_callable=execute)


def make_run(tell: Tell, dag_id: str, count: int) -> Any:
    """Make a DAG of one task that is mapped so many times, and a running DAG run of it."""
    import pendulum
    from airflow.models.dag import DagModel
    from airflow.models.dagbundle import DagBundleModel
    from airflow.models.serialized_dag import SerializedDagModel
    from airflow.providers.standard.operators.bash import BashOperator
    from airflow.sdk import DAG
    from airflow.serialization.serialized_objects import LazyDeserializedDAG
    from airflow.utils.session import create_session
    from airflow.utils.state import DagRunState
    from airflow.utils.types import DagRunTriggeredByType, DagRunType

    with DAG(dag_id, start_date=pendulum.datetime(2024, 1, 1), schedule=None, max_active_tasks=ACTIVE_TASKS) as dag:
        BashOperator.partial(task_id=TASK_ID).expand(bash_command=["true"] * count)
    with create_session() as session:
        session.merge(DagBundleModel(name="dags-folder"))
        session.flush()
        model = DagModel(dag_id=dag_id, bundle_name="dags-folder", relative_fileloc="d.py", is_stale=False)
        model.is_paused = False
        session.add(model)
        session.flush()
        SerializedDagModel.write_dag(LazyDeserializedDAG.from_dag(dag), bundle_name="dags-folder", session=session)
        session.flush()
        SerializedDagModel.get(dag_id, session=session).dag.create_dagrun(
            run_id="run",
            run_after=datetime.now(timezone.utc),
            run_type=DagRunType.MANUAL,
            triggered_by=DagRunTriggeredByType.TEST,
            state=DagRunState.RUNNING,
            session=session,
        )
    return True


def rows(tell: Tell, dag_id: str) -> Any:
    """Return the state of the DAG run and its task instances, and the tries that Airflow gave up."""
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.taskinstancehistory import TaskInstanceHistory
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        run = session.scalar(select(DagRun.state).where(DagRun.dag_id == dag_id))
        now = (TaskInstance.id, TaskInstance.map_index, TaskInstance.try_number, TaskInstance.external_executor_id)
        found = session.execute(select(*now, TaskInstance.state).where(TaskInstance.dag_id == dag_id)).all()
        given_up = session.scalars(
            select(TaskInstanceHistory.external_executor_id).where(TaskInstanceHistory.dag_id == dag_id)
        ).all()
    return {
        "run": str(run),
        "tasks": [
            {"ti": str(ti), "mapIndex": index, "tryNumber": number, "launch": launch, "state": str(state)}
            for ti, index, number, launch, state in found
        ],
        "givenUp": list(given_up),
    }
