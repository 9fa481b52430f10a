from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from deployment import Deployment
from execution_api import execution_api
from peer import eventually

from airflow_pod_launcher import compat, prompt_exit, worker

SOURCES = str(Path(worker.__file__).parent.parent)
DEADLINE_SECONDS = 60

DAG_FILE = """
import os
import threading
import pendulum
from airflow.sdk import DAG, BaseOperator, Variable

told_to_end = threading.Event()

class Work(BaseOperator):
    def execute(self, context):
        print("the password is", Variable.get("password"), flush=True)
        how = os.environ["HOW"]
        if how == "fail":
            raise ValueError("as it should")
        if how == "wait":
            # Answered by the supervisor, twice: it is done with all that was logged before. A signal that meets it as
            # it writes a line makes Airflow's handler wait for the lock of its own logger.
            for _ in range(2):
                context["ti"].xcom_push("waiting", True)
            open(os.environ["WAITING"], "w").close()
            told_to_end.wait(600)
            raise RuntimeError("ended on request")

    def on_kill(self):
        told_to_end.set()

with DAG("{dag_id}", start_date=pendulum.datetime(2024, 1, 1), schedule=None):
    Work(task_id="work", retries=2)
"""


@pytest.fixture(scope="module")
def api(migrated_database: None) -> Iterator[str]:
    with execution_api() as url:
        yield url


Start = Callable[..., "tuple[Any, subprocess.Popen[str]]"]


@pytest.fixture
def start(deployment: Deployment, api: str) -> Iterator[Start]:
    """Starts a worker, by the very arguments that its pod gets, on a queued task."""
    from airflow.executors import workloads
    from airflow.executors.base_executor import BaseExecutor

    dags = Path(os.environ["AIRFLOW_HOME"], "dags")
    dags.mkdir(exist_ok=True)
    (dags / "d.py").write_text(DAG_FILE.replace("{dag_id}", deployment.dag_id))
    workers: list[subprocess.Popen[str]] = []

    def started(how: str, **environment: str) -> tuple[Any, subprocess.Popen[str]]:
        ti = deployment.queued()
        workload = workloads.ExecuteTask.make(ti, generator=BaseExecutor().jwt_generator)
        workers.append(
            subprocess.Popen(
                [sys.executable, *compat.worker_args(workload)[1:]],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                env={
                    **os.environ,
                    "PYTHONPATH": SOURCES,
                    "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
                    "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": api,
                    "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
                    "AIRFLOW_VAR_PASSWORD": "open-sesame",
                    "HOW": how,
                    **environment,
                },
            )
        )
        return ti, workers[-1]

    yield started
    for one in workers:
        if one.poll() is None:
            for process in [*psutil.Process(one.pid).children(recursive=True), one]:
                process.kill()
        one.communicate()


class TestATask:
    def test_it_runs_is_logged_and_masked_and_succeeds(self, deployment: Deployment, start: Start) -> None:
        ti, process = start("succeed")
        output, _ = process.communicate(timeout=DEADLINE_SECONDS)
        assert (process.returncode, deployment.state(ti)) == (0, "success"), output
        (log,) = Path(os.environ["AIRFLOW_HOME"], "logs").glob(f"dag_id={ti.dag_id}/run_id={ti.run_id}/**/*.log")
        for seen in (output, log.read_text()):
            assert "the password is ***" in seen
            assert "open-sesame" not in seen

    def test_its_failure_is_told_to_airflow_and_not_by_the_exit_code(
        self, deployment: Deployment, start: Start
    ) -> None:
        ti, process = start("fail")
        output, _ = process.communicate(timeout=DEADLINE_SECONDS)
        assert (process.returncode, deployment.state(ti)) == (0, "up_for_retry"), output
        assert "as it should" in output

    def test_sigterm_reaches_the_task(self, deployment: Deployment, start: Start, tmp_path: Path) -> None:
        waiting = tmp_path / "waiting"
        ti, process = start("wait", WAITING=str(waiting))
        eventually(waiting.exists, seconds=DEADLINE_SECONDS)
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=DEADLINE_SECONDS)
        assert "ended on request" in output
        assert deployment.state(ti) == "up_for_retry"


