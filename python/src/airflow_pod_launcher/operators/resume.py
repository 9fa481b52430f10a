"""How a worker goes on with a pod that was deferred."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from airflow_pod_launcher.runs import Run
from airflow_pod_launcher.sdk import AirflowException


def resume_pod(
    operator: Any,
    request: Mapping[str, Any],
    context: Mapping[str, Any],
    event: Mapping[str, Any],
    raise_if_failed: Callable[[str, Mapping[str, Any], Mapping[str, Any]], None],
) -> Any:
    """Return the result of a pod, or fail as it did; a pod that the triggerer left to the worker is followed first.

    :param operator: the PodOperator
    :param event: what PodTrigger yielded
    :param raise_if_failed: gets the pod's name, its end, and the request

    Raises AirflowException, AirflowSkipException.
    """
    kind = event["kind"]
    if kind == "attach":
        return operator.run_to_end(_attached(request, event["pod"]), context)
    if kind == "error":
        raise AirflowException(f"{event['code']}: {event['message']}")
    pod, ended = event["pod"], event["ended"]
    if operator.progress_callback is not None or operator.log_formatter is not None:
        # The triggerer has left the pod to the worker, but there is nothing in it to read.
        _end(operator, {**_attached(request, pod), "onKill": _kill_action(request)})
    raise_if_failed(pod["name"], ended, request)
    result = event["result"]
    return None if result is None else json.loads(result)


def end_pod(operator: Any, request: Mapping[str, Any], context: Mapping[str, Any]) -> None:
    """End the pod of a task whose deferral has timed out, or whose trigger has failed."""
    ti = context["ti"]
    name, namespace = (
        ti.xcom_pull(task_ids=ti.task_id, key=key, map_indexes=ti.map_index) for key in ("pod_name", "pod_namespace")
    )
    if name and namespace:
        _end(operator, _attached(request, {"name": name, "uid": None, "namespace": namespace}))


def _attached(request: Mapping[str, Any], pod: Mapping[str, Any]) -> dict[str, Any]:
    attach = {"name": pod["name"], "uid": pod["uid"]}
    return {**request, "namespace": pod["namespace"], "attach": attach}


def _kill_action(request: Mapping[str, Any]) -> str:
    return "delete_pod" if request["onFinish"] in ("delete_pod", "delete_active_pod") else "keep_pod"


def _end(operator: Any, request: Mapping[str, Any]) -> None:
    for event in Run({**request, "until": "killed"}, operator.command).events():
        if event.get("type") in ("warning", "error"):
            operator.log.warning("The pod cannot be ended: %s", event["message"])
