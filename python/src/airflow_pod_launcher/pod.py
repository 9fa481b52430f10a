"""A pod as an object of Python: what it is made of, and its one run."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from airflow_pod_launcher import reasons
from airflow_pod_launcher.manifest import (
    Secret,
    config_map_envs,
    env_list,
    env_texts,
    json_problem,
    plain,
    pruned,
    pull_secrets,
    runtime_env_list,
    secret_parts,
)
from airflow_pod_launcher.runs import PROTOCOL, Run

__all__ = ["RESULT_PATH", "Pod", "PodFailed", "RunFailed", "Secret"]

log = logging.getLogger(__name__)

RESULT_PATH = "/airflow/xcom/return.json"
"""The file whose JSON is a pod's result."""


class RunFailed(Exception):
    """A pod could not be run; `code` says why (docs/operators.md)."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class PodFailed(Exception):
    """A pod has failed, or was killed; `ended` is all that is known of its end (docs/operators.md)."""

    def __init__(self, name: str, ended: Mapping[str, Any]) -> None:
        cause, rest = reasons.phrase(ended.get("reason"), ended.get("message"), ended.get("exitCode"))
        what = "was killed" if ended.get("outcome") == "killed" else "failed"
        text = f"pod {name} {what}" + (f": {cause}" if cause else "") + (f" ({rest})" if rest else "")
        super().__init__(text)
        self.ended = ended


class Pod:
    """A pod that runs one container to its end.

    :param image: of its container
    :param envs: environment variables: names and values, or a list as in a manifest
    :param cmds: entrypoint. Default: the image's
    :param args: arguments. Default: the image's
    :param secrets: Secrets that it gets
    :param node_selectors: labels that its node must have
    :param name: begin of its name; a suffix makes it unique
    :param namespace: where. Default: that of the kube config's context, else the process's own, else `default`
    :param result: read the JSON that the container writes to `/airflow/xcom/return.json`, or to this path
    :param resources: requests and limits of the container
    :param container_name: of its container
    :param env_from, configmaps, runtime_envs: further sources of variables; the last are facts of the pod
    :param template: a manifest that all of this is laid over: YAML, a dict, or an object of the Kubernetes client
    :param spec: further fields of the pod's spec, as in a manifest
    :param container: further fields of the container, as in a manifest

    Objects of the Kubernetes client are taken wherever a manifest has an object.
    """

    def __init__(
        self,
        image: str | None = None,
        envs: Any = None,
        cmds: list[str] | None = None,
        args: list[str] | None = None,
        secrets: Iterable[Any] = (),
        labels: Mapping[str, str | None] | None = None,
        node_selectors: Mapping[str, str] | None = None,
        name: str | None = None,
        namespace: str | None = None,
        result: bool | str = False,
        *,
        annotations: Mapping[str, str] | None = None,
        resources: Any = None,
        volumes: Any = None,
        volume_mounts: Any = None,
        affinity: Any = None,
        tolerations: Any = None,
        service_account: str | None = None,
        image_pull_policy: str | None = None,
        image_pull_secrets: Any = None,
        env_from: Any = None,
        configmaps: Iterable[str] = (),
        runtime_envs: Iterable[Any] = (),
        ports: Any = None,
        init_containers: Any = None,
        security_context: Any = None,
        container_security_context: Any = None,
        container_name: str = "base",
        template: Any = None,
        template_source: str = "template",
        spec: Mapping[str, Any] | None = None,
        container: Mapping[str, Any] | None = None,
    ) -> None:
        self.name = name
        self.namespace = namespace
        self.container_name = container_name
        self.result_path = RESULT_PATH if result is True else result or None
        self._templates = _templates(template, template_source)
        self._metadata = {
            "namespace": namespace,
            "labels": None if labels is None else {key: "" if one is None else one for key, one in labels.items()},
            "annotations": annotations,
        }
        parts = secret_parts(secrets)
        self._container = {
            "name": container_name,
            "image": image,
            "command": cmds,
            "args": args,
            "env": [*env_texts(_listed(env_list(envs))), *runtime_env_list(runtime_envs), *parts["env"]],
            "envFrom": [*_listed(plain(env_from)), *config_map_envs(configmaps), *parts["envFrom"]],
            "ports": ports,
            "resources": resources,
            "volumeMounts": [*_listed(plain(volume_mounts)), *parts["volumeMounts"]],
            "imagePullPolicy": image_pull_policy,
            "securityContext": container_security_context,
            **(container or {}),
        }
        self._spec = {
            "initContainers": init_containers,
            "nodeSelector": node_selectors,
            "affinity": affinity,
            "tolerations": tolerations,
            "serviceAccountName": service_account,
            "imagePullSecrets": pull_secrets(image_pull_secrets),
            "securityContext": security_context,
            "volumes": [*_listed(plain(volumes)), *parts["volumes"]],
            **(spec or {}),
        }
        self._run: Run | None = None
        self._result: Any = None
        self._ended: dict[str, Any] | None = None
        self._error: Exception | None = None
        self._on_log: Callable[[str, str], None] = _log_line

    def manifest(self) -> dict[str, Any]:
        """Return the manifest of what was asked for; the runtime lays it over the template.

        Raises ValueError for what no manifest can hold.
        """
        container = pruned(plain(self._container))
        spec = {**pruned(plain(self._spec)), "containers": [container]}
        made = {"metadata": pruned(plain(self._metadata)), "spec": spec}
        if problem := json_problem(made, "pod"):
            raise ValueError(problem)
        return made

    def request(self, **options: Any) -> dict[str, Any]:
        """Return the request for the runtime, with further fields of it (docs/operators.md)."""
        asked: dict[str, Any] = {
            "protocol": PROTOCOL,
            "layers": [*self._templates, {"source": "parameters", "manifest": self.manifest()}],
            "container": self.container_name,
            "name": self.name,
        }
        if self.result_path is not None:
            asked["result"] = {"path": self.result_path}
        return {**asked, **options}

    def launch(self, on_log: Callable[[str, str], None] | None = None, **options: Any) -> Pod:
        """Create the pod and follow it in the background; returns at once.

        :param on_log: gets the container and the line, when `execution_finished` or `wait` is called. Default: the
            line is logged
        :param options: further fields of the request, such as `startupTimeoutSeconds` and `cluster`

        Raises RuntimeError when it was launched before.
        """
        if self._run is not None:
            raise RuntimeError("this pod has been launched: make another one to run it again")
        if self.name is None:
            # What has no name of its own is told apart in lists.
            self.name = f"pod-{uuid.uuid4().hex[:8]}"
        self._on_log = on_log or _log_line
        self._run = Run(self.request(**options))
        return self

    def execution_finished(self) -> bool:
        """Return whether the run is over. Does not wait. Raises nothing: `wait` tells how it went."""
        events, ended = self._launched().told()
        for event in events:
            self._take(event)
        return ended

    def wait(self) -> Pod:
        """Wait until the run is over.

        Raises PodFailed when the pod has failed or was killed, RunFailed when it could not be run.
        """
        run = self._launched()
        for event in run.events():
            self._take(event)
        if self._error is not None:
            raise self._error
        if self._ended is None:
            raise RunFailed(
                "Internal", f"the runtime ended with exit code {run.exit_code()} and said nothing of the pod"
            )
        if self._ended["outcome"] != "succeeded":
            raise PodFailed(self.name or "", self._ended)
        return self

    def kill(self) -> None:
        """End the run and delete the pod."""
        self._launched().kill()

    @property
    def result(self) -> Any:
        """What the container wrote as its result; None before the end, or if none was asked for."""
        return self._result

    @property
    def ended(self) -> Mapping[str, Any] | None:
        """All that is known of the end (docs/operators.md); None before."""
        return self._ended

    def _launched(self) -> Run:
        if self._run is None:
            raise RuntimeError("this pod has not been launched: call launch() first")
        return self._run

    def _take(self, event: Mapping[str, Any]) -> None:
        kind = event.get("type")
        if kind == "log":
            self._on_log(event["container"], event["line"])
        elif kind in ("created", "reattached"):
            self.name, self.namespace = event["name"], event["namespace"]
        elif kind == "result":
            self._result = json.loads(event["json"])
        elif kind == "ended":
            self._ended = dict(event)
        elif kind == "error":
            self._error = RunFailed(event["code"], event["message"])
        elif kind == "warning":
            log.warning("%s", event["message"])


def _log_line(container: str, line: str) -> None:
    log.info("[%s] %s", container, line)


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise ValueError(f"{value!r} must be a list")
    return value


def _templates(template: Any, source: str) -> list[dict[str, Any]]:
    found = template if isinstance(template, (list, tuple)) else [template]
    return [_layer(one, source) for one in found if one is not None and one != "" and one != {}]


def _layer(template: Any, source: str) -> dict[str, Any]:
    if isinstance(template, str):
        return {"source": source, "yaml": template}
    manifest = plain(template)
    if problem := json_problem(manifest, source):
        raise ValueError(problem)
    return {"source": source, "manifest": manifest}
