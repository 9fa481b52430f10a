"""The executors that are compared, with the little that the driver must know of each."""

from __future__ import annotations

from typing import Any


class Launcher:
    """The executor of this project; the launcher's socket is in the environment."""

    def __init__(self) -> None:
        from airflow_pod_launcher.executor import PodLauncherExecutor

        self.executor: Any = PodLauncherExecutor()

    def ready(self) -> bool:
        """Whether workloads would be taken."""
        return bool(self.executor.slots_available > 0)

    def has_launched_all(self) -> bool:
        """Whether the executor will not ask any more if the rows are still queued."""
        return not self.executor.queued_tasks

    def has_created_all(self) -> bool:
        """Whether every pod has been created, as far as the executor knows."""
        return all(launch.created or launch.end is not None for launch in self.executor._dispatcher.ledger)

    def watchers(self) -> list[int]:
        """Process ids that watch pods."""
        return []


class Stock:
    """The KubernetesExecutor of apache-airflow-providers-cncf-kubernetes."""

    def __init__(self) -> None:
        from airflow.providers.cncf.kubernetes.executors.kubernetes_executor import KubernetesExecutor

        self.executor: Any = KubernetesExecutor()

    def ready(self) -> bool:
        """Whether workloads would be taken."""
        return True

    def has_launched_all(self) -> bool:
        """Whether the executor will not ask any more if the rows are still queued."""
        return not self.executor.queued_tasks and self.executor.task_queue.empty()

    def has_created_all(self) -> bool:
        """Whether every pod has been created, as far as the executor knows."""
        return True  # It creates them while it is asked to launch.

    def watchers(self) -> list[int]:
        """Process ids that watch pods."""
        return [watcher.pid for watcher in self.executor.kube_scheduler.kube_watchers.values()]


CONTENDERS = {"launcher": Launcher, "stock": Stock}
