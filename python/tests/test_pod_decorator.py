from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from child import CREATED, Child, ended_event
from test_pod_operator import context

from airflow_pod_launcher import get_provider_info
from airflow_pod_launcher.decorators.pod import PodDecoratedOperator, pod_task
from airflow_pod_launcher.sdk import AirflowException


def add(one: int, other: int = 1) -> dict[str, Any]:
    return {"sum": one + other, "text": "$(HOME) ' \" ü"}


def fail() -> None:
    raise ValueError("from within")


def operator(function: Any, *args: Any, **kwargs: Any) -> PodDecoratedOperator:
    return PodDecoratedOperator(
        task_id="task",
        python_callable=function,
        op_args=args,
        image="python:3",
        kubernetes_conn_id=None,
        **kwargs,
    )


def run(child: Child, made: PodDecoratedOperator, path: str) -> subprocess.CompletedProcess[str]:
    """Do in this Python what the pod would do in its own."""
    child.does(CREATED, ended_event())
    made.execute(context())
    container = child.manifest()["spec"]["containers"][0]
    assert container["command"] == ["python", "-c"]
    return subprocess.run([sys.executable, "-c", *container["args"]], capture_output=True, text=True, check=False)


def test_the_function_runs_with_its_arguments_and_writes_its_result(
    child: Child, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"{tmp_path}/xcom/return.json"
    monkeypatch.setattr("airflow_pod_launcher.decorators.pod.RESULT_PATH", path)
    done = run(child, operator(add, 40, do_xcom_push=True, op_kwargs={"other": 2}), path)
    assert done.stderr == ""
    with open(path) as file:
        assert json.load(file) == {"sum": 42, "text": "$(HOME) ' \" ü"}


def test_an_error_of_the_function_has_a_traceback_with_its_lines(child: Child) -> None:
    done = run(child, operator(fail), "")
    assert done.returncode == 1
    assert 'raise ValueError("from within")' in done.stderr


def test_arguments_that_are_too_large_are_refused(child: Child) -> None:
    with pytest.raises(AirflowException, match="pass large data by reference"):
        operator(add, "x" * 200_000).execute(context())


def test_what_the_function_replaces_is_refused() -> None:
    with pytest.raises(AirflowException, match="has no parameter cmds"):
        operator(add, cmds=["sh"])


def test_airflow_finds_the_decorator_and_makes_tasks_of_it() -> None:
    [entry] = [one for one in get_provider_info()["task-decorators"] if one["name"] == "pod"]
    assert entry["class-name"] == f"{pod_task.__module__}.{pod_task.__name__}"
    made = pod_task(add, image="python:3", kubernetes_conn_id=None)
    assert made.operator_class is PodDecoratedOperator
