from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow import DAG
from child import Child, ended_event
from conftest import PROJECT

from airflow_pod_launcher.operators.job import JobOperator
from airflow_pod_launcher.sdk import AirflowException, AirflowFailException, AirflowSkipException

EXAMPLES = PROJECT / "examples/job-operator"
CREATED = {"type": "created", "name": "the-job", "namespace": "jobs", "uid": "1"}
NAMESPACE = "<WRITE YOUR AIRFLOW NAMESPACE HERE>"


def ended(outcome: str = "succeeded", **changes: Any) -> dict[str, Any]:
    event = ended_event(outcome, succeeded=1, failed=0, pods=[], job="deleted", **changes)
    del event["pod"], event["containers"]
    return event


def log(line: str, label: str | None = None) -> dict[str, Any]:
    return {"type": "log", "pod": "p", "label": label, "container": "counter", "time": "", "line": line}


class TaskInstance:
    dag_id, task_id, run_id, try_number, map_index = "dag", "task", "run", 1, -1

    def __init__(self) -> None:
        self.xcoms: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.xcoms[key] = value


def context(**more: Any) -> dict[str, Any]:
    return {"ti": TaskInstance(), "ds": "2026-01-01", **more}


def operator(**parameters: Any) -> JobOperator:
    return JobOperator(**{"task_id": "task", "kubernetes_conn_id": None, **parameters})


def asked(child: Child, made: JobOperator, **more: Any) -> dict[str, Any]:
    child.does(CREATED, ended())
    made.execute(context(**more))
    return child.asked()


@pytest.fixture
def jobs(tmp_path: Path) -> Path:
    """The example folder, its placeholders filled in."""
    folder = tmp_path / "airflow"
    for path in EXAMPLES.rglob("*"):
        if path.is_file():
            target = folder / path.relative_to(EXAMPLES)
            target.parent.mkdir(parents=True, exist_ok=True)
            text = path.read_text().replace("/path/to/airflow", str(folder)).replace(NAMESPACE, "jobs")
            target.write_text(text.replace("'/tmp'", repr(str(tmp_path / "written"))))
    return folder


def example(jobs: Path, name: str) -> Any:
    """The DAG of an example; its operators need no connection."""
    path = jobs / f"dags/{name}.py"
    found: dict[str, Any] = {"__file__": str(path)}
    exec(compile(path.read_text(), str(path), "exec"), found)
    for task in found["dag"].tasks:
        task.kubernetes_conn_id = None
    return found["dag"]


def layer(request: dict[str, Any], at: int) -> dict[str, Any]:
    return dict(request["layers"][at])


@pytest.mark.parametrize("name", ["countdown_in_cluster", "countdown_searchpath"])
def test_a_file_of_yaml_is_the_job(child: Child, jobs: Path, name: str) -> None:
    dag = example(jobs, name)
    request = asked(child, dag.tasks[0], dag=dag)
    text = (jobs / "kubernetes/job/countdown.yaml").read_text()
    file = "countdown.yaml" if "search" in name else str(jobs / "kubernetes/job/countdown.yaml")
    assert layer(request, 1) == {"source": f"{file} as rendered", "yaml": text.rstrip("\n")}
    assert layer(request, 0) == {"source": "retries", "manifest": {"spec": {"backoffLimit": 1}}}
    assert layer(request, 2) == {"source": "parameters", "manifest": {"metadata": {}, "spec": {}}}
    wanted = {
        "container": None,
        "logs": {"containers": "all", "initContainers": []},
        "tail": None,
        "exactName": True,
        "replaceEnded": True,
        "onFinish": "keep_pod",
        "propagation": "Foreground",
        "until": "ended",
        "cluster": {"inCluster": True},
    }
    assert {name: request[name] for name in wanted} == wanted


def test_a_kube_config_and_its_context_say_which_cluster(child: Child, jobs: Path) -> None:
    dag = example(jobs, "countdown_config_file")
    cluster = asked(child, dag.tasks[0], dag=dag)["cluster"]
    assert cluster == {"configFile": "/path/to/.kube/config", "context": "my_kube_config_context"}


def test_a_template_is_filled_in(child: Child, jobs: Path) -> None:
    dag = example(jobs, "countdown_templated")
    text = layer(asked(child, dag.tasks[0], dag=dag), 1)["yaml"]
    assert "name: countdown-templated-1\n" in text
    assert '- "sleep 60; for i in 5 4 3 2 1 ; do echo $i ; done"\n' in text


def test_a_template_is_made_of_blocks_and_written_where_it_is_asked_for(
    child: Child, jobs: Path, tmp_path: Path
) -> None:
    dag = example(jobs, "countdown_written")
    request = asked(child, dag.tasks[0], dag=dag)
    rendered = layer(request, 1)
    assert "name: countdown-templated-separated\n" in rendered["yaml"]
    assert "sleep 60" in rendered["yaml"]
    # What is wrong with it is told with the lines of this file.
    assert rendered["source"] == str(tmp_path / "written/rendered.yaml")
    assert (tmp_path / "written/rendered.yaml").read_text() == rendered["yaml"]


