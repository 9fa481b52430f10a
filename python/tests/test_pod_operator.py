from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jinja2
import pytest
from child import CREATED, Child, ended_event, log_event

from airflow_pod_launcher.manifest import Secret
from airflow_pod_launcher.operators.pod import PodOperator
from airflow_pod_launcher.sdk import AIRFLOW_VERSION, AirflowException, AirflowSkipException


class TaskInstance:
    """What an operator sees of its own run."""

    dag_id, task_id, run_id, try_number, map_index = "dag", "task", "run", 2, -1

    def __init__(self) -> None:
        self.xcoms: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.xcoms[key] = value


def context() -> dict[str, Any]:
    return {"ti": TaskInstance(), "name": "Ada"}


def operator(**parameters: Any) -> PodOperator:
    given = {"task_id": "task", "image": "busybox:1", "kubernetes_conn_id": None, **parameters}
    return PodOperator(**given)


def rendered(**parameters: Any) -> PodOperator:
    made = operator(**parameters)
    made.render_template_fields(context(), jinja_env=jinja2.Environment())
    return made


def test_the_result_of_the_pod_is_the_result_of_the_task(child: Child) -> None:
    child.does(CREATED, {"type": "result", "json": "[1]"}, ended_event())
    seen = context()
    assert operator(do_xcom_push=True).execute(seen) == [1]
    assert seen["ti"].xcoms == {"pod_name": "the-pod", "pod_namespace": "jobs"}
    assert child.asked()["result"] == {"path": "/airflow/xcom/return.json"}


def test_the_request_has_the_task_and_every_default(child: Child) -> None:
    child.does(CREATED, ended_event())
    operator(name="job", namespace="jobs", cmds=["sh"], arguments=["-c", "true"]).execute(context())
    asked = child.asked()
    assert asked.pop("layers") == [
        {
            "source": "parameters",
            "manifest": {
                "metadata": {"namespace": "jobs"},
                "spec": {
                    "containers": [
                        {
                            "name": "base",
                            "image": "busybox:1",
                            "command": ["sh"],
                            "args": ["-c", "true"],
                            "terminationMessagePolicy": "File",
                        }
                    ]
                },
            },
        }
    ]
    assert asked == {
        "protocol": 1,
        "container": "base",
        "name": "job",
        "namespace": None,
        "exactName": False,
        "task": {
            "dagId": "dag",
            "taskId": "task",
            "runId": "run",
            "mapIndex": -1,
            "tryNumber": 2,
            "airflowVersion": AIRFLOW_VERSION,
        },
        "reattach": True,
        "logs": {"containers": ["base"], "initContainers": []},
        "result": None,
        "scheduleTimeoutSeconds": 120,
        "startupTimeoutSeconds": 120,
        "onFinish": "delete_pod",
        "onKill": "delete_pod",
        "graceSeconds": None,
        "cluster": {},
    }


def test_templates_are_rendered_in_every_field_of_the_stock_operator(child: Child) -> None:
    child.does(CREATED, ended_event())
    made = rendered(
        image="{{ name }}:1",
        arguments=["{{ name }}"],
        env_vars={"{{ name }}": "{{ name }}!"},
        labels={"who": "{{ name }}"},
        volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "of-{{ name }}"}}],
        container_resources={"limits": {"cpu": "{{ name }}"}},
    )
    made.execute(context())
    manifest = child.manifest()
    container = manifest["spec"]["containers"][0]
    assert container["image"] == "Ada:1"
    assert container["args"] == ["Ada"]
    assert container["env"] == [{"name": "Ada", "value": "Ada!"}]
    assert container["resources"] == {"limits": {"cpu": "Ada"}}
    assert manifest["metadata"]["labels"] == {"who": "Ada"}
    assert manifest["spec"]["volumes"][0]["persistentVolumeClaim"] == {"claimName": "of-Ada"}


def test_parameters_of_the_pod_reach_its_manifest(child: Child, tmp_path: Path) -> None:
    template = tmp_path / "pod.yaml"
    template.write_text("spec: {containers: [{name: main, image: old}]}")
    child.does(CREATED, ended_event())
    operator(
        pod_template_file=str(template),
        full_pod_spec={"metadata": {"labels": {"a": "b"}}, "spec": {}},
        secrets=[Secret("env", "token", "api", "key")],
        configmaps=["settings"],
        hostnetwork=True,
        schedulername="other",
        service_account_name="robot",
        termination_grace_period=3,
        active_deadline_seconds=60,
        image_pull_secrets="one,two",
        tolerations=[{"operator": "Exists"}],
        durable=False,
        container_logs=True,
        init_container_logs="first",
        random_name_suffix=False,
        name="exactly",
    ).execute(context())
    asked = child.asked()
    assert [layer["source"] for layer in asked["layers"]] == [str(template), str(template), "parameters"]
    assert asked["layers"][0]["yaml"] == template.read_text()
    spec = child.manifest()["spec"]
    assert spec["containers"][0]["env"][0]["name"] == "TOKEN"
    assert spec["containers"][0]["envFrom"] == [{"configMapRef": {"name": "settings"}}]
    wanted = {
        "hostNetwork": True,
        "schedulerName": "other",
        "serviceAccountName": "robot",
        "terminationGracePeriodSeconds": 3,
        "activeDeadlineSeconds": 60,
        "imagePullSecrets": [{"name": "one"}, {"name": "two"}],
        "tolerations": [{"operator": "Exists"}],
    }
    assert {name: spec[name] for name in wanted} == wanted
    assert asked["logs"] == {"containers": "all", "initContainers": ["first"]}
    assert (asked["reattach"], asked["graceSeconds"], asked["exactName"]) == (False, 3, True)


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What operators log; Airflow's versions have loggers of their own."""
    lines: list[str] = []

    def write(text: str, *args: Any) -> None:
        lines.append(text % args)

    monkeypatch.setattr(PodOperator, "log", SimpleNamespace(info=write, warning=write, error=write))
    return lines


