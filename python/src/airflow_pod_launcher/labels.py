"""Label values and selectors of task pods, as the launcher writes them (src/runtime, identity)."""

from __future__ import annotations

import hashlib
import re

from airflow_pod_launcher._contract import LABELS

_MAX_LENGTH = 63
_HASH_LENGTH = 9
_FORBIDDEN = re.compile(r"[^a-zA-Z0-9_.-]")
_EDGES = re.compile(r"^[^a-zA-Z0-9]+|[^a-zA-Z0-9]+$")


def safe_label_value(value: str) -> str:
    """Return the value as Kubernetes accepts it, in the same way as the stock KubernetesExecutor does.

    A value that had to change, or is longer than 63 characters, ends with a hash of the original.
    """
    safe = _EDGES.sub("", _FORBIDDEN.sub("", value))
    if safe == value and len(safe) <= _MAX_LENGTH:
        return safe
    digest = hashlib.md5(value.encode(), usedforsecurity=False).hexdigest()[:_HASH_LENGTH]
    return f"{safe[: _MAX_LENGTH - _HASH_LENGTH - 1]}-{digest}"


def task_selector(deployment: str, dag_id: str, task_id: str, run_id: str, try_number: int, map_index: int) -> str:
    """Return the label selector of the pods of one try of a task."""
    wanted = {
        LABELS["DEPLOYMENT"]: deployment,
        "dag_id": safe_label_value(dag_id),
        "task_id": safe_label_value(task_id),
        "run_id": safe_label_value(run_id),
        "try_number": str(try_number),
    }
    if map_index >= 0:
        wanted["map_index"] = str(map_index)
    return ",".join(f"{name}={value}" for name, value in wanted.items())
