"""Runs SparkApplication resources, which Spark's operator for Kubernetes makes into pods (docs/operators.md)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import yaml

from airflow_pod_launcher.cluster import DEFAULT_CONNECTION, find_cluster
from airflow_pod_launcher.manifest import json_problem, plain, pruned
from airflow_pod_launcher.operators.base import RunOperator
from airflow_pod_launcher.runs import PROTOCOL
from airflow_pod_launcher.sdk import AIRFLOW_VERSION, AirflowException

_WRAPPED = re.compile(r"^spark\s*:", re.MULTILINE)
"""The stock operator's form of a manifest: `spark: {…}`, and beside it `kubernetes: {…}`."""

_WITHOUT_EFFECT = ("success_run_history_limit", "poll_interval", "startup_check_interval_seconds")


class SparkApplicationOperator(RunOperator):
    """Creates a SparkApplication, follows it and its driver's log to the end, and deletes it.

    Spark's operator for Kubernetes must run in the cluster. A worker that dies leaves the application running, and the
    next try goes on with it. The parameters are those of the stock SparkKubernetesOperator.

    :param application_file: the manifest, YAML or JSON: a file, or its text. One that ends with `.yaml`, `.yml` or
        `.json` is a template
    :param template_spec: the manifest as a dict
    :param image: in place of the manifest's `spec.image`
    :param code_path: in place of the manifest's `spec.mainApplicationFile`
    :param name: begin of its name. Default: that of the manifest
    :param random_name_suffix: False: the name as it is
    :param get_logs: log what the driver writes
    :param startup_timeout_seconds: until the driver runs
    :param reattach_on_restart: a later try goes on with the application
    :param delete_on_termination: delete the application at its end
    """

    command: ClassVar[str] = "run-spark-application"
    noun: ClassVar[str] = "application"

    template_fields: Sequence[str] = (
        "application_file",
        "template_spec",
        "namespace",
        "name",
        "image",
        "code_path",
        "kubernetes_conn_id",
        "config_file",
        "cluster_context",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"template_spec": "py"}
    template_ext: Sequence[str] = (".yaml", ".yml", ".json")
    ui_color = "#f4a460"

    def __init__(
        self,
        *,
        application_file: str | None = None,
        template_spec: Any = None,
        image: str | None = None,
        code_path: str | None = None,
        namespace: str | None = None,
        name: str | None = None,
        random_name_suffix: bool = True,
        get_logs: bool = True,
        startup_timeout_seconds: int | None = 600,
        reattach_on_restart: bool = True,
        delete_on_termination: bool = True,
        kubernetes_conn_id: str | None = DEFAULT_CONNECTION,
        in_cluster: bool | None = None,
        config_file: str | None = None,
        cluster_context: str | None = None,
        do_xcom_push: bool = False,
        **kwargs: Any,
    ) -> None:
        for ignored in _WITHOUT_EFFECT:
            kwargs.pop(ignored, None)
        if kwargs.pop("deferrable", None):
            raise AirflowException(f"{type(self).__name__} is not deferrable: it is followed in the worker")
        if do_xcom_push:
            raise AirflowException(
                f"{type(self).__name__} has no result: Spark's operator makes the driver's pod. Use SparkOperator"
            )
        super().__init__(do_xcom_push=False, **kwargs)
        # Rendering puts the content in its place.
        self._source = application_file if application_file and "\n" not in application_file else "application_file"
        self.application_file = application_file
        self.template_spec = plain(template_spec)
        self.image = image
        self.code_path = code_path
        self.namespace = namespace
        self.name = name
        self.random_name_suffix = random_name_suffix
        self.get_logs = get_logs
        self.startup_timeout_seconds = startup_timeout_seconds
        self.reattach_on_restart = reattach_on_restart
        self.delete_on_termination = delete_on_termination
        self.kubernetes_conn_id = kubernetes_conn_id
        self.in_cluster = in_cluster
        self.config_file = config_file
        self.cluster_context = cluster_context

    def execute(self, context: Any) -> None:
        """Run the application.

        Raises AirflowException when it fails, cannot be run or is killed, AirflowSkipException for the exit codes of
        `skip_on_exit_code`.
        """
        self.run_to_end(self.build_request(context), context)

    def build_request(self, context: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the runtime is asked to do (docs/operators.md).

        Raises AirflowException for a manifest that is missing or cannot be read.
        """
        cluster = find_cluster(self.kubernetes_conn_id, self.in_cluster, self.config_file, self.cluster_context)
        ti = context["ti"]
        map_index = getattr(ti, "map_index", None)
        return {
            "protocol": PROTOCOL,
            "layers": [self._manifest(), *self._changes()],
            "namespace": self.namespace or cluster.namespace,
            "name": self.name,
            "exactName": not self.random_name_suffix,
            "task": {
                "dagId": ti.dag_id,
                "taskId": ti.task_id,
                "runId": ti.run_id,
                "mapIndex": -1 if map_index is None else map_index,
                "tryNumber": ti.try_number,
                "airflowVersion": AIRFLOW_VERSION,
            },
            "reattach": self.reattach_on_restart,
            "logs": self.get_logs,
            "startupTimeoutSeconds": self.startup_timeout_seconds,
            "onFinish": "delete_pod" if self.delete_on_termination else "keep_pod",
            "onKill": "delete_pod" if self.delete_on_termination else "keep_pod",
            "cluster": cluster.request,
        }

    def _manifest(self) -> dict[str, Any]:
        if (self.application_file is None) == (self.template_spec is None):
            raise AirflowException(f"task {self.task_id}: give either application_file or template_spec")
        if self.application_file is None:
            return self._layer("template_spec", self.template_spec)
        text = self.application_file
        if "\n" not in text and not text.lstrip().startswith("{"):
            try:
                text = Path(text.strip()).read_text()
            except OSError as error:
                raise AirflowException(f"task {self.task_id}: application_file cannot be read: {error}") from error
        if not _WRAPPED.search(text):
            return {"source": self._source, "yaml": text}
        try:
            return self._layer(self._source, yaml.safe_load(text))
        except yaml.YAMLError as error:
            raise AirflowException(f"task {self.task_id}: {self._source}: is not YAML: {error}") from error

    def _layer(self, source: str, manifest: Any) -> dict[str, Any]:
        if isinstance(manifest, Mapping) and "spark" in manifest:
            if manifest.get("kubernetes"):
                raise AirflowException(
                    f"task {self.task_id}: {source}: 'kubernetes' is not known: "
                    "write its fields into spec.driver and spec.executor of the application"
                )
            manifest = manifest["spark"]
        if not isinstance(manifest, Mapping):
            raise AirflowException(f"task {self.task_id}: {source}: must hold one SparkApplication")
        if problem := json_problem(manifest, source):
            raise AirflowException(f"task {self.task_id}: {problem}")
        return {"source": source, "manifest": dict(manifest)}

    def _changes(self) -> list[dict[str, Any]]:
        spec = pruned({"image": self.image, "mainApplicationFile": self.code_path})
        metadata = pruned({"namespace": self.namespace})
        manifest = pruned({"metadata": metadata, "spec": spec})
        return [{"source": "parameters", "manifest": manifest}] if manifest else []

    def _log_state(self, event: Mapping[str, Any]) -> None:
        if self.log_events_on_startup:
            why = ": ".join(filter(None, [event["reason"], event["message"]]))
            self.log.info("Application is %s%s", event["state"], f" ({why})" if why else "")
