from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from child import CREATED, Child, ended_event, log_event

from airflow_pod_launcher import runtime
from airflow_pod_launcher.pod import Pod, RunFailed
from airflow_pod_launcher.runs import Run

DEADLINE_SECONDS = 20.0

NOWHERE = json.dumps(
    {
        "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:9"}}],
        "users": [{"name": "u", "user": {}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
)
"""A kube config of a cluster where nobody answers."""


def until(holds: object) -> None:
    give_up = time.monotonic() + DEADLINE_SECONDS
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < give_up
        time.sleep(0.01)


def test_the_child_gets_the_request_and_its_events_come_in_order(child: Child) -> None:
    child.does(CREATED, log_event("one"), log_event("two"), ended_event())
    run = Run({"protocol": 1, "a": "ä"})
    assert [event["type"] for event in run.events()] == ["created", "log", "log", "ended"]
    assert child.asked() == {"protocol": 1, "a": "ä"}
    assert run.exit_code() == 0
    assert run.told() == ([], True)


def test_kill_ends_a_child_that_nobody_listens_to(child: Child) -> None:
    child.does(*[log_event("x")] * 50, "wait-for-term", *[log_event("y")] * 50, ended_event("killed"), exit_code=11)
    run = Run({})
    events = run.events()
    assert next(events)["line"] == "x"
    assert run.kill()
    assert run.exit_code() == 11
    assert [event["type"] for event in events if event["type"] != "log"] == ["ended"]


def test_detach_leaves_the_pod_to_itself(child: Child) -> None:
    child.does("wait-for-eof", exit_code=12)
    run = Run({})
    run.detach()
    assert run.exit_code() == 12


def test_a_child_hears_of_the_death_of_its_parent(child: Child, tmp_path: Path) -> None:
    child.does(CREATED, "wait-for-eof")
    program = (
        "import sys; from airflow_pod_launcher import runtime, runs;"
        f"runtime.command = lambda: {child.command!r};"
        "run = runs.Run({}); print(next(run.events())['type'], flush=True); sys.stdin.read()"
    )
    source = Path(runtime.__file__).parents[1]
    parent = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(source)},
    )
    assert parent.stdout is not None
    assert parent.stdout.readline() == b"created\n"
    os.kill(parent.pid, signal.SIGKILL)
    parent.communicate()
    until(child.ended.exists)


def test_a_slow_reader_holds_the_child_back_and_loses_nothing(child: Child) -> None:
    count = 30_000
    child.does(*[log_event(str(at)) for at in range(count)], ended_event())
    run = Run({})
    until(lambda: threading.active_count() > 1)
    assert [event["line"] for event in run.events() if event["type"] == "log"] == [str(at) for at in range(count)]


def test_the_runtime_refuses_what_makes_no_pod(real_runtime: None) -> None:
    with pytest.raises(RunFailed, match=r"parameters: 'spec.containers\[base\].image' is missing") as failed:
        Pod().launch().wait()
    assert failed.value.code == "InvalidRequest"
    with pytest.raises(RunFailed, match="'onFinish'"):
        Pod("busybox:1").launch(onFinish="explode").wait()
    with pytest.raises(RunFailed, match=r"pod.yaml: is not YAML.*line 2"):
        Pod("busybox:1", template="spec: [\n  a: {", template_source="pod.yaml").launch().wait()


def test_the_runtime_says_that_there_is_no_api_server(real_runtime: None, tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(NOWHERE)
    cluster = {"configFile": str(kubeconfig)}
    with pytest.raises(RunFailed, match="cannot create the pod now") as failed:
        Pod("busybox:1").launch(cluster=cluster, patienceSeconds=0.1).wait()
    assert failed.value.code == "Unreachable"
    with pytest.raises(RunFailed, match="no context 'other'; it has: x"):
        Pod("busybox:1").launch(cluster={**cluster, "context": "other"}).wait()
    with pytest.raises(RunFailed, match="only one of"):
        Pod("busybox:1").launch(cluster={**cluster, "inCluster": True}).wait()
    with pytest.raises(RunFailed, match="does not run in a pod"):
        Pod("busybox:1").launch(cluster={"inCluster": True}).wait()


def test_the_runtime_ends_on_sigterm_before_there_is_a_pod(real_runtime: None) -> None:
    request = Pod("busybox:1").request(cluster={"config": NOWHERE})
    run = Run(request)
    events = run.events()
    assert "trying again" in next(events)["message"]
    assert run.kill()
    assert [event["outcome"] for event in events] == ["killed"]
    assert run.exit_code() == 11
