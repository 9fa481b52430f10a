from __future__ import annotations

import time

import pytest
from child import CREATED, Child, ended_event, log_event

from airflow_pod_launcher.pod import Pod, PodFailed, RunFailed


def test_a_pod_is_launched_and_tells_its_result(child: Child) -> None:
    child.does(CREATED, log_event("hello"), {"type": "result", "json": '{"n": 12345678901234567890}'}, ended_event())
    lines: list[tuple[str, str]] = []
    pod = Pod("busybox:1", result=True, namespace="jobs")
    assert pod.launch(on_log=lambda *line: lines.append(line), startupTimeoutSeconds=5) is pod
    while not pod.execution_finished():
        time.sleep(0.01)
    assert pod.wait().result == {"n": 12345678901234567890}
    assert lines == [("base", "hello")]
    assert (pod.name, pod.namespace) == ("the-pod", "jobs")
    assert pod.ended is not None
    asked = child.asked()
    assert asked["result"] == {"path": "/airflow/xcom/return.json"}
    assert asked["startupTimeoutSeconds"] == 5
    assert child.manifest()["metadata"] == {"namespace": "jobs"}


def test_a_pod_that_fails_says_why(child: Child) -> None:
    child.does(CREATED, ended_event("failed", exitCode=137, reason="OOMKilled"))
    pod = Pod("busybox:1").launch()
    with pytest.raises(PodFailed, match=r"pod the-pod failed: OOMKilled, exit 137") as failed:
        pod.wait()
    assert failed.value.ended["exitCode"] == 137


def test_a_runtime_that_dies_is_no_success(child: Child) -> None:
    child.does(CREATED, exit_code=1)
    with pytest.raises(RunFailed, match="exit code 1 and said nothing"):
        Pod("busybox:1").launch().wait()


def test_a_pod_runs_once(child: Child) -> None:
    pod = Pod("busybox:1")
    with pytest.raises(RuntimeError, match=r"call launch\(\) first"):
        pod.wait()
    pod.launch()
    with pytest.raises(RuntimeError, match="has been launched"):
        pod.launch()
