from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from deployment import Deployment

from airflow_pod_launcher import guard
from airflow_pod_launcher.compat import airflow2

DAG = """
from pathlib import Path
import pendulum
from airflow import DAG
from airflow.operators.python import PythonOperator

with DAG({dag_id!r}, start_date=pendulum.datetime(2024, 1, 1), schedule=None):
    PythonOperator(task_id="work", python_callable=Path({marker!r}).touch, retries=2)
"""


@pytest.fixture
def marker(deployment: Deployment, tmp_path: Path) -> Iterator[Path]:
    """What the task makes when it runs."""
    made = tmp_path / "has-run"
    (tmp_path / "d.py").write_text(DAG.format(dag_id=deployment.dag_id, marker=str(made)))
    return made


def run(deployment: Deployment, ti: Any, marker: Path, launch_id: str, try_number: int = 1) -> Any:
    command = ["airflow", "tasks", "run", ti.dag_id, "work", ti.run_id, "--local", "--subdir", str(marker.parent)]
    guarded = ["-m", "airflow_pod_launcher.guard", "--launch-id", launch_id, "--try-number", str(try_number), "--"]
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(guard.__file__).parents[1]),
        # A sequential executor's database allows one process at a time; the executor has no part in this.
        "AIRFLOW__CORE__EXECUTOR": "SequentialExecutor",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
        "AIRFLOW__SCHEDULER__LOCAL_TASK_JOB_HEARTBEAT_SEC": "1",
    }
    return subprocess.run(
        [sys.executable, *guarded, *command], env=environment, capture_output=True, text=True, timeout=120
    )


def test_a_launch_that_is_due_runs_its_task_and_shows_its_log(deployment: Deployment, marker: Path) -> None:
    launch_id = airflow2.make_launch_id()
    ti = deployment.queued(external_executor_id=launch_id)
    done = run(deployment, ti, marker, launch_id)
    assert marker.exists(), done.stderr
    assert deployment.state(ti) == "success"
    assert deployment.ti(ti).external_executor_id == launch_id
    assert "Marking task as SUCCESS" in done.stdout


def test_a_straggler_runs_nothing_and_says_why(
    deployment: Deployment, marker: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ti = deployment.queued(external_executor_id=airflow2.make_launch_id())
    command = ["airflow", "tasks", "run", ti.dag_id, "work", ti.run_id, "--local", "--subdir", str(marker.parent)]
    code = guard.main(["--launch-id", airflow2.make_launch_id(), "--try-number", "1", "--", *command])
    assert code == guard.REFUSED
    assert "has taken the place of" in capsys.readouterr().err
    assert not marker.exists()
    assert deployment.state(ti) == "queued"


class TestWhyNot:
    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"state": "success"}, "success, not queued"),
            ({"state": "running"}, "running, not queued"),
            ({"state": None}, "not scheduled, not queued"),
            ({"try_number": 2}, "try 2, not 1"),
            ({"external_executor_id": "other"}, "launch other has taken"),
            ({"queued_dttm": datetime.now(timezone.utc) + timedelta(days=1)}, "queued again"),
        ],
    )
    def test_it_names_what_has_changed(self, deployment: Deployment, change: dict[str, Any], reason: str) -> None:
        launch_id = airflow2.make_launch_id()
        ti = deployment.queued()
        deployment.update(ti, **{"external_executor_id": launch_id, **change})
        assert reason in str(guard.why_not(deployment.ti(ti), launch_id, 1))

    def test_a_task_that_is_gone_is_not_run(self) -> None:
        assert guard.why_not(None, "any", 1) == "the task instance does not exist"


def test_between_the_look_and_the_start_nothing_slips_through(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Airflow's own check, under the row lock, asks the guard again."""
    from airflow.ti_deps import dependencies_deps

    before = set(dependencies_deps.RUNNING_DEPS)
    launch_id = airflow2.make_launch_id()
    current, superseded = (deployment.queued(external_executor_id=launch_id) for _ in range(2))
    deployment.update(superseded, external_executor_id=airflow2.make_launch_id())
    try:
        guard.guard_start(launch_id, 1)
        started = []
        for ti in (current, superseded):
            ti.task = deployment.dag.get_task("work")
            started.append(ti.check_and_change_state_before_execution(job_id="1"))
    finally:
        dependencies_deps.RUNNING_DEPS.intersection_update(before)
    assert started == [True, False]
    assert (deployment.state(current), deployment.state(superseded)) == ("running", "queued")


def test_another_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as error:
        guard.main(["--launch-id", "L", "--try-number", "1", "--", "rm", "-rf", "/"])
    assert error.value.code == 2
    assert "airflow tasks run" in capsys.readouterr().err
