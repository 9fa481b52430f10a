"""Which cluster an operator means: its parameters first, then its Airflow connection."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from airflow_pod_launcher.sdk import AirflowException, AirflowNotFoundException, BaseHook

DEFAULT_CONNECTION = "kubernetes_default"


@dataclass(frozen=True)
class Cluster:
    """A cluster, and what its connection says besides.

    :param request: the `cluster` of a request to the runtime
    :param namespace: that of the connection
    :param sidecar: image, resources and securityContext of the result's sidecar, as far as the connection says them
    """

    request: dict[str, Any]
    namespace: str | None = None
    sidecar: dict[str, Any] = field(default_factory=dict)


def find_cluster(
    conn_id: str | None,
    in_cluster: bool | None = None,
    config_file: str | None = None,
    cluster_context: str | None = None,
) -> Cluster:
    """Return the cluster of these parameters; what they leave out is the connection's.

    :param conn_id: None: no connection. A missing `kubernetes_default` is no error: the runtime then looks for
        KUBECONFIG, the pod's service account, and ~/.kube/config

    Raises AirflowException when more than one source is given.
    """
    extras = _Extras(conn_id)
    in_cluster = in_cluster if in_cluster is not None else bool(extras.get("in_cluster"))
    # A parameter takes the place of whatever source the connection has.
    own_source = bool(in_cluster and extras.get("in_cluster") is None) or config_file is not None
    file = config_file if config_file is not None else (None if own_source else extras.get("kube_config_path"))
    config = None if own_source else extras.get("kube_config")
    if sum(map(bool, (in_cluster, file, config))) > 1:
        raise AirflowException(
            f"connection {conn_id}: only one of in_cluster, kube_config_path and kube_config can be given"
        )
    context = cluster_context if cluster_context is not None else extras.get("cluster_context")
    if extras.get("disable_verify_ssl"):
        raise AirflowException(
            f"connection {conn_id}: disable_verify_ssl is not supported; "
            "set insecure-skip-tls-verify for the cluster in the kube config"
        )
    request = {
        "inCluster": True if in_cluster else None,
        "configFile": file or None,
        "config": config if config is None or isinstance(config, str) else json.dumps(config),
        "context": None if in_cluster else context or None,
    }
    sidecar = {
        "image": extras.get("xcom_sidecar_container_image"),
        "resources": extras.json("xcom_sidecar_container_resources"),
        "securityContext": extras.json("xcom_sidecar_container_security_context"),
    }
    return Cluster(
        request={name: value for name, value in request.items() if value is not None},
        namespace=extras.get("namespace"),
        sidecar={name: value for name, value in sidecar.items() if value},
    )


class _Extras:
    """The extra fields of a Kubernetes connection; older ones have a prefix."""

    def __init__(self, conn_id: str | None) -> None:
        self._conn_id = conn_id
        self._fields: dict[str, Any] = {}
        if conn_id:
            try:
                self._fields = BaseHook.get_connection(conn_id).extra_dejson
            except AirflowNotFoundException:
                if conn_id != DEFAULT_CONNECTION:
                    raise

    def get(self, name: str) -> Any:
        return self._fields.get(name) or self._fields.get(f"extra__kubernetes__{name}") or None

    def json(self, name: str) -> Any:
        value = self.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError as error:
            raise AirflowException(f"connection {self._conn_id}: {name} is not JSON: {error}") from error