def test_the_logs_come_as_they_are_asked_for(child: Child, jobs: Path) -> None:
    dag = example(jobs, "countdown_tail")
    tails = [asked(child, task, dag=dag)["tail"] for task in dag.tasks]
    assert tails == [
        None,
        {"everySeconds": None, "lines": None, "onlyAtEnd": True},
        {"everySeconds": 60, "lines": 100, "onlyAtEnd": False},
    ]
    assert asked(child, operator(image="a", tail_logs_line_count=5))["tail"]["everySeconds"] == 30
    assert asked(child, operator(image="a", tail_logs=False))["logs"]["containers"] == []


def test_a_template_has_the_variables_of_every_airflow_template(child: Child, tmp_path: Path) -> None:
    (tmp_path / "job.yaml").write_text("metadata: {name: 'of-{{ ds }}'}")
    request = asked(child, operator(yaml_file_name=str(tmp_path / "job.yaml")))
    assert layer(request, 1)["yaml"] == "metadata: {name: 'of-2026-01-01'}"


def test_a_template_that_fails_creates_nothing(child: Child, tmp_path: Path) -> None:
    (tmp_path / "job.yaml").write_text("kind: Job\nmetadata: {{ nothing.there }}")
    with DAG("dag", schedule=None) as dag:
        made = operator(yaml_file_name=str(tmp_path / "job.yaml"))
    with pytest.raises(AirflowException, match=r"task task: .*job.yaml, line 2: UndefinedError: 'nothing' is"):
        made.execute(context(dag=dag))
    with pytest.raises(AirflowException, match=r"template 'gone.yaml' is not found in "):
        operator(yaml_file_name="gone.yaml", dag=dag, task_id="other").execute(context(dag=dag))
    assert not child.ended.exists()


def test_the_retries_of_the_task_are_those_of_its_pods(child: Child, tmp_path: Path) -> None:
    path = tmp_path / "job.yaml"
    path.write_text("kind: Job")
    made = operator(yaml_file_name=str(path), retries=3)
    assert layer(asked(child, made), 0)["manifest"]["spec"]["backoffLimit"] == 3
    child.does(CREATED, ended("failed", reason="BackoffLimitExceeded", message="enough"), exit_code=10)
    with pytest.raises(AirflowFailException, match=r"job the-job failed: BackoffLimitExceeded \(enough\); its"):
        made.execute(context())
    # What Kubernetes does not retry Airflow may.
    child.does(CREATED, ended("failed", reason="DeadlineExceeded", message="late"), exit_code=10)
    with pytest.raises(AirflowException, match="DeadlineExceeded") as failed:
        made.execute(context())
    assert not isinstance(failed.value, AirflowFailException)
    path.write_text("spec: {backoffLimit: 2}")
    assert [one["source"] for one in asked(child, made)["layers"]] == [f"{path} as rendered", "parameters"]


def test_parameters_alone_make_a_job(child: Child) -> None:
    made = operator(
        image="busybox:1",
        cmds=["sh"],
        labels={"a": "b"},
        namespace="jobs",
        backoff_limit=0,
        completions=3,
        completion_mode="Indexed",
        parallelism=2,
        suspend=False,
        ttl_seconds_after_finished=0,
        active_deadline_seconds=60,
        termination_grace_period=1,
        job_poll_interval=1,
        discover_pods_retry_number=1,
    )
    request = asked(child, made)
    container = {"name": "base", "image": "busybox:1", "command": ["sh"], "terminationMessagePolicy": "File"}
    assert request["layers"] == [
        {
            "source": "parameters",
            "manifest": {
                "metadata": {"namespace": "jobs", "labels": {"a": "b"}},
                "spec": {
                    "activeDeadlineSeconds": 60,
                    "backoffLimit": 0,
                    "completionMode": "Indexed",
                    "completions": 3,
                    "parallelism": 2,
                    "suspend": False,
                    "ttlSecondsAfterFinished": 0,
                    "template": {
                        "metadata": {"labels": {"a": "b"}},
                        "spec": {"terminationGracePeriodSeconds": 1, "containers": [container]},
                    },
                },
            },
        }
    ]
    wanted = {"container": "base", "exactName": False, "replaceEnded": False, "onFinish": "delete_pod"}
    assert {name: request[name] for name in wanted} == wanted
    assert request["logs"]["containers"] == ["base"]


def test_templates_lie_under_the_parameters(child: Child, tmp_path: Path) -> None:
    (tmp_path / "job.yaml").write_text("spec: {completions: 2}")
    (tmp_path / "pod.yaml").write_text("kind: Pod\nspec: {containers: [{name: x}]}")
    made = operator(
        job_template_file=str(tmp_path / "job.yaml"),
        full_job_spec={"spec": {"completions": 4}},
        pod_template_file=str(tmp_path / "pod.yaml"),
    )
    assert [one.get("manifest", one.get("yaml")) for one in asked(child, made)["layers"]] == [
        "spec: {completions: 2}",
        {"spec": {"completions": 4}},
        {"spec": {"template": {"spec": {"containers": [{"name": "x"}]}}}},
        {"metadata": {}, "spec": {}},
    ]