def test_lines_are_logged_as_they_are_asked_for(child: Child, logged: list[str]) -> None:
    child.does(CREATED, log_event("one"), log_event("two", "other"), ended_event())
    seen: list[str] = []
    operator(progress_callback=seen.append).execute(context())
    assert seen == ["one", "two"]
    assert logged[-3:] == ["Pod jobs/the-pod created", "[base] one", "[other] two"]
    operator(log_formatter=lambda container, line: f"<{container}|{line}>").execute(context())
    assert logged[-2:] == ["<base|one>", "<other|two>"]
    operator(container_name_log_prefix_enabled=False).execute(context())
    assert logged[-2:] == ["one", "two"]


def test_a_pod_that_fails_fails_the_task_with_the_reason_and_the_events(child: Child, logged: list[str]) -> None:
    failed = ended_event("failed", exitCode=3, reason="Error", message="it broke", podEvents=["10:00 Warning X: y"])
    child.does(CREATED, failed, exit_code=10)
    with pytest.raises(AirflowException, match=r"pod the-pod failed: Error, exit 3 \(it broke\)"):
        operator().execute(context())
    assert "Pod event: 10:00 Warning X: y" in logged


def test_an_exit_code_may_mean_that_the_task_is_skipped(child: Child) -> None:
    child.does(CREATED, ended_event("failed", exitCode=99, reason="Error"))
    with pytest.raises(AirflowSkipException):
        operator(skip_on_exit_code=[98, 99]).execute(context())
    with pytest.raises(AirflowException, match="exit 99"):
        operator(skip_on_exit_code=98).execute(context())


def test_what_could_not_be_run_fails_the_task(child: Child) -> None:
    child.does({"type": "error", "code": "Forbidden", "message": "not allowed to create pods"}, exit_code=3)
    with pytest.raises(AirflowException, match="Forbidden: not allowed to create pods"):
        operator().execute(context())
    child.does(CREATED, exit_code=1)
    with pytest.raises(AirflowException, match="exit code 1 and said nothing"):
        operator().execute(context())


@pytest.mark.parametrize("outcome", ["killed", "succeeded"])
def test_a_task_that_is_told_to_end_takes_its_pod_with_it_and_is_never_a_success(child: Child, outcome: str) -> None:
    """As Airflow does it: a handler of SIGTERM, in the thread that executes, calls on_kill."""
    child.does(CREATED, log_event("up"), "wait-for-term", ended_event(outcome), exit_code=11)
    started = threading.Event()
    made = operator(progress_callback=lambda _: started.set())

    def tell() -> None:
        started.wait(10)
        os.kill(os.getpid(), signal.SIGTERM)

    before = signal.signal(signal.SIGTERM, lambda *_: made.on_kill())
    try:
        threading.Thread(target=tell, daemon=True).start()
        with pytest.raises(AirflowException, match="told to end; its pod the-pod is deleted"):
            made.execute(context())
    finally:
        signal.signal(signal.SIGTERM, before)
    assert child.ended.exists()


def test_an_error_of_the_tasks_own_takes_the_pod_with_it(child: Child) -> None:
    child.does(CREATED, log_event("up"), "wait-for-term", ended_event("killed"))

    def broken(_: str) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        operator(progress_callback=broken).execute(context())
    assert child.ended.exists()


def test_on_kill_before_the_pod_creates_none(child: Child) -> None:
    made = operator()
    made.on_kill()
    with pytest.raises(AirflowException, match="before its pod was created"):
        made.execute(context())


def test_parameters_that_cannot_be_are_refused_when_the_dag_is_read() -> None:
    with pytest.raises(AirflowException, match=r"on_finish_action .'explode'. must be one of delete_pod"):
        operator(on_finish_action="explode")
    with pytest.raises(AirflowException, match=r"has no parameter callbacks: .* use progress_callback"):
        operator(callbacks=[object()])
    with pytest.raises((AirflowException, TypeError), match="no_such_parameter"):
        operator(no_such_parameter=1)


def test_parameters_that_only_time_polls_are_taken_and_do_nothing() -> None:
    operator(startup_check_interval_seconds=1, base_container_status_polling_interval=1, poll_interval=2)


def test_a_template_that_is_not_there_is_told_by_name(child: Child) -> None:
    with pytest.raises(AirflowException, match=r"pod_template_file cannot be read: .*nowhere.yaml"):
        operator(pod_template_file="nowhere.yaml").execute(context())


def test_a_value_that_makes_no_manifest_is_told_with_its_path(child: Child) -> None:
    with pytest.raises(AirflowException, match=r"task task: pod.spec.affinity: SimpleNamespace"):
        operator(affinity=SimpleNamespace(a=1)).execute(context())
