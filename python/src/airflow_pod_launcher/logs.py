"""Reads the log of a task's pod from the Kubernetes API, with the rights of the process that asks: the webserver.

The pod's output is one JSON object a line, as Airflow's own log files are, so the lines go to the UI as they come.
"""

from __future__ import annotations

import json
import logging
import os
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

from airflow_pod_launcher._contract import ENV, PATHS, TASK_CONTAINER
from airflow_pod_launcher.labels import task_selector

log = logging.getLogger(__name__)

LIMIT_BYTES = 32 * 1024 * 1024
"""From the beginning: Airflow goes on where it left off by counting lines, which a window that moves would defeat."""
DEADLINE_SECONDS = 15.0
MAX_PODS = 20
"""A sensor that reschedules itself has a pod for each look; so many of them are read, the youngest."""
_CHUNK_BYTES = 64 * 1024
_ERROR_CHARACTERS = 300


class LogError(Exception):
    """The log cannot be read; the message says why and where."""


class PodLogReader:
    """Finds the pods of a task's try and reads the logs of their containers `base`.

    A try that was deferred or rescheduled has a pod for each time that it ran.

    :param server: URL of the Kubernetes API; None outside a cluster
    :param service_account: folder with `token`, `ca.crt` and `namespace`
    :param deployment: value of the deployment label
    :param namespaces: where to look, in this order; empty: the service account's own
    :param deadline: seconds that one read may take in all
    """

    def __init__(
        self,
        server: str | None,
        service_account: Path,
        deployment: str,
        namespaces: Iterable[str],
        deadline: float = DEADLINE_SECONDS,
    ) -> None:
        self._server = server
        self._service_account = service_account
        self._deployment = deployment
        self._namespaces = [name for name in namespaces if name]
        self._deadline = deadline

    @classmethod
    def from_environment(cls) -> PodLogReader:
        """Read where everything is from the environment. Touches no file and no network."""
        host, port = os.environ.get("KUBERNETES_SERVICE_HOST"), os.environ.get("KUBERNETES_SERVICE_PORT", "443")
        if host and ":" in host:
            host = f"[{host}]"
        return cls(
            server=f"https://{host}:{port}" if host else None,
            service_account=Path(PATHS["SERVICE_ACCOUNT_DIR"]),
            deployment=os.environ.get(ENV["DEPLOYMENT"], "airflow"),
            namespaces=(name.strip() for name in os.environ.get(ENV["NAMESPACES"], "").split(",")),
        )

    def read(self, ti: Any, try_number: int) -> tuple[list[str], list[str]]:
        """Return (messages, the log as one string). Raises nothing: what went wrong is a message."""
        messages, streams = self.stream(ti, try_number)
        return messages, ["\n".join(stream) for stream in streams]

    def stream(self, ti: Any, try_number: int) -> tuple[list[str], list[Generator[str, None, None]]]:
        """Return (messages, a generator of lines for each pod, the oldest first).

        Raises nothing: what went wrong is a message or the last line.
        """
        give_up = time.monotonic() + self._deadline
        try:
            pods = self._find(ti, try_number, give_up)
        except (LogError, OSError) as error:
            return [f"Could not look for the task's pod: {error}"], []
        except Exception as error:
            log.exception("Could not look for the pod of %s", ti)
            return [f"Could not look for the task's pod: {type(error).__name__}: {error}"], []
        if not pods:
            return ["The task has no pod (any more)"], []
        messages, streams = [], []
        if len(pods) > MAX_PODS:
            messages.append(f"Leaving out {len(pods) - MAX_PODS} older pods of this try")
        for pod in pods[-MAX_PODS:]:
            name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
            where = f"pod {namespace}/{name}"
            if _has_run(pod):
                messages.append(f"Reading the log of {where} from the Kubernetes API")
                streams.append(self._lines(name, namespace, give_up))
            else:
                messages.append(f"{where} has not started: {_why_waiting(pod)}")
        return messages, streams

    def _find(self, ti: Any, try_number: int, give_up: float) -> list[dict[str, Any]]:
        """Return the pods of the try, the oldest first."""
        if self._server is None:
            raise LogError("this process does not run in a Kubernetes cluster")
        selector = task_selector(self._deployment, ti.dag_id, ti.task_id, ti.run_id, try_number, ti.map_index)
        pods = [pod for namespace in self._where() for pod in self._list(namespace, selector, give_up)]
        return sorted(pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")))

    def _where(self) -> list[str]:
        return self._namespaces or [(self._service_account / "namespace").read_text().strip()]

    def _list(self, namespace: str, selector: str, give_up: float) -> list[dict[str, Any]]:
        query = urllib.parse.urlencode({"labelSelector": selector, "limit": 500})
        with self._get(f"/api/v1/namespaces/{namespace}/pods?{query}", give_up) as response:
            items = json.load(response).get("items") or []
        for item in items:
            item["metadata"].setdefault("namespace", namespace)
        return list(items)

    def _lines(self, name: str, namespace: str, give_up: float) -> Generator[str, None, None]:
        query = urllib.parse.urlencode({"container": TASK_CONTAINER, "limitBytes": LIMIT_BYTES})
        rest, size = b"", 0
        try:
            with self._get(f"/api/v1/namespaces/{namespace}/pods/{name}/log?{query}", give_up) as response:
                while chunk := response.read1(_CHUNK_BYTES):
                    size += len(chunk)
                    *lines, rest = (rest + chunk).split(b"\n")
                    for line in lines:
                        yield line.decode("utf-8", "replace")
                    if time.monotonic() > give_up:
                        yield f"The Kubernetes API took more than {self._deadline:.0f} s; the rest is left out."
                        return
        except (LogError, OSError) as error:
            yield f"Could not read the log of pod {namespace}/{name}: {error}"
            return
        if rest:
            yield rest.decode("utf-8", "replace")
        if size >= LIMIT_BYTES:
            yield f"The log is longer than {LIMIT_BYTES // 1024 // 1024} MiB; the rest is left out."

    @contextmanager
    def _get(self, path: str, give_up: float) -> Iterator[HTTPResponse]:
        remaining = give_up - time.monotonic()
        if remaining <= 0:
            raise LogError(f"the Kubernetes API took more than {self._deadline:.0f} s")
        # The token is read each time: the kubelet renews it.
        token = (self._service_account / "token").read_text().strip()
        request = urllib.request.Request(f"{self._server}{path}", headers={"Authorization": f"Bearer {token}"})
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=self._tls())
        )
        try:
            with opener.open(request, timeout=remaining) as response:
                yield response
        except urllib.error.HTTPError as error:
            raise LogError(f"the Kubernetes API answers {error.code}: {_api_message(error)}") from error
        except urllib.error.URLError as error:
            raise LogError(f"the Kubernetes API at {self._server} does not answer: {error.reason}") from error

    def _tls(self) -> ssl.SSLContext | None:
        if self._server is None or not self._server.startswith("https:"):
            return None
        return ssl.create_default_context(cafile=str(self._service_account / "ca.crt"))


def _api_message(error: urllib.error.HTTPError) -> str:
    body = error.read(64 * 1024).decode("utf-8", "replace")
    try:
        return str(json.loads(body)["message"])[:_ERROR_CHARACTERS]
    except (ValueError, KeyError, TypeError):
        return body[:_ERROR_CHARACTERS] or str(error.reason)


def _task_status(pod: dict[str, Any]) -> dict[str, Any]:
    statuses = (pod.get("status") or {}).get("containerStatuses") or []
    return next((status for status in statuses if status.get("name") == TASK_CONTAINER), {})


def _has_run(pod: dict[str, Any]) -> bool:
    state = _task_status(pod).get("state") or {}
    return "running" in state or "terminated" in state


def _why_waiting(pod: dict[str, Any]) -> str:
    waiting = (_task_status(pod).get("state") or {}).get("waiting") or {}
    if waiting.get("reason") and waiting["reason"] != "PodInitializing":
        return ": ".join(filter(None, [waiting["reason"], waiting.get("message")]))
    status = pod.get("status") or {}
    for condition in status.get("conditions") or []:
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return ": ".join(filter(None, [condition.get("reason"), condition.get("message")]))
    return str(waiting.get("reason") or status.get("phase") or "unknown")
