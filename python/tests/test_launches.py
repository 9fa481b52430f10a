from __future__ import annotations

import base64
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from deployment import Deployment
from kubernetes.client import models as k8s

from airflow_pod_launcher import compat, launches
from airflow_pod_launcher.launches import LaunchError, not_after, plain_pod


def workload(deployment: Deployment, **values: Any) -> Any:
    ti = deployment.queued(**values)
    with compat.own_session() as session:
        executor = SimpleNamespace(jwt_generator=None, sentry_integration="")
        return compat.make_workload(session, compat.ti_id(ti), executor)


def token(**claims: Any) -> str:
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{payload}.sig"


class TestPodOverride:
    OVERRIDE = k8s.V1Pod(
        metadata=k8s.V1ObjectMeta(labels={"team": "data"}, namespace="elsewhere"),
        spec=k8s.V1PodSpec(
            containers=[
                k8s.V1Container(name="base", env=[k8s.V1EnvVar(name="A", value="1")], image_pull_policy="Never")
            ],
            node_selector={"disk": "ssd"},
        ),
    )
    PLAIN: ClassVar = {
        "metadata": {"labels": {"team": "data"}, "namespace": "elsewhere"},
        "spec": {
            "containers": [{"name": "base", "env": [{"name": "A", "value": "1"}], "imagePullPolicy": "Never"}],
            "nodeSelector": {"disk": "ssd"},
        },
    }

    def test_a_pod_object_is_spelled_as_the_kubernetes_client_spells_it(self) -> None:
        from kubernetes.client import ApiClient

        assert plain_pod(self.OVERRIDE) == self.PLAIN == ApiClient().sanitize_for_serialization(self.OVERRIDE)

    def test_a_dict_stays_as_it_is(self) -> None:
        assert plain_pod(self.PLAIN) == self.PLAIN

    def test_the_form_airflow_stores_is_understood(self) -> None:
        from airflow.serialization.serialized_objects import BaseSerialization

        assert plain_pod(BaseSerialization.serialize(self.OVERRIDE)) == self.PLAIN

    @pytest.mark.parametrize("bad", ["a string", 3, {"spec": object()}])
    def test_anything_else_is_refused(self, bad: Any) -> None:
        with pytest.raises(LaunchError, match="pod_override"):
            plain_pod(bad)

    def test_it_reaches_the_launch_through_the_database(self, deployment: Deployment) -> None:
        launch = launches.make_launch(workload(deployment, executor_config={"pod_override": self.OVERRIDE}), now=0)
        assert launch.frame is not None
        assert launch.frame["podOverride"] == self.PLAIN
        assert launch.frame["namespace"] == "elsewhere"


class TestTemplate:
    def test_the_file_goes_along_as_text(self, deployment: Deployment, tmp_path: Path) -> None:
        file = tmp_path / "pod.yaml"
        file.write_text("kind: Pod\n")
        launch = launches.make_launch(workload(deployment, executor_config={"pod_template_file": str(file)}), now=0)
        assert launch.frame is not None
        assert launch.frame["podTemplate"] == "kind: Pod\n"

    def test_without_one_the_launcher_takes_its_own(self, deployment: Deployment) -> None:
        launch = launches.make_launch(workload(deployment), now=0)
        assert launch.frame is not None
        assert (launch.frame["podTemplate"], launch.frame["podOverride"], launch.frame["namespace"]) == (None,) * 3


class TestNotAfter:
    def test_it_is_when_airflow_takes_the_task_for_stuck(self) -> None:
        assert not_after("", now=1000, queued_timeout=600) == 1600

    def test_it_leaves_the_pod_time_to_start_before_its_token_expires(self) -> None:
        assert not_after(token(exp=1500), now=1000, queued_timeout=600) == 1470

    def test_a_short_timeout_leaves_less(self) -> None:
        assert not_after(token(exp=1010), now=1000, queued_timeout=10) == 1009

    @pytest.mark.parametrize("garbage", ["x", "a.b.c", "a.e30.c", token(exp="soon")])
    def test_a_token_that_cannot_be_read_limits_nothing(self, garbage: str) -> None:
        assert not_after(garbage, now=1000, queued_timeout=600) == 1600


def test_a_workload_nobody_knows_is_refused() -> None:
    with pytest.raises(TypeError, match="SimpleNamespace"):
        compat.workload_kind(SimpleNamespace())
