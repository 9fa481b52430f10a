from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jinja2
import pytest
from child import Child

from airflow_pod_launcher.operators.volume_claim import VolumeClaimOperator
from airflow_pod_launcher.operators.yaml import YamlOperator, find_named
from airflow_pod_launcher.sdk import AIRFLOW_VERSION, AirflowException

CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ name }}}\n"
OBJECT = {"apiVersion": "v1", "kind": "ConfigMap", "namespace": "team", "name": "a", "uid": "u", "fate": "kept"}


def ended(outcome: str = "succeeded", **changes: Any) -> dict[str, Any]:
    told = {"type": "ended", "outcome": outcome, "exitCode": None, "reason": None, "message": None}
    return {**told, "objects": [OBJECT], "requests": 3, **changes}


def context(**more: Any) -> dict[str, Any]:
    ti = SimpleNamespace(dag_id="dag", task_id="task", run_id="run", try_number=2, map_index=-1)
    return {"ti": ti, "name": "Ada", **more}


def dag_of(folder: Path) -> Any:
    """What files are looked for by: a DAG's template environment."""
    env = jinja2.Environment(loader=jinja2.FileSystemLoader(folder), undefined=jinja2.StrictUndefined)
    return SimpleNamespace(get_template_env=lambda force_sandboxed: env)


def operator(**parameters: Any) -> YamlOperator:
    return YamlOperator(**{"task_id": "task", "kubernetes_conn_id": None, **parameters})


def test_the_request_has_the_task_and_every_default(child: Child) -> None:
    child.does(ended())
    assert operator(manifest="kind: X").execute(context()) == [OBJECT]
    assert child.asked() == {
        "protocol": 1,
        "action": "apply",
        "manifests": [{"source": "manifest", "yaml": "kind: X"}],
        "namespace": None,
        "task": {
            "dagId": "dag",
            "taskId": "task",
            "runId": "run",
            "mapIndex": -1,
            "tryNumber": 2,
            "airflowVersion": AIRFLOW_VERSION,
        },
        "fieldManager": "pod-launcher",
        "force": False,
        "wait": [],
        "failOn": [],
        "timeoutSeconds": 600,
        "follow": False,
        "onFinish": "keep",
        "onKill": "keep",
        "cluster": {},
    }


def test_manifests_are_texts_and_objects_with_templates_in_them(child: Child) -> None:
    child.does(ended())
    made = operator(
        manifest=[CONFIG_MAP, {"metadata": {"name": "of-{{ name }}"}}],
        wait_for="condition=Ready",
        fail_on=["condition=Failed"],
        namespace="{{ name }}",
    )
    made.render_template_fields(context(), jinja_env=jinja2.Environment())
    made.execute(context())
    asked = child.asked()
    assert asked["manifests"] == [
        {"source": "manifest[0]", "yaml": CONFIG_MAP.replace("{{ name }}", "Ada").rstrip("\n")},
        {"source": "manifest[1]", "manifest": {"metadata": {"name": "of-Ada"}}},
    ]
    assert (asked["wait"], asked["failOn"], asked["namespace"]) == (["condition=Ready"], ["condition=Failed"], "Ada")


