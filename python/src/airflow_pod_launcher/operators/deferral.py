"""What a deferred pod leaves to the triggerer, and who ends its task."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from airflow_pod_launcher.sdk import AIRFLOW_VERSION, BaseOperator, conf

HOLD_SECONDS = 3
"""So long a pod stays after its end: within it Airflow has written the end down, or another triggerer sees it, too."""

LISTENERS = "airflow.listeners.listener" if AIRFLOW_VERSION.startswith("2.") else "airflow.sdk.listener"

_KEPT = (
    "protocol",
    "task",
    "container",
    "logs",
    "result",
    "scheduleTimeoutSeconds",
    "startupTimeoutSeconds",
    "onFinish",
    "onKill",
    "graceSeconds",
)


def defer_pod(operator: Any, request: Mapping[str, Any], pod: Mapping[str, Any]) -> None:
    """Leave a pod to the triggerer: raises TaskDeferred.

    :param request: that of the worker
    :param pod: the event `created` or `reattached`
    """
    # Loaded here: a worker that does not defer needs nothing of it.
    trigger = import_module("airflow_pod_launcher.triggers.pod").PodTrigger
    finish = who_finishes(operator)
    operator.defer(
        trigger=trigger(
            request=trigger_request(request, pod, finish),
            cluster={
                "conn_id": operator.kubernetes_conn_id,
                "in_cluster": operator.in_cluster,
                "config_file": operator.config_file,
                "cluster_context": operator.cluster_context,
            },
            finish=finish,
            push_result=bool(operator.do_xcom_push),
            multiple_outputs=bool(getattr(operator, "multiple_outputs", False)),
            name_containers=operator.container_name_log_prefix_enabled,
            log_state=operator.log_events_on_startup,
        ),
        method_name="resume",
        timeout=operator.execution_timeout,
    )


def who_finishes(operator: Any) -> str:
    """Return who ends a task that succeeds: `triggerer`, `worker` or `attach` (see PodTrigger).

    A triggerer marks a task as a success and no more. What else belongs to a success on a worker needs one.
    """
    if operator.progress_callback is not None or operator.log_formatter is not None:
        # They are functions of the DAG's file, which a triggerer does not have.
        return "attach"
    asks_for_more = (
        operator.outlets,
        getattr(operator, "on_success_callback", None),
        type(operator).post_execute is not BaseOperator.post_execute,
        getattr(operator, "_post_execute_hook", None),
        _hears_of_successes(),
    )
    if any(asks_for_more):
        return "worker"
    if operator.do_xcom_push:
        mapped = next(operator.iter_mapped_dependants(), None) is not None
        # A worker notes how long the result is, for those who are mapped over it.
        if mapped or getattr(operator, "returns_dag_result", False):
            return "worker"
    return "triggerer"


def trigger_request(request: Mapping[str, Any], pod: Mapping[str, Any], finish: str) -> dict[str, Any]:
    """Return what the triggerer asks the runtime for. Nothing in it is secret: the cluster is looked up there."""
    kept = {name: request[name] for name in _KEPT if name in request}
    asked = {
        **kept,
        # The pod exists: what it was made of may hold secrets, and does not matter any more.
        "layers": [{"source": "deferred pod", "manifest": {}}],
        "namespace": pod["namespace"],
        "attach": {"name": pod["name"], "uid": pod["uid"]},
        "holdSeconds": HOLD_SECONDS,
    }
    if finish == "attach":
        # The worker reads and cleans up; until then the pod has to stay as it is, and to be found.
        no_logs: dict[str, list[str]] = {"containers": [], "initContainers": []}
        asked.update(task=None, logs=no_logs, result=None, onFinish="keep_pod", holdSeconds=0)
    return asked


def default_deferrable() -> bool:
    """Return what Airflow's configuration says for operators that do not say it themselves."""
    return bool(conf.getboolean("operators", "default_deferrable", fallback=False))


def _hears_of_successes() -> bool:
    manager = import_module(LISTENERS).get_listener_manager()
    return bool(manager.has_listeners and manager.hook.on_task_instance_success.get_hookimpls())
