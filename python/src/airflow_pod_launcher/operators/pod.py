"""Runs a pod as a task, with the parameters of the stock KubernetesPodOperator (docs/operators.md)."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from airflow_pod_launcher.cluster import DEFAULT_CONNECTION, Cluster, find_cluster
from airflow_pod_launcher.manifest import env_list, plain, pruned
from airflow_pod_launcher.operators.base import RunOperator
from airflow_pod_launcher.operators.deferral import default_deferrable, defer_pod
from airflow_pod_launcher.operators.resume import end_pod, resume_pod
from airflow_pod_launcher.pod import RESULT_PATH, Pod
from airflow_pod_launcher.sdk import AIRFLOW_VERSION, AirflowException

ON_FINISH = ("delete_pod", "delete_succeeded_pod", "delete_active_pod", "keep_pod")
ON_KILL = ("delete_pod", "keep_pod")

_WITHOUT_EFFECT = (
    "startup_check_interval_seconds",
    "base_container_status_polling_interval",
    "poll_interval",
    "logging_interval",
)
"""They say how often the stock operator asks; here the API server tells."""

_REPLACED = {
    "callbacks": "they get a Kubernetes client, which this operator has none of: use progress_callback, or Airflow's "
    "own on_execute_callback, on_success_callback and on_failure_callback",
    "trigger_kwargs": "there is no trigger of another class to hand them to",
}


class PodOperator(RunOperator):
    """Runs a pod to its end: creates it, follows its log, reads its result, cleans up.

    A worker that dies leaves the pod running, and the next try goes on with it. The parameters are those of the stock
    KubernetesPodOperator; docs/operators.md has all of them with their defaults, and what is different.

    :param image: image of the container
    :param name: begin of the pod's name. Default: DAG and task
    :param random_name_suffix: False: the name as it is
    :param cmds, arguments: entrypoint and arguments. Default: the image's
    :param env_vars: names and values, or a list as in a manifest
    :param secrets: Secrets that the pod gets; the worker never sees them
    :param startup_timeout_seconds: while the pod has a node and nothing in it runs
    :param schedule_timeout_seconds: until it has a node. Default: the startup timeout
    :param container_logs, init_container_logs: names, or True for all
    :param do_xcom_push: the JSON that the container writes to /airflow/xcom/return.json is the task's result
    :param on_finish_action: delete_pod, delete_succeeded_pod, delete_active_pod or keep_pod
    :param deferrable: leave the pod to the triggerer once it is created. Default: Airflow's `default_deferrable`
    :param skip_on_exit_code: with one of these exit codes the task is skipped
    """

    BASE_CONTAINER_NAME: ClassVar[str] = "base"

    template_fields: Sequence[str] = (
        "image",
        "name",
        "hostname",
        "cmds",
        "annotations",
        "arguments",
        "env_vars",
        "labels",
        "config_file",
        "pod_template_file",
        "pod_template_dict",
        "namespace",
        "container_resources",
        "volumes",
        "volume_mounts",
        "cluster_context",
        "env_from",
        "configmaps",
        "node_selector",
        "kubernetes_conn_id",
        "base_container_name",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"env_vars": "py"}
    ui_color = "#e8f4fd"

    def __init__(
        self,
        *,
        kubernetes_conn_id: str | None = DEFAULT_CONNECTION,
        namespace: str | None = None,
        image: str | None = None,
        name: str | None = None,
        random_name_suffix: bool = True,
        cmds: list[str] | None = None,
        arguments: list[str] | None = None,
        ports: Any = None,
        volume_mounts: Any = None,
        volumes: Any = None,
        env_vars: Any = None,
        env_from: Any = None,
        secrets: list[Any] | None = None,
        in_cluster: bool | None = None,
        cluster_context: str | None = None,
        labels: dict[str, Any] | None = None,
        reattach_on_restart: bool | None = None,
        durable: bool | None = None,
        startup_timeout_seconds: int = 120,
        schedule_timeout_seconds: int | None = None,
        get_logs: bool = True,
        base_container_name: str | None = None,
        init_container_logs: Iterable[str] | str | bool | None = None,
        container_logs: Iterable[str] | str | bool | None = None,
        image_pull_policy: str | None = None,
        annotations: dict[str, Any] | None = None,
        container_resources: Any = None,
        affinity: Any = None,
        config_file: str | None = None,
        runtime_class_name: str | None = None,
        node_selector: dict[str, Any] | None = None,
        image_pull_secrets: Any = None,
        service_account_name: str | None = None,
        automount_service_account_token: bool | None = None,
        hostnetwork: bool = False,
        host_aliases: Any = None,
        tolerations: Any = None,
        security_context: Any = None,
        container_security_context: Any = None,
        xcom_sidecar_container_security_context: Any = None,
        dnspolicy: str | None = None,
        dns_config: Any = None,
        hostname: str | None = None,
        subdomain: str | None = None,
        schedulername: str | None = None,
        full_pod_spec: Any = None,
        init_containers: Any = None,
        log_events_on_failure: bool = True,
        log_events_on_startup: bool = True,
        do_xcom_push: bool = False,
        pod_template_file: str | None = None,
        pod_template_dict: dict[str, Any] | None = None,
        priority_class_name: str | None = None,
        pod_runtime_info_envs: list[Any] | None = None,
        termination_grace_period: int | None = None,
        configmaps: list[str] | None = None,
        skip_on_exit_code: int | Container[int] | None = None,
        log_pod_spec_on_failure: bool = True,
        on_finish_action: str = "delete_pod",
        on_kill_action: str = "delete_pod",
        is_delete_operator_pod: bool | None = None,
        termination_message_policy: str = "File",
        active_deadline_seconds: int | None = None,
        deferrable: bool | None = None,
        progress_callback: Callable[[str], None] | None = None,
        container_name_log_prefix_enabled: bool = True,
        log_formatter: Callable[[str, str], str] | None = None,
        **kwargs: Any,
    ) -> None:
        for ignored in _WITHOUT_EFFECT:
            kwargs.pop(ignored, None)
        for replaced, instead in _REPLACED.items():
            if kwargs.pop(replaced, None):
                raise AirflowException(f"{type(self).__name__} has no parameter {replaced}: {instead}")
        super().__init__(
            skip_on_exit_code=skip_on_exit_code,
            log_events_on_startup=log_events_on_startup,
            log_events_on_failure=log_events_on_failure,
            log_pod_spec_on_failure=log_pod_spec_on_failure,
            progress_callback=progress_callback,
            container_name_log_prefix_enabled=container_name_log_prefix_enabled,
            log_formatter=log_formatter,
            **kwargs,
        )
        if is_delete_operator_pod is not None:
            on_finish_action = "delete_pod" if is_delete_operator_pod else "keep_pod"
            warnings.warn(
                f"is_delete_operator_pod is deprecated: use on_finish_action={on_finish_action!r}",
                DeprecationWarning,
                stacklevel=2,
            )
        self.kubernetes_conn_id = kubernetes_conn_id
        self.namespace = namespace
        self.image = image
        self.name = name
        self.random_name_suffix = random_name_suffix
        self.cmds = cmds
        self.arguments = arguments
        self.ports = plain(ports)
        # Plain values from here on, so that templates are rendered in all of them.
        self.volume_mounts = plain(volume_mounts)
        self.volumes = plain(volumes)
        self.env_vars = env_list(env_vars)
        self.env_from = plain(env_from)
        self.secrets = secrets or []
        self.in_cluster = in_cluster
        self.cluster_context = cluster_context
        self.labels = labels
        self.durable = durable if durable is not None else reattach_on_restart is not False
        self.reattach_on_restart = self.durable
        self.startup_timeout_seconds = startup_timeout_seconds
        self.schedule_timeout_seconds = schedule_timeout_seconds or startup_timeout_seconds
        self.get_logs = get_logs
        self.base_container_name = base_container_name or self.BASE_CONTAINER_NAME
        self.init_container_logs = init_container_logs
        self.container_logs = container_logs
        self.image_pull_policy = image_pull_policy
        self.annotations = annotations
        self.container_resources = plain(container_resources)
        self.affinity = plain(affinity)
        self.config_file = config_file
        self.runtime_class_name = runtime_class_name
        self.node_selector = node_selector
        self.image_pull_secrets = image_pull_secrets
        self.service_account_name = service_account_name
        self.automount_service_account_token = automount_service_account_token
        self.hostnetwork = hostnetwork
        self.host_aliases = plain(host_aliases)
        self.tolerations = plain(tolerations)
        self.security_context = plain(security_context)
        self.container_security_context = plain(container_security_context)
        self.xcom_sidecar_container_security_context = plain(xcom_sidecar_container_security_context)
        self.dnspolicy = dnspolicy
        self.dns_config = plain(dns_config)
        self.hostname = hostname
        self.subdomain = subdomain
        self.schedulername = schedulername
        self.full_pod_spec = plain(full_pod_spec)
        self.init_containers = plain(init_containers)
        self.do_xcom_push = do_xcom_push
        self.pod_template_file = pod_template_file
        self.pod_template_dict = plain(pod_template_dict)
        self.priority_class_name = priority_class_name
        self.pod_runtime_info_envs = plain(pod_runtime_info_envs) or []
        self.termination_grace_period = termination_grace_period
        self.configmaps = configmaps
        self.on_finish_action = _one_of("on_finish_action", on_finish_action, ON_FINISH)
        self.on_kill_action = _one_of("on_kill_action", on_kill_action, ON_KILL)
        self.termination_message_policy = termination_message_policy
        self.active_deadline_seconds = active_deadline_seconds
        self.deferrable = default_deferrable() if deferrable is None else deferrable

    def execute(self, context: Any) -> Any:
        """Run the pod; the result of the task is that of the pod.

        Raises AirflowException when the pod fails, cannot be run or is killed, AirflowSkipException for the exit codes
        of `skip_on_exit_code`.
        """
        request = self.build_request(context)
        if not self.deferrable:
            return self.run_to_end(request, context)
        self.run_to_end({**request, "until": "created"}, context)
        return defer_pod(self, request, self._pod_told or {})

    def resume(self, context: Any, event: Mapping[str, Any]) -> Any:
        """End the task with what the triggerer has seen of the pod.

        Raises as `execute` does.
        """
        return resume_pod(self, self.build_request(context), context, event, self._raise_if_failed)

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Any) -> Any:
        """Go on after the deferral. When it has timed out, or the trigger has failed, the pod is ended first."""
        if next_method == "__fail__":
            end_pod(self, self.build_request(context), context)
        return super().resume_execution(next_method, next_kwargs, context)

    def dry_run(self) -> None:
        """Print the request that would be made, as JSON."""
        print(json.dumps(self._pod().request(), indent=2))

    def build_request(self, context: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the runtime is asked to do (docs/operators.md).

        Raises AirflowException for parameters that make no pod.
        """
        cluster = find_cluster(self.kubernetes_conn_id, self.in_cluster, self.config_file, self.cluster_context)
        ti = context["ti"]
        map_index = getattr(ti, "map_index", None)
        try:
            return self._pod().request(
                namespace=cluster.namespace,
                exactName=not self.random_name_suffix and self.name is not None,
                task={
                    "dagId": ti.dag_id,
                    "taskId": ti.task_id,
                    "runId": ti.run_id,
                    "mapIndex": -1 if map_index is None else map_index,
                    "tryNumber": ti.try_number,
                    "airflowVersion": AIRFLOW_VERSION,
                },
                reattach=self.durable,
                logs={
                    "containers": _names(self.container_logs, [self.base_container_name]) if self.get_logs else [],
                    "initContainers": _names(self.init_container_logs, []),
                },
                result=self._result_request(cluster),
                scheduleTimeoutSeconds=self.schedule_timeout_seconds,
                startupTimeoutSeconds=self.startup_timeout_seconds,
                onFinish=self.on_finish_action,
                onKill=self.on_kill_action,
                graceSeconds=self.termination_grace_period,
                cluster=cluster.request,
            )
        except ValueError as error:
            raise AirflowException(f"task {self.task_id}: {error}") from error

    def _pod(self) -> Pod:
        return Pod(
            image=self.image,
            envs=self.env_vars,
            cmds=_texts(self.cmds),
            args=_texts(self.arguments),
            secrets=self.secrets,
            labels=self.labels,
            node_selectors=self.node_selector,
            name=self.name,
            namespace=self.namespace,
            annotations=self.annotations,
            resources=self.container_resources,
            volumes=self.volumes,
            volume_mounts=self.volume_mounts,
            affinity=self.affinity,
            tolerations=self.tolerations,
            service_account=self.service_account_name,
            image_pull_policy=self.image_pull_policy,
            image_pull_secrets=self.image_pull_secrets,
            env_from=self.env_from,
            configmaps=self.configmaps or (),
            runtime_envs=self.pod_runtime_info_envs,
            ports=self.ports,
            init_containers=self.init_containers,
            security_context=self.security_context,
            container_security_context=self.container_security_context,
            container_name=self.base_container_name,
            template=[self._template(), self.full_pod_spec],
            template_source=self.pod_template_file or "template",
            container={"terminationMessagePolicy": self.termination_message_policy},
            spec={
                "runtimeClassName": self.runtime_class_name,
                "automountServiceAccountToken": self.automount_service_account_token,
                "hostNetwork": self.hostnetwork or None,
                "hostAliases": self.host_aliases,
                "dnsPolicy": self.dnspolicy,
                "dnsConfig": self.dns_config,
                "hostname": self.hostname,
                "subdomain": self.subdomain,
                "schedulerName": self.schedulername,
                "priorityClassName": self.priority_class_name,
                "terminationGracePeriodSeconds": self.termination_grace_period,
                "activeDeadlineSeconds": self.active_deadline_seconds,
            },
        )

    def _template(self) -> Any:
        if not self.pod_template_file:
            return self.pod_template_dict
        try:
            return Path(self.pod_template_file).read_text()
        except OSError as error:
            raise AirflowException(f"task {self.task_id}: pod_template_file cannot be read: {error}") from error

    def _result_request(self, cluster: Cluster) -> dict[str, Any] | None:
        if not self.do_xcom_push:
            return None
        own = pruned({"securityContext": self.xcom_sidecar_container_security_context})
        return {"path": RESULT_PATH, **cluster.sidecar, **own}


def _names(asked: Iterable[str] | str | bool | None, default: list[str]) -> list[str] | str:
    if asked is True:
        return "all"
    if asked is None or asked is False:
        return default
    return [asked] if isinstance(asked, str) else list(asked)


def _one_of(name: str, value: Any, values: Sequence[str]) -> str:
    text = str(getattr(value, "value", value))
    if text not in values:
        raise AirflowException(f"{name} ({text!r}) must be one of {', '.join(values)}")
    return text


def _texts(words: list[Any] | None) -> list[str] | None:
    """Numbers that a template made native, say."""
    return None if words is None else [str(word) for word in words]
