"""Airflow provider of the pod launcher: an executor that hands every launch to the launcher beside the scheduler, and
operators that run pods through the same runtime.
"""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"

EXECUTOR = "airflow_pod_launcher.executor.PodLauncherExecutor"


def get_provider_info() -> dict[str, Any]:
    """What Airflow's ProvidersManager reads through the entry point `apache_airflow_provider`."""
    return {
        "package-name": "airflow-provider-pod-launcher",
        "name": "Pod launcher",
        "description": "Launches one pod per task, and pods for tasks, through the pod-launcher runtime.",
        "versions": [__version__],
        "executors": [EXECUTOR],
        "task-decorators": [{"name": "pod", "class-name": "airflow_pod_launcher.decorators.pod.pod_task"}],
    }
