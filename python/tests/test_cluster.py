from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_pod_launcher.cluster import DEFAULT_CONNECTION, find_cluster
from airflow_pod_launcher.sdk import AirflowException


@pytest.fixture
def connection(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Where Airflow itself looks first."""

    def connect(**extra: Any) -> str:
        value = json.dumps({"conn_type": "kubernetes", "extra": json.dumps(extra)})
        monkeypatch.setenv("AIRFLOW_CONN_CLUSTER", value)
        return "cluster"

    return connect


def test_without_a_connection_the_runtime_finds_the_cluster_itself() -> None:
    assert find_cluster(None).request == {}
    assert find_cluster(None, in_cluster=True).request == {"inCluster": True}
    assert find_cluster(None, config_file="/k", cluster_context="c").request == {"configFile": "/k", "context": "c"}


def test_the_connection_says_what_the_parameters_leave_out(connection: Any) -> None:
    found = find_cluster(connection(kube_config_path="/k", cluster_context="c", namespace="jobs"))
    assert found.request == {"configFile": "/k", "context": "c"}
    assert found.namespace == "jobs"
    assert find_cluster(connection(kube_config_path="/k"), config_file="/own").request == {"configFile": "/own"}
    assert find_cluster(connection(kube_config_path="/k"), in_cluster=True).request == {"inCluster": True}
    assert find_cluster(connection(extra__kubernetes__in_cluster=True)).request == {"inCluster": True}


def test_a_kube_config_may_be_in_the_connection(connection: Any) -> None:
    assert json.loads(find_cluster(connection(kube_config={"kind": "Config"})).request["config"]) == {"kind": "Config"}
    assert find_cluster(connection(kube_config='{"a": 1}')).request == {"config": '{"a": 1}'}


def test_the_connection_may_say_what_the_sidecar_is_made_of(connection: Any) -> None:
    conn = connection(xcom_sidecar_container_image="mirror/busybox", xcom_sidecar_container_resources='{"limits": {}}')
    assert find_cluster(conn).sidecar == {"image": "mirror/busybox", "resources": {"limits": {}}}


def test_contradictions_are_refused(connection: Any) -> None:
    with pytest.raises(AirflowException, match="only one of"):
        find_cluster(connection(kube_config_path="/k", kube_config="{}"))
    with pytest.raises(AirflowException, match="insecure-skip-tls-verify"):
        find_cluster(connection(disable_verify_ssl=True))
    with pytest.raises(AirflowException, match="is not JSON"):
        find_cluster(connection(xcom_sidecar_container_resources="{"))


def test_a_missing_connection_is_an_error_unless_it_is_the_default(migrated_database: None) -> None:
    assert find_cluster(DEFAULT_CONNECTION).request == {}
    with pytest.raises(Exception, match="nowhere"):
        find_cluster("nowhere")