@pytest.mark.parametrize(
    ("given", "action"),
    [
        ({"yaml_file_name": "job.yaml", "delete_completed_job": True}, "delete_succeeded_pod"),
        ({"yaml_file_name": "job.yaml"}, "keep_pod"),
        ({"yaml_file_name": "job.yaml", "on_finish_action": "delete_pod"}, "delete_pod"),
        ({"delete_completed_job": False}, "keep_pod"),
        ({}, "delete_pod"),
    ],
)
def test_what_becomes_of_the_job(given: dict[str, Any], action: str) -> None:
    assert operator(**given).on_finish_action == action


def test_a_task_may_end_when_its_job_is_created(child: Child) -> None:
    child.does(CREATED)
    made = operator(image="a", wait_until_job_complete=False)
    seen = context()
    assert made.execute(seen) is None
    assert child.asked()["until"] == "created"
    assert seen["ti"].xcoms == {"job_name": "the-job", "job_namespace": "jobs"}


def test_the_results_of_the_pods_are_the_result_of_the_task(child: Child) -> None:
    child.does(CREATED, {"type": "result", "json": '["a", 1]'}, ended())
    assert operator(image="a", do_xcom_push=True).execute(context()) == ["a", 1]
    child.does(CREATED, {"type": "result", "json": '["a"]'}, ended())
    assert operator(image="a", do_xcom_push=True).execute(context()) == "a"
    assert operator(image="a", do_xcom_push=True, unwrap_single=False).execute(context()) == ["a"]


def test_what_happens_is_logged(child: Child, monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []

    def write(text: str, *args: Any) -> None:
        lines.append(text % args)

    monkeypatch.setattr(JobOperator, "log", SimpleNamespace(info=write, warning=write, error=write))
    counts = {"active": 2, "succeeded": 0, "failed": 0, "completions": 2}
    state = {"type": "state", "state": "running", "reason": None, "message": None, **counts}
    pod = {"type": "pod", "name": "p", "label": "0", "state": "pending", "node": None, "message": "no room"}
    child.does(CREATED, state, {**pod, "reason": "Unschedulable"}, log("9", "0"), log("8"), ended())
    operator(image="a").execute(context())
    assert lines[-5:] == [
        "Job jobs/the-job created",
        "Job is running: 2 active, 0 of 2 succeeded, 0 failed",
        "Pod p is pending (Unschedulable: no room)",
        "[counter 0] 9",
        "[counter] 8",
    ]


def test_a_dry_run_prints_what_the_job_is_made_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "job.yaml").write_text("kind: {{ kind }}")
    operator(yaml_file_name=str(tmp_path / "job.yaml"), yaml_template_fields={"kind": "Job"}).dry_run()
    printed = capsys.readouterr().out
    layers = json.loads(printed[printed.index("[") :])
    assert [one.get("yaml") for one in layers] == [None, "kind: Job", None]


def test_an_exit_code_may_mean_that_the_task_is_skipped(child: Child) -> None:
    child.does(CREATED, ended("failed", exitCode=99, reason="BackoffLimitExceeded"), exit_code=10)
    with pytest.raises(AirflowSkipException):
        operator(image="a", skip_on_exit_code=99).execute(context())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"on_kill_propagation_policy": "Orphan"}, r"\('Orphan'\) must be one of Foreground, Background"),
        ({"tail_logs_only_at_end": True, "tail_logs_every": 5}, "either tail_logs_only_at_end or tail_logs_every"),
        ({"yaml_write_filename": "a.yaml"}, "needs yaml_write_path"),
        ({"yaml_file_name": "a", "full_job_spec": {"spec": {}}}, "either yaml_file_name"),
        ({"parallelism": 0}, "parallelism cannot be less than 1"),
        ({"deferrable": True}, "has no deferrable"),
        ({"delete_completed_job": True, "on_finish_action": "keep_pod"}, "either delete_completed_job"),
    ],
)
def test_what_cannot_be_meant_is_refused_when_the_dag_is_read(given: dict[str, Any], message: str) -> None:
    with pytest.raises(AirflowException, match=message):
        operator(**given)


def test_a_file_that_cannot_be_had_is_told_by_name(child: Child, tmp_path: Path) -> None:
    with pytest.raises(AirflowException, match=r"task task: nowhere.yaml cannot be read"):
        operator(job_template_file="nowhere.yaml").execute(context())
    (tmp_path / "job.yaml").write_text("kind: Job")
    (tmp_path / "taken").write_text("")
    made = operator(yaml_file_name=str(tmp_path / "job.yaml"), yaml_write_path=str(tmp_path / "taken"))
    with pytest.raises(AirflowException, match=r"cannot be written to .*taken/job.yaml"):
        made.execute(context())


def test_the_runtime_refuses_what_makes_no_job(real_runtime: None, tmp_path: Path) -> None:
    (tmp_path / "job.yaml").write_text("kind: Job\nspec:\n  template: {spec: {containers: [{name: a}]}}")
    made = operator(yaml_file_name=str(tmp_path / "job.yaml"))
    with pytest.raises(AirflowException, match=r"job.yaml as rendered, line 3: 'spec.*image' is missing"):
        made.execute(context())
