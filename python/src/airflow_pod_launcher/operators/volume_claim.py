"""Creates and deletes volume claims as a task (docs/operators.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow_pod_launcher.manifest import json_problem, plain
from airflow_pod_launcher.operators.manifest import ManifestOperator
from airflow_pod_launcher.sdk import AirflowException

BOUND = "jsonpath={.status.phase}=Bound"
WAITS = ("usable", "bound", "created")


class VolumeClaimOperator(ManifestOperator):
    """Makes a PersistentVolumeClaim and waits until it can be used, or deletes one and waits until it is gone.

    :param name: of the claim
    :param size: as Kubernetes writes it: `10Gi`. Needed unless the claim is deleted
    :param storage_class: Default: the cluster's default class; an empty text: none, for a volume that exists
    :param access_modes: ReadWriteOnce, ReadOnlyMany, ReadWriteMany or ReadWriteOncePod
    :param volume_mode: Filesystem or Block
    :param volume_name: the volume to bind
    :param data_source: what the volume is filled with, as in a manifest
    :param wait: `usable`: until it is bound, or until it is there when its storage class binds a claim only when a pod
        uses it; `bound`: until it is bound, and such a class is refused before anything is made; `created`
    """

    template_fields: Sequence[str] = (
        *(field for field in ManifestOperator.template_fields if field not in ("wait_for", "fail_on")),
        "name",
        "size",
        "storage_class",
        "volume_name",
        "labels",
        "annotations",
    )

    def __init__(
        self,
        *,
        name: str,
        size: str | None = None,
        storage_class: str | None = None,
        access_modes: Sequence[str] = ("ReadWriteOnce",),
        volume_mode: str | None = None,
        volume_name: str | None = None,
        data_source: Any = None,
        labels: dict[str, str] | None = None,
        annotations: dict[str, str] | None = None,
        wait: str = "usable",
        action: str = "apply",
        **kwargs: Any,
    ) -> None:
        if wait not in WAITS:
            raise AirflowException(f"wait ({wait!r}) must be one of {', '.join(WAITS)}")
        if size is None and action != "delete":
            raise AirflowException("size is missing: as Kubernetes writes it, such as '10Gi'")
        for given in ("wait_for", "fail_on", "follow"):
            if given in kwargs:
                raise AirflowException(f"VolumeClaimOperator has no {given}: use wait")
        super().__init__(action=action, **kwargs)
        self.name = name
        self.size = size
        self.storage_class = storage_class
        self.access_modes = list(access_modes)
        self.volume_mode = volume_mode
        self.volume_name = volume_name
        self.data_source = plain(data_source)
        self.labels = labels
        self.annotations = annotations
        self.wait = wait

    def manifests(self, context: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the claim."""
        spec = {
            "accessModes": self.access_modes,
            "resources": None if self.size is None else {"requests": {"storage": self.size}},
            "storageClassName": self.storage_class,
            "volumeMode": self.volume_mode,
            "volumeName": self.volume_name,
            "dataSource": self.data_source,
        }
        metadata = {"name": self.name, "labels": self.labels, "annotations": self.annotations}
        claim = {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {name: value for name, value in metadata.items() if value is not None},
            "spec": {name: value for name, value in spec.items() if value is not None},
        }
        if problem := json_problem(claim, "claim"):
            raise ValueError(problem)
        return [{"source": "claim", "manifest": claim}]

    def build_request(self, context: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the runtime is asked to do."""
        first_consumer = "skip" if self.wait == "usable" else "refuse"
        return {**super().build_request(context), "firstConsumer": first_consumer}

    def _wait(self) -> list[str]:
        if self.action == "delete":
            return ["deleted"]
        return [] if self.wait == "created" else [BOUND]
