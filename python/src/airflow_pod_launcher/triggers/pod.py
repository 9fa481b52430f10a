"""Follows a deferred pod in the triggerer, and ends its task there."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

from airflow.triggers.base import BaseTrigger, TaskSuccessEvent, TriggerEvent

from airflow_pod_launcher.triggers.task_instance import IS_AIRFLOW_2, is_deferred, log_line, push_xcoms
from airflow_pod_launcher.triggers.watcher import Follow, watcher

FINISH = ("triggerer", "worker", "attach")

_KILL_SECONDS = 20.0
"""Airflow gives a trigger 30 s to end what it has started."""

_LINES_AT_ONCE = 100
"""After so many lines the other triggers have their turn."""


class PodTrigger(BaseTrigger):
    """Follows a pod to its end: its log goes to the task's, its result is the task's, and the pod is cleaned up.

    A triggerer that is shut down or dies leaves the pod running, and the next one goes on with it. A task that is
    cleared, or marked as something, takes its pod with it.

    :param request: for the runtime, without the cluster; `attach` says which pod (docs/operators.md)
    :param cluster: parameters of `find_cluster`
    :param finish: who ends a task that succeeds: the `triggerer`; a `worker` with what the triggerer has read; a worker
        that attaches to the pod and reads its log and result itself (`attach`). One that failed a worker always ends
    :param push_result: the result of the pod becomes an XCom
    :param multiple_outputs: each key of the result becomes one, too
    :param name_containers: log the container's name before each line
    :param log_state: log what the pod waits for
    """

    def __init__(
        self,
        *,
        request: dict[str, Any],
        cluster: dict[str, Any],
        finish: str = "triggerer",
        push_result: bool = False,
        multiple_outputs: bool = False,
        name_containers: bool = True,
        log_state: bool = True,
    ) -> None:
        super().__init__()
        self.request = request
        self.cluster = cluster
        self.finish = finish
        self.push_result = push_result
        self.multiple_outputs = multiple_outputs
        self.name_containers = name_containers
        self.log_state = log_state
        self._follow: Follow | None = None
        self._is_over = False

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what makes this trigger again elsewhere."""
        fields = (
            "request",
            "cluster",
            "finish",
            "push_result",
            "multiple_outputs",
            "name_containers",
            "log_state",
        )
        return f"{type(self).__module__}.{type(self).__qualname__}", {name: getattr(self, name) for name in fields}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Follow the pod; yield one event, at its end."""
        event = await self._run()
        self._is_over = True
        yield event

    async def on_kill(self) -> None:
        """Take the pod along with its task. Airflow 3 calls it when the trigger is not wanted any more."""
        if self._follow is None or self._is_over:
            return
        # Another triggerer may have got the trigger, while this one was away: then the pod is that one's.
        if await is_deferred(self.task_instance):
            return
        self._is_over = True
        self.log.info("The task does not wait any more: its pod %s is ended", self._pod["name"])
        await self._follow.kill()
        try:
            await asyncio.wait_for(self._drain(self._follow), _KILL_SECONDS)
        except asyncio.TimeoutError:
            self.log.warning("The API server has not answered yet; the runtime goes on deleting the pod by itself")

    async def cleanup(self) -> None:
        """Leave the pod to whoever comes next. Airflow 2 tells only here that the task was cleared or marked."""
        if self._follow is None or self._is_over:
            return
        if IS_AIRFLOW_2:
            try:
                await self.on_kill()
            except Exception as error:
                self.log.warning("Whether the task still waits is not known, so pod %s lives on: %s", self._pod, error)
        if not self._is_over:
            await self._follow.release()

    @property
    def _pod(self) -> dict[str, Any]:
        return {**self.request["attach"], "namespace": self.request["namespace"]}

    async def _run(self) -> TriggerEvent:
        try:
            shared = watcher()
            cluster = await shared.cluster(self.cluster)
            self._follow = await shared.follow({**self.request, "cluster": cluster.request})
        except Exception as error:
            self.log.warning("The triggerer cannot follow pod %s, so a worker does: %s", self._pod["name"], error)
            return TriggerEvent({"kind": "attach", "pod": self._pod})
        result: str | None = None
        lines = 0
        async for event in self._follow.events():
            kind = event["type"]
            if kind == "log":
                self._log_line(event)
                lines += 1
                if lines % _LINES_AT_ONCE == 0:
                    await asyncio.sleep(0)
            elif kind == "state":
                self._log_state(event)
            elif kind == "warning":
                self.log.warning("%s", event["message"])
            elif kind == "result":
                result = event["json"]
            elif kind in ("outcome", "ended"):
                self._follow.close()
                return await self._end(event, result)
            elif kind == "error":
                self._follow.close()
                return TriggerEvent({"kind": "error", "code": event["code"], "message": event["message"]})
        raise RuntimeError("the runtime said nothing of the pod's end")

    async def _end(self, ended: Mapping[str, Any], result: str | None) -> TriggerEvent:
        if self.finish == "attach" and ended["exitCode"] is not None:
            return TriggerEvent({"kind": "attach", "pod": self._pod})
        if self.finish == "triggerer" and ended["outcome"] == "succeeded":
            left = await push_xcoms(self.task_instance, self._xcoms(result))
            return TaskSuccessEvent(xcoms=left)
        fields = ("outcome", "exitCode", "reason", "message", "output", "podEvents")
        end = {name: ended[name] for name in fields}
        return TriggerEvent({"kind": "ended", "pod": self._pod, "ended": end, "result": result})

    def _xcoms(self, result: str | None) -> dict[str, Any]:
        value = json.loads(result) if result is not None and self.push_result else None
        if value is None:
            return {}
        outputs = value if self.multiple_outputs and isinstance(value, dict) else {}
        return {**outputs, "return_value": value}

    def _log_line(self, event: Mapping[str, Any]) -> None:
        text = f"[{event['container']}] {event['line']}" if self.name_containers else event["line"]
        log_line(self.log, text, event["time"])

    def _log_state(self, event: Mapping[str, Any]) -> None:
        if self.log_state:
            why = ": ".join(filter(None, [event["reason"], event["message"]]))
            self.log.info("Pod is %s%s", event["state"], f" ({why})" if why else "")

    @staticmethod
    async def _drain(follow: Follow) -> None:
        async for _ in follow.events():
            pass
        follow.close()
