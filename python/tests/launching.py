from __future__ import annotations

from typing import Any

from deployment import Deployment
from peer import Peer

from airflow_pod_launcher.executor import PodLauncherExecutor


def launched(deployment: Deployment, executor: PodLauncherExecutor, peer: Peer, **values: Any) -> tuple[Any, dict]:
    """Queue a task and return it with the item of its LAUNCH frame."""
    ti = deployment.queued(**values)
    deployment.enqueue(executor, ti)
    deployment.loop(executor)
    (item,) = peer.expect("LAUNCH")["launches"]
    return deployment.ti(ti), item
