"""PodOperator with `deferrable=True`: what a worker does before and after the triggerer."""

from __future__ import annotations

import json
from datetime import timedelta
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pluggy
import pytest
from airflow import DAG
from airflow.exceptions import TaskDeferralError, TaskDeferred
from child import CREATED, Child, ended_event, log_event

from airflow_pod_launcher.operators import deferral
from airflow_pod_launcher.operators.pod import PodOperator
from airflow_pod_launcher.sdk import AirflowException, AirflowSkipException


class TaskInstance:
    """What an operator sees of its own run."""

    dag_id, task_id, run_id, try_number, map_index = "dag", "task", "run", 1, -1

    def __init__(self, **xcoms: Any) -> None:
        self.xcoms = xcoms

    def xcom_push(self, key: str, value: Any) -> None:
        self.xcoms[key] = value

    def xcom_pull(self, task_ids: str, key: str, map_indexes: int) -> Any:
        assert (task_ids, map_indexes) == ("task", -1)
        return self.xcoms[key]


def context(**xcoms: Any) -> dict[str, Any]:
    return {"ti": TaskInstance(**xcoms)}


def operator(**parameters: Any) -> PodOperator:
    given = {"task_id": "task", "image": "busybox:1", "kubernetes_conn_id": None, "deferrable": True, **parameters}
    return PodOperator(**given)


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What operators log; Airflow's versions have loggers of their own."""
    lines: list[str] = []

    def write(text: str, *args: Any) -> None:
        lines.append(text % args)

    monkeypatch.setattr(PodOperator, "log", SimpleNamespace(info=write, warning=write, error=write))
    return lines


def deferred(child: Child, **parameters: Any) -> TaskDeferred:
    child.does(CREATED)
    with DAG("dag", schedule=None):
        made = operator(**parameters)
    with pytest.raises(TaskDeferred) as raised:
        made.execute(context())
    return raised.value


def test_a_deferrable_pod_is_created_and_left_to_the_triggerer(child: Child) -> None:
    left = deferred(child, env_vars={"PASSWORD": "secret"}, execution_timeout=timedelta(hours=1), do_xcom_push=True)
    assert child.asked()["until"] == "created"
    assert (left.method_name, left.timeout) == ("resume", timedelta(hours=1))
    path, kwargs = left.trigger.serialize()
    assert path == "airflow_pod_launcher.triggers.pod.PodTrigger"
    assert (kwargs["finish"], kwargs["push_result"]) == ("triggerer", True)
    assert kwargs["request"]["attach"] == {"name": "the-pod", "uid": "1"}
    assert kwargs["request"]["result"] == {"path": "/airflow/xcom/return.json"}
    assert "secret" not in json.dumps(kwargs)


def test_a_success_that_means_more_than_a_state_is_ended_by_a_worker(child: Child) -> None:
    def finish(**parameters: Any) -> str:
        return str(deferred(child, **parameters).trigger.finish)

    assert finish(on_success_callback=print) == "worker"
    assert finish(outlets=["s3://bucket/key"]) == "worker"
    assert finish(progress_callback=print) == "attach"
    kwargs = deferred(child, log_formatter="{}{}".format).trigger.serialize()[1]
    assert kwargs["request"]["logs"] == {"containers": [], "initContainers": []}
    assert kwargs["request"]["onFinish"] == "keep_pod"


ENDED = {"outcome": "succeeded", "exitCode": 0, "reason": None, "message": None, "output": None, "podEvents": []}
POD = {"name": "the-pod", "uid": "1", "namespace": "jobs"}


def test_a_worker_ends_a_deferred_pod_with_what_the_triggerer_has_seen(child: Child, logged: list[str]) -> None:
    made = operator(skip_on_exit_code=99)
    event = {"kind": "ended", "pod": POD, "ended": ENDED, "result": "[1]"}
    assert made.resume(context(), event) == [1]
    failed = {**ENDED, "outcome": "failed", "exitCode": 3, "reason": "Error", "podEvents": ["10:00 X: y"]}
    with pytest.raises(AirflowException, match="pod the-pod failed: Error, exit 3"):
        made.resume(context(), {**event, "ended": failed})
    assert "Pod event: 10:00 X: y" in logged
    with pytest.raises(AirflowSkipException):
        made.resume(context(), {**event, "ended": {**failed, "exitCode": 99}})
    with pytest.raises(AirflowException, match="Forbidden: not allowed"):
        made.resume(context(), {"kind": "error", "code": "Forbidden", "message": "not allowed"})


def test_a_worker_attaches_to_a_pod_that_the_triggerer_left_to_it(child: Child) -> None:
    seen: list[str] = []
    made = operator(progress_callback=seen.append, do_xcom_push=True)
    child.does({**CREATED, "type": "reattached"}, log_event("one"), {"type": "result", "json": "7"}, ended_event())
    assert made.resume(context(), {"kind": "attach", "pod": POD}) == 7
    assert seen == ["one"]
    assert child.asked()["attach"] == {"name": "the-pod", "uid": "1"}


def test_the_pod_of_a_deferral_that_has_timed_out_is_ended(child: Child) -> None:
    child.does(ended_event("killed"))
    made = operator()
    seen = context(pod_name="the-pod", pod_namespace="jobs")
    with pytest.raises(TaskDeferralError):
        made.resume_execution("__fail__", {"error": "the trigger broke"}, seen)
    asked = child.asked()
    assert (asked["attach"], asked["until"]) == ({"name": "the-pod", "uid": None}, "killed")


class Listener:
    """As a plugin of Airflow brings it."""

    @pluggy.HookimplMarker("airflow")
    def on_task_instance_success(self) -> None: ...


def test_a_listener_of_successes_needs_a_worker(child: Child) -> None:
    assert deferred(child).trigger.finish == "triggerer"
    listeners = import_module(deferral.LISTENERS).get_listener_manager()
    plugin = Listener()
    listeners.pm.register(plugin)
    try:
        assert deferred(child).trigger.finish == "worker"
    finally:
        listeners.pm.unregister(plugin)
