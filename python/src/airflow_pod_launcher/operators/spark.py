"""Runs Spark applications as tasks, without Spark or Java in the worker (docs/operators.md)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from airflow_pod_launcher.manifest import plain, pruned
from airflow_pod_launcher.operators.pod import PodOperator
from airflow_pod_launcher.sdk import AirflowException

DRIVER_CONTAINER = "spark-kubernetes-driver"
"""As Spark itself names it."""

DEPLOY_MODES = ("client", "cluster")

_WITHOUT_EFFECT = ("total_executor_cores", "status_poll_interval", "yarn_queue", "yarn_track_via_rm_api")
"""They say something to other clusters than Kubernetes, or how often the stock operator asks."""

_REPLACED = {
    "conn_id": "the cluster is that of kubernetes_conn_id",
    "use_krb5ccache": "mount the ticket cache with volumes and volume_mounts",
    "post_submit_commands": "there is no shell in which they could run: use a task of their own",
    "cmds": "spark-submit is what runs",
    "arguments": "use application_args",
}


class SparkOperator(PodOperator):
    """Runs a Spark application: its driver in a pod that is followed as any other, its executors in pods of the driver.

    By default the runtime creates the driver's pod, and spark-submit runs in it as a client: the worker needs neither
    Spark nor Java. With `deploy_mode="cluster"` the worker's own spark-submit creates it. A worker that dies leaves the
    driver running, and the next try goes on with it. The parameters are those of the stock SparkSubmitOperator, and for
    the driver's pod those of PodOperator; docs/operators.md has all of them with their defaults.

    :param application: path in the image, `local://` URL of it, or a URL that Spark fetches
    :param application_args: its arguments
    :param java_class: its main class, if it is one of Java or Scala
    :param image: of driver and executors. Default: `spark.kubernetes.container.image` of `conf`
    :param name: of the application, and begin of the pod's name. Default: DAG and task
    :param conf: Spark's properties; what the other parameters say wins
    :param py_files, jars, files, archives, packages, exclude_packages, repositories: lists, or text with commas
    :param num_executors, executor_cores, executor_memory, driver_cores, driver_memory: as for spark-submit
    :param service_account: of the driver, which creates and deletes the pods of its executors
    :param env_vars: of the driver. Those of executors: `spark.executorEnv.NAME` of `conf`
    :param executor_template: a pod that executors are made from: nodes, tolerations, security
    :param deploy_mode: `client` or `cluster`
    :param spark_binary: with `cluster`: what submits
    """

    command: ClassVar[str] = "run-spark"
    BASE_CONTAINER_NAME: ClassVar[str] = DRIVER_CONTAINER

    template_fields: Sequence[str] = (
        *(name for name in PodOperator.template_fields if name not in ("cmds", "arguments")),
        "application",
        "application_args",
        "conf",
        "files",
        "archives",
        "py_files",
        "jars",
        "driver_class_path",
        "packages",
        "exclude_packages",
        "repositories",
        "keytab",
        "principal",
        "proxy_user",
        "properties_file",
        "service_account_name",
        "executor_template",
    )
    ui_color = "#f4a460"

    def __init__(
        self,
        *,
        application: str = "",
        application_args: list[Any] | None = None,
        java_class: str | None = None,
        name: str | None = None,
        conf: Mapping[str, Any] | None = None,
        py_files: str | list[str] | None = None,
        jars: str | list[str] | None = None,
        files: str | list[str] | None = None,
        archives: str | list[str] | None = None,
        packages: str | list[str] | None = None,
        exclude_packages: str | list[str] | None = None,
        repositories: str | list[str] | None = None,
        driver_class_path: str | None = None,
        driver_memory: str | None = None,
        driver_cores: int | None = None,
        num_executors: int | None = None,
        executor_cores: int | None = None,
        executor_memory: str | None = None,
        service_account: str | None = None,
        executor_template: Any = None,
        properties_file: str | None = None,
        proxy_user: str | None = None,
        principal: str | None = None,
        keytab: str | None = None,
        verbose: bool = False,
        deploy_mode: str | None = None,
        spark_binary: str | None = None,
        startup_timeout_seconds: int = 600,
        **kwargs: Any,
    ) -> None:
        for ignored in _WITHOUT_EFFECT:
            kwargs.pop(ignored, None)
        for replaced, instead in _REPLACED.items():
            if kwargs.pop(replaced, None):
                raise AirflowException(f"{type(self).__name__} has no parameter {replaced}: {instead}")
        service_account = service_account or kwargs.pop("service_account_name", None)
        super().__init__(
            name=name,
            startup_timeout_seconds=startup_timeout_seconds,
            service_account_name=service_account,
            **kwargs,
        )
        if deploy_mode not in (None, *DEPLOY_MODES):
            raise AirflowException(f"deploy_mode ({deploy_mode!r}) must be one of {', '.join(DEPLOY_MODES)}")
        self.application = application
        self.application_args = application_args
        self.java_class = java_class
        self.conf = conf
        self.py_files = py_files
        self.jars = jars
        self.files = files
        self.archives = archives
        self.packages = packages
        self.exclude_packages = exclude_packages
        self.repositories = repositories
        self.driver_class_path = driver_class_path
        self.driver_memory = driver_memory
        self.driver_cores = driver_cores
        self.num_executors = num_executors
        self.executor_cores = executor_cores
        self.executor_memory = executor_memory
        self.executor_template = plain(executor_template)
        self.properties_file = properties_file
        self.proxy_user = proxy_user
        self.principal = principal
        self.keytab = keytab
        self.verbose = verbose
        self.deploy_mode = deploy_mode
        self.spark_binary = spark_binary

    def build_request(self, context: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the runtime is asked to do (docs/operators.md).

        Raises AirflowException for parameters that make no application.
        """
        ti = context["ti"]
        return {**super().build_request(context), "spark": self._spark(f"{ti.dag_id}.{ti.task_id}")}

    def dry_run(self) -> None:
        """Print the request that would be made, as JSON."""
        print(json.dumps({**self._pod().request(), "spark": self._spark(self.task_id)}, indent=2))

    def _spark(self, name: str) -> dict[str, Any]:
        return {
            **pruned(
                {
                    "args": [str(one) for one in self.application_args or ()],
                    "javaClass": self.java_class,
                    "name": self.name or name,
                    "image": self.image,
                    "deployMode": self.deploy_mode,
                    "conf": {key: _property(value) for key, value in (self.conf or {}).items()},
                    "pyFiles": _listed(self.py_files),
                    "jars": _listed(self.jars),
                    "files": _listed(self.files),
                    "archives": _listed(self.archives),
                    "packages": _listed(self.packages),
                    "excludePackages": _listed(self.exclude_packages),
                    "repositories": _listed(self.repositories),
                    "driverClassPath": self.driver_class_path,
                    "driverMemory": self.driver_memory,
                    "driverCores": self.driver_cores,
                    "executors": self.num_executors,
                    "executorCores": self.executor_cores,
                    "executorMemory": self.executor_memory,
                    "serviceAccount": self.service_account_name,
                    "executorTemplate": self.executor_template,
                    "propertiesFile": self.properties_file,
                    "proxyUser": self.proxy_user,
                    "principal": self.principal,
                    "keytab": self.keytab,
                    "verbose": self.verbose,
                    "binary": self.spark_binary,
                }
            ),
            "application": self.application,
        }


def _listed(value: str | Sequence[str] | None) -> list[str]:
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return list(value or ())


def _property(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
