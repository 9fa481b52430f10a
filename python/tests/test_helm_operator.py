from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2
import pytest
from child import Child
from test_runs import NOWHERE

from airflow_pod_launcher.operators.helm import HelmOperator
from airflow_pod_launcher.sdk import AirflowException

RELEASE = {"release": "one", "namespace": "team", "revision": 2, "status": "deployed"}
ENDED = {"type": "ended", "outcome": "succeeded", "exitCode": 0, "message": None, **RELEASE}


def operator(**parameters: Any) -> HelmOperator:
    return HelmOperator(
        **{"task_id": "task", "kubernetes_conn_id": None, "release": "one", "chart": "./chart", **parameters}
    )


def test_the_request_has_every_default_and_the_release_is_the_result(child: Child) -> None:
    child.does({"type": "log", "container": "helm", "time": "", "line": "STATUS: deployed"}, ENDED)
    assert operator().execute({}) == RELEASE
    assert child.asked() == {
        "protocol": 1,
        "action": "upgrade",
        "release": "one",
        "chart": "./chart",
        "version": None,
        "repo": None,
        "namespace": None,
        "createNamespace": False,
        "values": [],
        "previousValues": "default",
        "dependencyUpdate": False,
        "wait": True,
        "waitForJobs": False,
        "timeoutSeconds": 300,
        "rollbackOnFailure": False,
        "revision": None,
        "keepHistory": False,
        "recover": True,
        "extraArgs": [],
        "helm": "helm",
        "env": {},
        "cluster": {},
    }


def test_values_are_templates_and_win_over_those_of_files(child: Child) -> None:
    child.does(ENDED)
    made = operator(values={"image": {"tag": "{{ tag }}"}}, values_files="values-{{ tag }}.yaml", release="r-{{ tag }}")
    made.render_template_fields({"tag": "1.0"}, jinja_env=jinja2.Environment())
    made.execute({})
    asked = child.asked()
    assert asked["values"] == [{"file": "values-1.0.yaml"}, {"values": {"image": {"tag": "1.0"}}}]
    assert asked["release"] == "r-1.0"


def test_a_helm_that_fails_fails_the_task_with_what_it_said(child: Child) -> None:
    failed = {**ENDED, "outcome": "failed", "exitCode": 1, "message": "chart not found", "status": "failed"}
    child.does(failed, exit_code=10)
    with pytest.raises(AirflowException, match="helm upgrade failed: chart not found; release one is failed"):
        operator().execute({})
    child.does({"type": "error", "code": "InvalidRequest", "message": "request: 'helm' (helm) is not there"})
    with pytest.raises(AirflowException, match=r"'helm' \(helm\) is not there"):
        operator().execute({})


def test_a_task_that_was_told_to_end_is_never_a_success(child: Child) -> None:
    made = operator()
    made.on_kill()
    with pytest.raises(AirflowException, match="told to end before"):
        made.execute({})


def test_parameters_that_cannot_be_are_refused_when_the_dag_is_read() -> None:
    with pytest.raises(AirflowException, match="chart is missing: install needs one"):
        operator(action="install", chart=None)
    with pytest.raises(AirflowException, match=r"action .'explode'. must be one of upgrade"):
        operator(action="explode")
    with pytest.raises(AirflowException, match=r"previous_values .'x'. must be one of default"):
        operator(previous_values="x")
    with pytest.raises(AirflowException, match=r"values\.a: object"):
        operator(values={"a": object()}).execute({})


def test_the_real_runtime_says_that_there_is_no_helm(real_runtime: None, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(NOWHERE)
    with pytest.raises(AirflowException, match="is not there: install helm, or say where it is"):
        operator(helm_binary="/no/such/helm", config_file=str(config)).execute({})
