"""The log reader against an HTTP server that speaks as much of the Kubernetes API as it needs."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from deployment import Deployment

from airflow_pod_launcher.logs import PodLogReader

TASK_LABELS = {"dag_id": "d", "task_id": "t", "run_id": "r", "try_number": "2"}


def labels_of(ti: Any) -> dict[str, str]:
    return {"dag_id": ti.dag_id, "task_id": ti.task_id, "run_id": ti.run_id, "try_number": str(ti.try_number)}


class FakeApi:
    def __init__(self) -> None:
        self.pods: list[dict[str, Any]] = []
        self.log = b""
        self.logs: dict[str, bytes] = {}
        self.status = 200
        self.silent = threading.Event()
        self.silent.set()
        self.asked: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                outer.silent.wait(10)
                url = urlsplit(self.path)
                if self.headers["Authorization"] != "Bearer the-token":
                    self.answer(401, b'{"message":"Unauthorized"}')
                elif outer.status != 200:
                    self.answer(outer.status, b'{"kind":"Status","message":"pods is forbidden"}')
                elif url.path.endswith("/log"):
                    self.answer(200, outer.logs.get(url.path.split("/")[6], outer.log))
                else:
                    self.answer(200, json.dumps({"items": outer.matching(url)}).encode())

            def answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def matching(self, url: Any) -> list[dict[str, Any]]:
        namespace = url.path.split("/")[4]
        wanted = dict(term.split("=") for term in parse_qs(url.query)["labelSelector"][0].split(","))
        return [
            pod
            for pod in self.pods
            if pod["metadata"]["namespace"] == namespace and wanted.items() <= pod["metadata"]["labels"].items()
        ]

    def add(self, name: str, created: str = "2024-01-01T00:00:00Z", namespace: str = "tasks", **labels: str) -> dict:
        pod = {
            "metadata": {
                "name": name,
                "namespace": namespace,
                "creationTimestamp": created,
                "labels": {"airflow-pod-launcher/deployment": "prod", **TASK_LABELS, **labels},
            },
            "status": {"containerStatuses": [{"name": "base", "state": {"running": {}}}]},
        }
        self.pods.append(pod)
        return pod


@pytest.fixture
def api() -> Iterator[FakeApi]:
    made = FakeApi()
    yield made
    made.silent.set()
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def service_account(tmp_path: Path) -> Path:
    (tmp_path / "token").write_text("the-token\n")
    (tmp_path / "namespace").write_text("tasks")
    return tmp_path


@pytest.fixture
def reader(api: FakeApi, service_account: Path) -> PodLogReader:
    return PodLogReader(api.url, service_account, "prod", ["tasks", "more"], deadline=5)


def task(**fields: Any) -> Any:
    return SimpleNamespace(
        **{"dag_id": "d", "task_id": "t", "run_id": "r", "try_number": 2, "map_index": -1, "state": "running",
           "external_executor_id": "L", **fields}
    )  # fmt: skip


def test_the_log_of_the_tasks_pod_is_read(api: FakeApi, reader: PodLogReader) -> None:
    api.add("other", task_id="u")
    api.add("mine", namespace="more")
    api.log = b'{"event":"one"}\n{"event":"tw\xc3\xb6"}\nlast'
    messages, logs = reader.read(task(), 2)
    assert logs == ['{"event":"one"}\n{"event":"twö"}\nlast']
    assert "pod more/mine" in messages[0]
    assert "container=base" in api.asked[-1]
    assert "tailLines" not in api.asked[-1]


def test_airflow_shows_the_lines_as_structured_messages(api: FakeApi, reader: PodLogReader) -> None:
    from airflow.utils.log.file_task_handler import _get_compatible_log_stream, _interleave_logs

    api.add("mine")
    api.log = b'{"timestamp":"2024-01-01T00:00:00Z","level":"info","event":"hello","logger":"task"}\nplain text\n'
    _, logs = reader.read(task(), 2)
    shown = list(_interleave_logs(_get_compatible_log_stream(logs)))
    assert [message.event for message in shown] == ["hello", "plain text"]
    assert shown[0].level == "info"


def test_a_try_that_ran_in_several_pods_shows_all_of_them_in_order(api: FakeApi, reader: PodLogReader) -> None:
    api.add("resumed", created="2024-01-01T00:02:00Z")
    api.add("deferred", created="2024-01-01T00:01:00Z")
    first = api.add("not-started", created="2024-01-01T00:00:00Z")
    first["status"] = {"phase": "Failed", "containerStatuses": []}
    api.logs = {"deferred": b"before\n", "resumed": b"after\n"}
    messages, logs = reader.read(task(), 2)
    assert logs == ["before", "after"]
    assert [re.search(r"tasks/([a-z-]+)", message)[1] for message in messages] == [
        "not-started",
        "deferred",
        "resumed",
    ]


def test_of_very_many_pods_the_youngest_are_read(api: FakeApi, reader: PodLogReader) -> None:
    for number in range(23):
        api.add(f"look-{number:02}", created=f"2024-01-01T00:00:{number:02}Z")
    messages, logs = reader.read(task(), 2)
    assert messages[0] == "Leaving out 3 older pods of this try"
    assert "tasks/look-03" in messages[1]
    assert len(logs) == 20


def test_an_earlier_try_has_its_own_pod(api: FakeApi, reader: PodLogReader) -> None:
    api.add("now")
    api.add("earlier", try_number="1")
    (message,), _ = reader.read(task(), 1)
    assert "tasks/earlier" in message


def test_a_task_without_a_pod_says_so(reader: PodLogReader) -> None:
    assert reader.read(task(), 2) == (["The task has no pod (any more)"], [])


def test_a_pod_that_has_not_started_says_why(api: FakeApi, reader: PodLogReader) -> None:
    pod = api.add("mine")
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}
    pod["status"] = {"containerStatuses": [{"name": "base", "state": waiting}]}
    assert reader.read(task(), 2)[0] == ["pod tasks/mine has not started: ImagePullBackOff: no such image"]
    pod["status"] = {"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]}
    assert reader.read(task(), 2)[0] == ["pod tasks/mine has not started: Unschedulable"]


def test_a_refusal_becomes_a_message(api: FakeApi, reader: PodLogReader) -> None:
    api.status = 403
    (message,), logs = reader.read(task(), 2)
    assert "403: pods is forbidden" in message
    assert logs == []


def test_an_api_server_that_does_not_answer_is_given_up(api: FakeApi, service_account: Path) -> None:
    api.silent.clear()
    (message,), logs = PodLogReader(api.url, service_account, "prod", ["tasks"], deadline=0.2).read(task(), 2)
    assert message.startswith("Could not look for the task's pod")
    assert logs == []


def test_outside_a_cluster_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    (message,), _ = PodLogReader.from_environment().read(task(), 2)
    assert "does not run in a Kubernetes cluster" in message


def test_without_namespaces_it_looks_in_its_own(api: FakeApi, service_account: Path) -> None:
    api.add("mine")
    assert "tasks/mine" in PodLogReader(api.url, service_account, "prod", []).read(task(), 2)[0][0]


def test_the_executor_answers_the_webserver_without_having_been_started() -> None:
    from airflow_pod_launcher.executor import PodLauncherExecutor

    messages, logs = PodLauncherExecutor(parallelism=1).get_task_log(task(), 2)
    assert messages
    assert logs == []
    messages, streams = PodLauncherExecutor(parallelism=1).get_streaming_task_log(task(), 2)
    assert messages
    assert streams == []


def test_a_log_that_is_on_this_machine_is_not_read_twice(deployment: Deployment) -> None:
    from airflow.configuration import conf
    from airflow.utils.log.file_task_handler import FileTaskHandler

    ti = deployment.queued(state="running")
    folder = conf.get("logging", "base_log_folder")
    file = Path(folder, FileTaskHandler(folder)._render_filename(ti, 1))
    file.parent.mkdir(parents=True)
    file.write_text('{"event":"from the file"}\n')
    stream, _ = FileTaskHandler(folder).read(ti, 1)
    events = [message.event for message in stream]
    assert "from the file" in events
    assert any("not reading it from the task's pod" in event for event in events)


def test_without_a_local_log_airflow_reads_the_pods(
    deployment: Deployment, api: FakeApi, reader: PodLogReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.configuration import conf
    from airflow.utils.log.file_task_handler import FileTaskHandler

    monkeypatch.setattr(PodLogReader, "from_environment", lambda: reader)
    monkeypatch.setattr(FileTaskHandler, "executor_instances", {})
    ti = deployment.queued(state="running")
    api.add("mine", **labels_of(ti))
    api.log = b'{"event":"from the pod"}\n'
    stream, _ = FileTaskHandler(conf.get("logging", "base_log_folder")).read(ti, 1)
    events = [message.event for message in stream]
    assert events[-1] == "from the pod"
    assert any("pod tasks/mine" in event for event in events)


class TestAfterTheTaskEnded:
    @pytest.fixture
    def kept(self, reader: PodLogReader, monkeypatch: pytest.MonkeyPatch) -> None:
        from airflow import logging_config

        from airflow_pod_launcher.remote_logs import PodLogs

        monkeypatch.setattr(PodLogReader, "from_environment", lambda: reader)
        monkeypatch.setattr(logging_config, "get_remote_task_log", PodLogs)

    @pytest.mark.usefixtures("kept")
    def test_the_log_of_a_kept_pod_is_shown(self, deployment: Deployment, api: FakeApi) -> None:
        from airflow.configuration import conf
        from airflow.utils.log.file_task_handler import FileTaskHandler

        ti = deployment.queued(state="failed")
        api.add("kept", **labels_of(ti))
        api.log = b'{"event":"last words"}\n'
        stream, _ = FileTaskHandler(conf.get("logging", "base_log_folder")).read(ti, 1)
        events = [message.event for message in stream]
        assert events[-1] == "last words"
        assert any("pod tasks/kept" in event for event in events)

    @pytest.mark.usefixtures("kept")
    @pytest.mark.parametrize("with_file", [False, True])
    def test_why_its_pods_failed_is_shown_beside_the_file_or_without_one(
        self, deployment: Deployment, with_file: bool
    ) -> None:
        from airflow.configuration import conf
        from airflow.models import Log
        from airflow.utils.log.file_task_handler import FileTaskHandler
        from airflow.utils.session import create_session

        ti = deployment.queued(state="failed")
        with create_session(scoped=False) as session:
            session.add(Log(event="pod failed", task_instance=ti.key, extra="OOMKilled, exit 137\n  last words"))
            session.add(Log(event="pod failed", task_instance=ti.key._replace(try_number=2), extra="another try"))
        folder = conf.get("logging", "base_log_folder")
        if with_file:
            file = Path(folder, FileTaskHandler(folder)._render_filename(ti, 1))
            file.parent.mkdir(parents=True)
            file.write_text('{"timestamp":"2024-01-01T00:00:00Z","event":"from the file"}\n')
        stream, _ = FileTaskHandler(folder).read(ti, 1)
        shown = [(message.event, getattr(message, "level", None)) for message in stream]
        assert shown[-2:] == [("Pod failed: OOMKilled, exit 137", "error"), ("  last words", "error")]
        assert [event for event, _ in shown].count("from the file") == int(with_file)
        assert not any("another try" in event for event, _ in shown)

    @pytest.mark.usefixtures("kept")
    def test_why_its_pod_waits_is_shown_while_it_is_queued(self, deployment: Deployment) -> None:
        from airflow.configuration import conf
        from airflow.models import Log
        from airflow.utils.log.file_task_handler import FileTaskHandler
        from airflow.utils.session import create_session

        ti = deployment.queued()
        with create_session(scoped=False) as session:
            session.add(Log(event="pod pending", task_instance=ti.key, extra="cannot be scheduled: 0/1 nodes"))
        stream, _ = FileTaskHandler(conf.get("logging", "base_log_folder")).read(ti, 1)
        assert [message.event for message in stream][-1] == "Pod pending: cannot be scheduled: 0/1 nodes"

    @pytest.mark.usefixtures("kept")
    def test_while_it_runs_the_executor_is_asked_and_not_both(self) -> None:
        from airflow_pod_launcher.remote_logs import PodLogs

        assert PodLogs().read("x.log", task(state="running")) == ([], [])

    def test_airflow_finds_it_beside_the_logging_config(self) -> None:
        from airflow._shared.logging.remote import RemoteLogStreamIO

        from airflow_pod_launcher import remote_logs

        assert isinstance(remote_logs.LOGGING_CONFIG, dict)
        assert isinstance(remote_logs.REMOTE_TASK_LOG, RemoteLogStreamIO)
