"""Installs, upgrades, tests and uninstalls Helm charts as a task, with the real helm (docs/operators.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from airflow_pod_launcher.cluster import DEFAULT_CONNECTION, find_cluster
from airflow_pod_launcher.manifest import json_problem
from airflow_pod_launcher.operators.base import RunOperator
from airflow_pod_launcher.runs import PROTOCOL, Run
from airflow_pod_launcher.sdk import AirflowException

ACTIONS = ("upgrade", "install", "uninstall", "test", "rollback")
PREVIOUS_VALUES = ("default", "reset", "reuse", "reset-then-reuse")


class HelmOperator(RunOperator):
    """Runs helm on a release. Its result is `release`, `namespace`, `revision` and `status`.

    helm itself must be there: on the PATH of the worker, or as `helm_binary`.

    :param release: name of the release
    :param chart: a folder, an archive, `oci://…`, a URL, or a name in a repository; for install and upgrade
    :param action: `upgrade` (installs what does not exist), `install`, `uninstall`, `test` or `rollback`
    :param chart_version: Default: the newest
    :param repo: URL of the chart's repository
    :param namespace: Default: the connection's, that of the kube config's context, the worker's own, `default`
    :param create_namespace: make the namespace if it does not exist
    :param values: values of the chart; they win over those of files
    :param values_files: files of values, later ones win
    :param previous_values: of an upgrade: `reset`, `reuse` or `reset-then-reuse` those of the release before.
        `default`: helm's own way
    :param wait: until everything is ready, or gone
    :param wait_for_jobs: until Jobs have ended, too
    :param helm_timeout: seconds for each operation of helm's
    :param rollback_on_failure: back to the release before when an upgrade fails, to none when an install does
    :param revision: that a rollback goes back to. Default: the one before
    :param keep_history: of an uninstall
    :param recover: bring a release to rest first that was left in the middle of an operation: an install is
        uninstalled, an upgrade rolled back
    :param extra_args: further arguments of helm's operation
    :param helm_binary: Default: `helm` on PATH
    :param env: environment variables of helm, such as HELM_REGISTRY_CONFIG
    """

    command: ClassVar[str] = "helm"
    noun: ClassVar[str] = "release"

    template_fields: Sequence[str] = (
        "kubernetes_conn_id",
        "config_file",
        "cluster_context",
        "namespace",
        "release",
        "chart",
        "chart_version",
        "repo",
        "values",
        "values_files",
        "extra_args",
        "helm_binary",
        "env",
    )
    ui_color = "#e3e9fb"

    def __init__(
        self,
        *,
        release: str,
        chart: str | None = None,
        action: str = "upgrade",
        chart_version: str | None = None,
        repo: str | None = None,
        kubernetes_conn_id: str | None = DEFAULT_CONNECTION,
        in_cluster: bool | None = None,
        config_file: str | None = None,
        cluster_context: str | None = None,
        namespace: str | None = None,
        create_namespace: bool = False,
        values: dict[str, Any] | None = None,
        values_files: str | list[str] | None = None,
        previous_values: str = "default",
        dependency_update: bool = False,
        wait: bool = True,
        wait_for_jobs: bool = False,
        helm_timeout: int = 300,
        rollback_on_failure: bool = False,
        revision: int | None = None,
        keep_history: bool = False,
        recover: bool = True,
        extra_args: list[str] | None = None,
        helm_binary: str = "helm",
        env: dict[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        if action not in ACTIONS:
            raise AirflowException(f"action ({action!r}) must be one of {', '.join(ACTIONS)}")
        if previous_values not in PREVIOUS_VALUES:
            raise AirflowException(f"previous_values ({previous_values!r}) must be one of {', '.join(PREVIOUS_VALUES)}")
        if chart is None and action in ("upgrade", "install"):
            raise AirflowException(f"chart is missing: {action} needs one")
        super().__init__(**kwargs)
        self.release = release
        self.chart = chart
        self.action = action
        self.chart_version = chart_version
        self.repo = repo
        self.kubernetes_conn_id = kubernetes_conn_id
        self.in_cluster = in_cluster
        self.config_file = config_file
        self.cluster_context = cluster_context
        self.namespace = namespace
        self.create_namespace = create_namespace
        self.values = values
        self.values_files = values_files
        self.previous_values = previous_values
        self.dependency_update = dependency_update
        self.wait = wait
        self.wait_for_jobs = wait_for_jobs
        self.helm_timeout = helm_timeout
        self.rollback_on_failure = rollback_on_failure
        self.revision = revision
        self.keep_history = keep_history
        self.recover = recover
        self.extra_args = extra_args
        self.helm_binary = helm_binary
        self.env = env

    def execute(self, context: Any) -> Any:
        """Run helm.

        Raises AirflowException when helm is missing or fails, or the task is told to end.
        """
        return self.run_to_end(self.build_request(), context)

    def build_request(self) -> dict[str, Any]:
        """Return what the runtime is asked to do (docs/operators.md).

        Raises AirflowException for values that are no JSON.
        """
        cluster = find_cluster(self.kubernetes_conn_id, self.in_cluster, self.config_file, self.cluster_context)
        files = [self.values_files] if isinstance(self.values_files, str) else self.values_files or []
        if self.values is not None and (problem := json_problem(self.values, "values")):
            raise AirflowException(f"task {self.task_id}: {problem}")
        return {
            "protocol": PROTOCOL,
            "action": self.action,
            "release": self.release,
            "chart": self.chart,
            "version": self.chart_version,
            "repo": self.repo,
            "namespace": self.namespace or cluster.namespace,
            "createNamespace": self.create_namespace,
            "values": [{"file": file} for file in files] + ([{"values": self.values}] if self.values else []),
            "previousValues": self.previous_values,
            "dependencyUpdate": self.dependency_update,
            "wait": self.wait,
            "waitForJobs": self.wait_for_jobs,
            "timeoutSeconds": self.helm_timeout,
            "rollbackOnFailure": self.rollback_on_failure,
            "revision": self.revision,
            "keepHistory": self.keep_history,
            "recover": self.recover,
            "extraArgs": self.extra_args or [],
            "helm": self.helm_binary,
            "env": self.env or {},
            "cluster": cluster.request,
        }

    def _follow(self, run: Run, context: Mapping[str, Any], request: Mapping[str, Any]) -> Any:
        ended: Mapping[str, Any] | None = None
        for event in run.events():
            kind = event.get("type")
            if kind == "log":
                self._log_line(event["container"], event["line"])
            elif kind == "warning":
                self.log.warning("%s", event["message"])
            elif kind == "ended":
                ended = event
            elif kind == "error":
                raise AirflowException(f"{event['code']}: {event['message']}")
        state = f"release {self.release} is {ended['status'] if ended else 'in an unknown state'}"
        # Whatever came of it: a task that was told to end has not succeeded.
        if self._killed:
            raise AirflowException(f"the task was told to end; {state}")
        if ended is None:
            raise AirflowException(f"the runtime ended with exit code {run.exit_code()} and said nothing of helm")
        if ended["outcome"] != "succeeded":
            raise AirflowException(f"helm {self.action} failed: {ended['message']}; {state}")
        return {name: ended[name] for name in ("release", "namespace", "revision", "status")}