class TestAnImageWithoutOurs:
    def test_airflows_own_worker_runs(self, deployment: Deployment) -> None:
        code = compat.worker_args(WORKLOAD)[2]
        # -I leaves out PYTHONPATH, and the sources with it.
        output = subprocess.run(
            [sys.executable, "-I", "-c", code, "--help"], capture_output=True, text=True, timeout=DEADLINE_SECONDS
        ).stdout
        assert "Containerised executor" in output


class TestWhatItIsGiven:
    @pytest.mark.parametrize(
        "given", ['{"type": "ExecuteTask", "token": "hush"}', '{"type": "ExecuteTask", "token": "hush', '"hush"']
    )
    def test_what_is_no_workload_is_refused_without_showing_it(
        self, given: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert worker.run(given) == 1
        message = capsys.readouterr().err
        assert "no workload" in message
        assert "hush" not in message

    def test_one_of_the_arguments_is_required(self) -> None:
        with pytest.raises(SystemExit, match="2"):
            worker.main([])


class TestTheWayOut:
    def test_the_handlers_of_others_run_and_the_exit_code_is_kept(self) -> None:
        script = """
import atexit, sys
from airflow_pod_launcher import worker
leaving = worker._QuickExit()
atexit.register(sys.stdout.write, "the last word")
leaving.code = 3
"""
        ended = subprocess.run(
            [sys.executable, "-c", script], env={"PYTHONPATH": SOURCES}, capture_output=True, text=True
        )
        assert (ended.returncode, ended.stdout) == (3, "the last word")


class TestAnotherAirflow:
    """What another version may have changed: no such version exists yet that the tests could run."""

    def test_its_own_module_runs_the_workload(
        self, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(worker, "_stock_entry", lambda: None)
        assert worker.run("no JSON") == 1
        assert "Failed to parse input JSON string" in capfd.readouterr().out

    def test_a_supervisor_of_another_make_is_left_alone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        class WatchedSubprocess:
            def _service_subprocess(self, deadline: float) -> None: ...

        as_it_was = WatchedSubprocess._service_subprocess
        module: Any = types.ModuleType("supervisor")
        module.WatchedSubprocess = WatchedSubprocess
        monkeypatch.setitem(sys.modules, "airflow.sdk.execution_time.supervisor", module)
        assert not prompt_exit.install()
        assert WatchedSubprocess._service_subprocess is as_it_was


class TestPromptExit:
    def test_a_process_that_closed_everything_before_it_ended_is_noticed(self) -> None:
        # Its supervisor may sleep for an hour: only the end of the process can wake it.
        script = """
import os, time, uuid, structlog
from airflow.sdk.execution_time.supervisor import WatchedSubprocess
from airflow_pod_launcher import prompt_exit
assert prompt_exit.install() and prompt_exit.install()
class Supervised(WatchedSubprocess):
    decoder = None
    def _handle_request(self, *_): ...
def end():
    os.closerange(0, 100)
    time.sleep(0.3)
    os._exit(7)
supervised = Supervised.start(id=uuid.uuid4(), target=end, logger=structlog.get_logger())
while supervised._exit_code is None or supervised._open_sockets:
    supervised._service_subprocess(max_wait_time=3600)
print("noticed", supervised._exit_code)
"""
        ended = subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONPATH": SOURCES},
            capture_output=True,
            text=True,
            timeout=DEADLINE_SECONDS,
        )
        assert "noticed 7" in ended.stdout, ended.stderr


class _Workload:
    def model_dump_json(self) -> str:
        return json.dumps({})


WORKLOAD = _Workload()
