"""Turns Airflow's workloads into items of a LAUNCH frame."""

from __future__ import annotations

import base64
import json
import uuid
from datetime import date, datetime
from pathlib import Path
from typing import Any

from airflow_pod_launcher import compat
from airflow_pod_launcher.ledger import Kind, Launch

_STARTUP_SECONDS = 30.0
"""A pod that is created just before its token expires could not use it: this long is left for its start."""


class LaunchError(Exception):
    """The workload's `executor_config` cannot be launched; the message says why."""


def make_launch(workload: Any, now: float) -> Launch:
    """Build the launch of a workload, ready to be sent.

    :param now: seconds since the epoch
    Raises LaunchError.
    """
    kind = compat.workload_kind(workload)
    launch = Launch(key=workload.key, id=_launch_id(workload, kind), kind=kind)
    if kind is Kind.TASK:
        launch.ti_id = str(workload.ti.id)
        launch.try_number = workload.ti.try_number
    launch.frame = _frame(workload, kind, now)
    return launch


def frame_of(launch: Launch) -> dict[str, Any]:
    """Return the item of a LAUNCH frame for the launch's present attempt."""
    return {**(launch.frame or {}), "id": launch.id, "attempt": launch.attempt}


def expired(launch: Launch, now: float) -> bool:
    """Whether the launcher would refuse to create it (now in seconds since the epoch)."""
    return launch.frame is None or bool(launch.frame["notAfter"] <= now * 1000)


def _launch_id(workload: Any, kind: Kind) -> str:
    """The UUID committed with QUEUED; a callback and a connection test are launched once, under their own id."""
    if kind is Kind.CALLBACK:
        return str(workload.callback.id)
    if kind is Kind.CONNECTION_TEST:
        return str(workload.connection_test_id)
    return workload.ti.external_executor_id or str(uuid.uuid4())


def _frame(workload: Any, kind: Kind, now: float) -> dict[str, Any]:
    config = (workload.ti.executor_config or {}) if kind is Kind.TASK else {}
    if not isinstance(config, dict):
        raise LaunchError(f"executor_config must be a dict, not {type(config).__name__}")
    pod_override = plain_pod(config.get("pod_override"))
    namespace = ((pod_override or {}).get("metadata") or {}).get("namespace")
    key, ti_id, queue = _describe(workload, kind)
    return {
        "key": key,
        "tiId": ti_id,
        "args": compat.worker_args(workload),
        "queue": queue,
        "podOverride": pod_override,
        "podTemplate": _template(config.get("pod_template_file")),
        "namespace": namespace,
        "notAfter": int(not_after(workload.token, now, compat.task_queued_timeout()) * 1000),
        "airflowVersion": compat.AIRFLOW_VERSION,
    }


def _describe(workload: Any, kind: Kind) -> tuple[dict[str, Any], str, str]:
    if kind is Kind.TASK:
        ti = workload.ti
        key = _key(ti.dag_id, ti.task_id, ti.run_id, ti.try_number, ti.map_index)
        return key, str(ti.id), ti.queue or "default"
    if kind is Kind.CALLBACK:
        return _key("", f"callback-{workload.display_name}", "", 1, -1), str(workload.callback.id), "default"
    name = f"connection-test-{workload.connection_id}"
    return _key("", name, "", 1, -1), str(workload.connection_test_id), workload.queue or "default"


def _key(dag_id: str, task_id: str, run_id: str, try_number: int, map_index: int) -> dict[str, Any]:
    return {"dagId": dag_id, "taskId": task_id, "runId": run_id, "tryNumber": try_number, "mapIndex": map_index}


def _template(path: Any) -> str | None:
    if not path:
        return None
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError, TypeError) as error:
        raise LaunchError(f"executor_config: pod_template_file {path!r} cannot be read: {error}") from error


def plain_pod(pod: Any) -> dict[str, Any] | None:
    """Return a pod_override as the Kubernetes API spells it.

    Takes a `kubernetes.client.V1Pod`, a dict in the API's spelling, or Airflow's serialized form of either.
    Raises LaunchError for anything else.
    """
    if pod is None:
        return None
    if isinstance(pod, dict) and "__var" in pod:
        pod = pod["__var"]
    plain = _plain(pod)
    if not isinstance(plain, dict):
        raise LaunchError(f"executor_config: pod_override must be a V1Pod or a dict, not {type(pod).__name__}")
    return plain


def _plain(value: Any) -> Any:
    """Models of the Kubernetes client carry their own mapping to JSON names, so its import is not needed."""
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    names = getattr(value, "attribute_map", None)
    if isinstance(names, dict):
        found = {json_name: getattr(value, name, None) for name, json_name in names.items()}
        return {json_name: _plain(item) for json_name, item in found.items() if item is not None}
    raise LaunchError(f"executor_config: pod_override holds a {type(value).__name__}, which JSON cannot")


def not_after(token: str, now: float, queued_timeout: float) -> float:
    """Return when a pod of this workload is of no use any more, in seconds since the epoch.

    That is when Airflow takes the task for stuck, or when its token is too old for a pod that has yet to start.
    """
    limit = now + queued_timeout
    expires = _expiry(token)
    if expires is None:
        return limit
    return min(limit, expires - min(_STARTUP_SECONDS, queued_timeout / 10))


def _expiry(token: str) -> float | None:
    """Read `exp` of a JWT. Its signature is the API server's business."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return float(claims["exp"])
    except (IndexError, KeyError, TypeError, ValueError):
        return None
