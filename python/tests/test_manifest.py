from __future__ import annotations

from typing import ClassVar

import pytest

from airflow_pod_launcher.manifest import Secret, env_list, json_problem, plain, pull_secrets, secret_parts
from airflow_pod_launcher.pod import Pod


class ClientObject:
    """Shaped as the objects of the Kubernetes client are, which is not installed with this package."""

    attribute_map: ClassVar = {"mount_path": "mountPath", "name": "name", "sub_path": "subPath"}

    def __init__(self, mount_path: str, name: str) -> None:
        self.mount_path, self.name, self.sub_path = mount_path, name, None


def test_objects_of_the_kubernetes_client_become_what_they_are_in_yaml() -> None:
    assert plain([ClientObject("/data", "data")]) == [{"mountPath": "/data", "name": "data"}]
    assert plain({"a": (1, {"b": None})}) == {"a": [1, {"b": None}]}
    later = object()
    assert plain(later) is later


def test_what_no_manifest_can_hold_is_told_with_its_path() -> None:
    assert json_problem({"spec": [{"a": 1}]}, "pod") is None
    assert (
        json_problem({"spec": [{"a": object()}]}, "pod")
        == "pod.spec[0].a: object is nothing that a pod's manifest can hold"
    )
    assert "must be text" in str(json_problem({1: 2}, "pod"))
    with pytest.raises(ValueError, match=r"pod.spec.containers\[0\].image"):
        Pod(image=object()).manifest()  # type: ignore[arg-type]


def test_secrets_become_variables_and_folders_that_only_the_pod_sees() -> None:
    parts = secret_parts(
        [
            Secret("env", "token", "api", "key"),
            Secret("env", None, "all"),
            Secret("volume", "/keys", "files", items=[{"key": "k", "path": "p"}]),
        ]
    )
    assert parts["env"] == [{"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "api", "key": "key"}}}]
    assert parts["envFrom"] == [{"secretRef": {"name": "all"}}]
    assert parts["volumes"] == [
        {"name": "secret-2", "secret": {"secretName": "files", "items": [{"key": "k", "path": "p"}]}}
    ]
    assert parts["volumeMounts"] == [{"name": "secret-2", "mountPath": "/keys", "readOnly": True}]


@pytest.mark.parametrize("wrong", [("file", "x", "s"), ("env", None, "s", "key"), ("volume", None, "s")])
def test_a_secret_that_means_nothing_is_refused(wrong: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="Secret"):
        Secret(*wrong)


def test_variables_and_pull_secrets_may_be_written_short() -> None:
    assert env_list({"A": 1}) == [{"name": "A", "value": 1}]
    assert env_list([{"name": "A", "value": "1"}]) == [{"name": "A", "value": "1"}]
    assert pull_secrets("one, two") == [{"name": "one"}, {"name": "two"}]


def test_a_pod_is_made_of_what_was_given_and_nothing_else() -> None:
    made = Pod(
        "busybox:1",
        envs={"A": 1},
        cmds=["sh"],
        args=["-c", "true"],
        secrets=[Secret("env", "B", "s", "k")],
        labels={"app": None},
        node_selectors={"disk": "ssd"},
        configmaps=["settings"],
        runtime_envs=[{"POD_IP": "status.podIP"}],
    ).manifest()
    assert made == {
        "metadata": {"labels": {"app": ""}},
        "spec": {
            "nodeSelector": {"disk": "ssd"},
            "containers": [
                {
                    "name": "base",
                    "image": "busybox:1",
                    "command": ["sh"],
                    "args": ["-c", "true"],
                    "env": [
                        {"name": "A", "value": "1"},
                        {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
                        {"name": "B", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
                    ],
                    "envFrom": [{"configMapRef": {"name": "settings"}}],
                }
            ],
        },
    }