def test_files_are_templates_over_the_search_path_of_the_dag(child: Child, tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("kind: Base\n{% block body %}{% endblock %}\n")
    body = "{% block body %}who: {{ who }} {{ name }}{% endblock %}"
    (tmp_path / "full.yaml").write_text("{% extends 'base.yaml' %}" + body)
    child.does(ended())
    made = operator(yaml_files=["full.yaml", str(tmp_path / "base.yaml")], yaml_template_fields={"who": "I"})
    made.execute(context(dag=dag_of(tmp_path)))
    assert child.asked()["manifests"] == [
        {"source": "full.yaml", "yaml": "kind: Base\nwho: I Ada"},
        {"source": str(tmp_path / "base.yaml"), "yaml": "kind: Base\n"},
    ]


def test_a_template_that_fails_is_told_with_file_and_line(child: Child, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("kind: A\nwho: {{ nobody }}\n")
    with pytest.raises(AirflowException, match=r"task task: .*a\.yaml, line 2: UndefinedError: 'nobody' is undefined"):
        operator(yaml_files="a.yaml").execute(context(dag=dag_of(tmp_path)))


def test_a_name_finds_its_file_in_the_folder_of_airflow_or_of_the_dag(
    child: Child, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, dags = tmp_path / "home", tmp_path / "dags"
    for folder in (home, dags):
        (folder / "kub-yaml" / "deep").mkdir(parents=True)
    monkeypatch.setenv("AIRFLOW_HOME", str(home))
    (home / "kub-yaml" / "one.yaml").write_text("home: one")
    (dags / "kub-yaml" / "one.yaml").write_text("dags: one")
    (dags / "kub-yaml" / "deep" / "two.yml").write_text("dags: two")
    found = []
    for name in ("one", "one.yaml", "deep/two"):
        child.does(ended())
        operator(yaml_name=name).execute(context(dag=dag_of(dags)))
        found.append(child.asked()["manifests"][0]["yaml"])
    assert found == ["home: one", "home: one", "dags: two"]


@pytest.mark.parametrize("name", ["../one", "/etc/passwd", "nothing"])
def test_a_name_without_a_file_in_the_folder_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text("a: b")
    (tmp_path / "folder").mkdir()
    with pytest.raises(ValueError, match="yaml_name"):
        find_named(name, str(tmp_path / "folder"), jinja2.Environment())


def test_what_fails_or_is_refused_fails_the_task_with_the_reason(child: Child) -> None:
    child.does(ended("failed", reason="Timeout", message="not met in 1 s: ConfigMap team/a"), exit_code=10)
    with pytest.raises(AirflowException, match="Timeout: not met in 1 s: ConfigMap team/a"):
        operator(manifest="kind: X").execute(context())
    child.does({"type": "error", "code": "InvalidRequest", "message": "manifest:3: 'spec.x' is no field of this kind"})
    with pytest.raises(AirflowException, match=r"InvalidRequest: manifest:3: 'spec.x' is no field"):
        operator(manifest="kind: X").execute(context())
    child.does(exit_code=1)
    with pytest.raises(AirflowException, match="exit code 1 and said nothing"):
        operator(manifest="kind: X").execute(context())


def test_a_task_that_was_told_to_end_is_never_a_success(child: Child) -> None:
    child.does(ended())
    made = operator(manifest="kind: X")
    follow = made._follow

    def killed_meanwhile(*args: Any) -> Any:
        made._killed = True
        return follow(*args)

    made._follow = killed_meanwhile  # type: ignore[method-assign]
    with pytest.raises(AirflowException, match="told to end; its objects: ConfigMap team/a kept"):
        made.execute(context())


def test_a_deletion_waits_until_the_objects_are_gone(child: Child) -> None:
    child.does(ended())
    operator(manifest="kind: X", action="delete").execute(context())
    assert child.asked()["wait"] == ["deleted"]
    operator(manifest="kind: X", action="delete", wait_for=[]).execute(context())
    assert child.asked()["wait"] == []


def test_parameters_that_cannot_be_are_refused_when_the_dag_is_read() -> None:
    with pytest.raises(AirflowException, match="one of manifest, yaml_files and yaml_name"):
        operator()
    with pytest.raises(AirflowException, match="one of manifest, yaml_files and yaml_name"):
        operator(manifest="a", yaml_name="b")
    with pytest.raises(AirflowException, match=r"action .'destroy'. must be one of apply"):
        operator(manifest="a", action="destroy")
    with pytest.raises(AirflowException, match=r"on_kill_action .'x'. must be one of keep"):
        operator(manifest="a", on_kill_action="x")


def test_a_value_that_no_manifest_can_hold_is_told_with_its_path(child: Child) -> None:
    with pytest.raises(AirflowException, match=r"task task: manifest\.a\[0\]: object"):
        operator(manifest={"a": [object()]}).execute(context())


def claim(**parameters: Any) -> VolumeClaimOperator:
    return VolumeClaimOperator(**{"task_id": "task", "kubernetes_conn_id": None, "name": "data", **parameters})


def test_a_claim_is_made_of_its_parameters_and_waited_for(child: Child) -> None:
    child.does(ended())
    claim(size="1Gi", storage_class="", access_modes=["ReadWriteMany"], labels={"a": "b"}).execute(context())
    asked = child.asked()
    assert asked["manifests"] == [
        {
            "source": "claim",
            "manifest": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "metadata": {"name": "data", "labels": {"a": "b"}},
                "spec": {
                    "accessModes": ["ReadWriteMany"],
                    "resources": {"requests": {"storage": "1Gi"}},
                    "storageClassName": "",
                },
            },
        }
    ]
    assert (asked["wait"], asked["firstConsumer"]) == (["jsonpath={.status.phase}=Bound"], "skip")


def test_how_a_claim_is_waited_for_is_a_choice(child: Child) -> None:
    child.does(ended())
    claim(size="1Gi", wait="bound").execute(context())
    assert (child.asked()["wait"], child.asked()["firstConsumer"]) == (["jsonpath={.status.phase}=Bound"], "refuse")
    claim(size="1Gi", wait="created").execute(context())
    assert child.asked()["wait"] == []
    claim(action="delete").execute(context())
    assert (child.asked()["action"], child.asked()["wait"]) == ("delete", ["deleted"])
    assert "storage" not in json.dumps(child.asked()["manifests"])


def test_a_claim_that_cannot_be_is_refused_when_the_dag_is_read() -> None:
    with pytest.raises(AirflowException, match="size is missing"):
        claim()
    with pytest.raises(AirflowException, match=r"wait .'soon'. must be one of usable"):
        claim(size="1Gi", wait="soon")
    with pytest.raises(AirflowException, match="has no wait_for: use wait"):
        claim(size="1Gi", wait_for="deleted")
