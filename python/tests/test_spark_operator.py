from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import jinja2
import pytest
from airflow import DAG
from airflow.exceptions import TaskDeferralError, TaskDeferred
from child import CREATED, Child, ended_event

from airflow_pod_launcher.operators.spark import SparkOperator
from airflow_pod_launcher.sdk import AirflowException


def context() -> dict[str, Any]:
    ti = SimpleNamespace(
        dag_id="dag", task_id="task", run_id="run", try_number=1, map_index=-1, xcom_push=lambda **_: None
    )
    return {"ti": ti, "name": "Ada"}


def operator(**parameters: Any) -> SparkOperator:
    given = {"task_id": "task", "application": "local:///app.py", "kubernetes_conn_id": None, **parameters}
    return SparkOperator(**given)


def test_the_request_has_the_application_and_the_pod_of_its_driver(child: Child) -> None:
    child.does(CREATED, ended_event())
    operator(image="spark:4", namespace="jobs", env_vars={"A": "1"}).execute(context())
    asked = child.asked()
    assert asked["spark"] == {
        "application": "local:///app.py",
        "name": "dag.task",
        "image": "spark:4",
        "verbose": False,
    }
    assert (asked["container"], asked["name"], asked["startupTimeoutSeconds"]) == ("spark-kubernetes-driver", None, 600)
    assert child.manifest()["spec"]["containers"][0]["env"] == [{"name": "A", "value": "1"}]


def test_the_words_of_spark_submit_reach_the_runtime(child: Child) -> None:
    child.does(CREATED, ended_event())
    operator(
        name="sum",
        application_args=[1, "two"],
        java_class="org.example.Main",
        conf={"spark.a": True, "spark.b": 2, "spark.kubernetes.container.image": "spark:4"},
        py_files="a.py, b.zip",
        jars=["c.jar"],
        packages="g:a:1",
        num_executors=2,
        executor_cores=1,
        executor_memory="512m",
        driver_memory="1g",
        service_account="spark",
        executor_template={"spec": {"nodeSelector": {"disk": "ssd"}}},
        deploy_mode="cluster",
        spark_binary="spark3-submit",
        properties_file="/conf/spark.conf",
        total_executor_cores=8,
        status_poll_interval=3,
    ).execute(context())
    assert child.asked()["spark"] == {
        "application": "local:///app.py",
        "args": ["1", "two"],
        "javaClass": "org.example.Main",
        "name": "sum",
        "conf": {"spark.a": "true", "spark.b": "2", "spark.kubernetes.container.image": "spark:4"},
        "pyFiles": ["a.py", "b.zip"],
        "jars": ["c.jar"],
        "packages": ["g:a:1"],
        "executors": 2,
        "executorCores": 1,
        "executorMemory": "512m",
        "driverMemory": "1g",
        "serviceAccount": "spark",
        "executorTemplate": {"spec": {"nodeSelector": {"disk": "ssd"}}},
        "deployMode": "cluster",
        "binary": "spark3-submit",
        "propertiesFile": "/conf/spark.conf",
        "verbose": False,
    }
    assert child.manifest()["spec"]["serviceAccountName"] == "spark"


def test_templates_are_rendered(child: Child) -> None:
    child.does(CREATED, ended_event())
    made = operator(image="spark:{{ name }}", application_args=["{{ name }}"], conf={"spark.a": "{{ name }}"})
    made.render_template_fields(context(), jinja_env=jinja2.Environment())
    made.execute(context())
    asked = child.asked()["spark"]
    assert (asked["image"], asked["args"], asked["conf"]) == ("spark:Ada", ["Ada"], {"spark.a": "Ada"})


def test_a_driver_may_be_left_to_the_triggerer(child: Child) -> None:
    child.does(CREATED)
    with DAG("dag", schedule=None):
        made = operator(image="spark:4", deferrable=True)
    with pytest.raises(TaskDeferred) as raised:
        made.execute(context())
    assert child.asked()["until"] == "created"
    request = raised.value.trigger.serialize()[1]["request"]
    assert (request["attach"]["name"], request["container"]) == ("the-pod", "spark-kubernetes-driver")
    assert "spark" not in request


def test_the_driver_of_a_deferral_that_has_timed_out_is_ended_by_the_command_that_made_it(
    real_runtime: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    warnings: list[str] = []
    log = SimpleNamespace(warning=lambda text, *args: warnings.append(text % args))
    monkeypatch.setattr(SparkOperator, "log", log)
    made = operator(image="spark:4", config_file="/no/kube/config", deferrable=True)
    seen = context()
    seen["ti"].xcom_pull = lambda task_ids, key, map_indexes: "the-pod"
    with pytest.raises(TaskDeferralError):
        made.resume_execution("__fail__", {"error": "the trigger broke"}, seen)
    # It was understood: what is wrong is the cluster.
    assert "'cluster'" in warnings[0]


@pytest.mark.parametrize("name", ["conn_id", "cmds", "arguments", "post_submit_commands"])
def test_what_has_another_name_here_is_told(name: str) -> None:
    with pytest.raises(AirflowException, match=f"SparkOperator has no parameter {name}: "):
        operator(**{name: ["x"]})


def test_a_deploy_mode_that_there_is_not_is_refused() -> None:
    with pytest.raises(AirflowException, match=r"deploy_mode .'yarn'. must be one of client, cluster"):
        operator(deploy_mode="yarn")


def test_the_runtime_refuses_what_makes_no_application(real_runtime: None) -> None:
    with pytest.raises(AirflowException, match=r"InvalidRequest: request: 'spark.image' is missing"):
        operator().execute(context())
    with pytest.raises(AirflowException, match=r"'spark.conf.master' must begin with 'spark.'"):
        operator(image="spark:4", conf={"master": "yarn"}).execute(context())
