from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jinja2
import pytest
from child import CREATED, Child, ended_event

from airflow_pod_launcher.operators.spark_application import SparkApplicationOperator
from airflow_pod_launcher.sdk import AIRFLOW_VERSION, AirflowException

MANIFEST = "kind: SparkApplication\nmetadata: {name: sum}\nspec: {mainApplicationFile: 'local:///{{ name }}.py'}\n"
ENDED = {**ended_event(), "application": "deleted"}


def context() -> dict[str, Any]:
    xcoms: dict[str, Any] = {}
    ti = SimpleNamespace(
        dag_id="dag",
        task_id="task",
        run_id="run",
        try_number=2,
        map_index=-1,
        xcoms=xcoms,
        xcom_push=lambda key, value: xcoms.update({key: value}),
    )
    return {"ti": ti, "name": "Ada"}


def operator(**parameters: Any) -> SparkApplicationOperator:
    given = {"task_id": "task", "kubernetes_conn_id": None, **parameters}
    return SparkApplicationOperator(**given)


def test_the_request_has_the_manifest_and_every_default(child: Child) -> None:
    child.does(CREATED, ENDED)
    seen = context()
    operator(application_file=MANIFEST).execute(seen)
    assert child.asked() == {
        "protocol": 1,
        "layers": [{"source": "application_file", "yaml": MANIFEST}],
        "namespace": None,
        "name": None,
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
        "logs": True,
        "startupTimeoutSeconds": 600,
        "onFinish": "delete_pod",
        "onKill": "delete_pod",
        "cluster": {},
    }
    assert seen["ti"].xcoms == {"application_name": "the-pod", "application_namespace": "jobs"}


def test_a_file_is_a_template_and_keeps_its_name_in_errors(child: Child, tmp_path: Path) -> None:
    (tmp_path / "sum.yaml").write_text(MANIFEST)
    made = operator(application_file="sum.yaml", image="spark:{{ name }}", namespace="jobs")
    env = jinja2.Environment(loader=jinja2.FileSystemLoader(tmp_path))
    made.render_template_fields(context(), jinja_env=env)
    child.does(CREATED, ENDED)
    made.execute(context())
    first, second = child.asked()["layers"]
    assert first["source"] == "sum.yaml"
    assert "local:///Ada.py" in first["yaml"]
    assert second["manifest"] == {"metadata": {"namespace": "jobs"}, "spec": {"image": "spark:Ada"}}


def test_the_forms_of_the_stock_operator_are_taken(child: Child, tmp_path: Path) -> None:
    application = {"kind": "SparkApplication", "spec": {"image": "spark:4"}}
    for given in (
        {"template_spec": application},
        {"template_spec": {"spark": application}},
        {"application_file": "spark:\n  kind: SparkApplication\n  spec: {image: 'spark:4'}\n"},
    ):
        child.does(CREATED, ENDED)
        operator(**given, success_run_history_limit=1).execute(context())
        assert child.asked()["layers"][0]["manifest"] == application
    path = tmp_path / "application"
    path.write_text(MANIFEST)
    child.does(CREATED, ENDED)
    operator(application_file=str(path), delete_on_termination=False, random_name_suffix=False).execute(context())
    asked = child.asked()
    assert asked["layers"] == [{"source": str(path), "yaml": MANIFEST}]
    assert (asked["onFinish"], asked["onKill"], asked["exactName"]) == ("keep_pod", "keep_pod", True)


def test_what_cannot_be_is_told(child: Child) -> None:
    with pytest.raises(AirflowException, match="give either application_file or template_spec"):
        operator().execute(context())
    with pytest.raises(AirflowException, match=r"application_file cannot be read: .*nowhere"):
        operator(application_file="nowhere").execute(context())
    with pytest.raises(AirflowException, match=r"'kubernetes' is not known: write its fields into spec\.driver"):
        operator(template_spec={"spark": {}, "kubernetes": {"env_vars": []}}).execute(context())
    with pytest.raises(AirflowException, match=r"has no result: .* Use SparkOperator"):
        operator(application_file=MANIFEST, do_xcom_push=True)


def test_an_application_that_fails_fails_the_task_with_the_drivers_reason(child: Child) -> None:
    failed = {**ENDED, "outcome": "failed", "exitCode": 7, "reason": "Error", "message": "FAILED", "podEvents": []}
    child.does(CREATED, failed, exit_code=10)
    with pytest.raises(AirflowException, match="failed: Error, exit 7"):
        operator(application_file=MANIFEST).execute(context())


def test_the_real_runtime_refuses_what_is_no_application(real_runtime: None) -> None:
    with pytest.raises(AirflowException, match=r"application_file, line 1: 'kind' .* must be SparkApplication"):
        operator(application_file="kind: Pod\nspec: {}\n").execute(context())
