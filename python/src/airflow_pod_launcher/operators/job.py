"""Runs a Kubernetes Job as a task (docs/operators.md)."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from airflow_pod_launcher import reasons
from airflow_pod_launcher.manifest import json_problem, plain, pruned
from airflow_pod_launcher.operators.pod import PodOperator
from airflow_pod_launcher.sdk import AirflowException, AirflowFailException
from airflow_pod_launcher.yaml_templates import render_file

PROPAGATION = ("Foreground", "Background")
TAIL_SECONDS = 30
"""So often the tail of the logs is told when only a number of lines is asked for."""

_WITHOUT_EFFECT = ("job_poll_interval", "discover_pods_retry_number")
_USED_UP = "BackoffLimitExceeded"


class JobOperator(PodOperator):
    """Runs a Job to its end: creates it, follows its pods and their logs, cleans up.

    The Job is a YAML file that may be a template, or is made of parameters: those of PodOperator for its pods, and
    those of the stock KubernetesJobOperator. A worker that dies leaves the Job running, and the next try goes on with
    it. docs/operators.md has all parameters with their defaults.

    :param yaml_file_name: the Job, a Jinja template: a path, or a name in the DAG's template search path
    :param yaml_template_fields: variables of the template, beside those of every Airflow template
    :param yaml_write_path: folder that the rendered file is written to
    :param yaml_write_filename: its name there. Default: that of the template
    :param tail_logs: False: no logs. Default: every line, as it comes
    :param tail_logs_every: tell what is new in the logs every so many seconds
    :param tail_logs_line_count: at most so many lines of each container at a time, the newest
    :param tail_logs_only_at_end: tell the logs when a pod has ended
    :param delete_completed_job: delete the Job when it has succeeded. Default with `yaml_file_name`: False
    :param job_template_file, full_job_spec: a Job that the parameters are laid over
    :param backoff_limit: how many pods may fail. Default with `yaml_file_name`: the task's `retries`, unless the file
        says it
    :param random_name_suffix: add to the name what makes it the run's own. Default: True, with `yaml_file_name` False
    :param wait_until_job_complete: False: the task ends when the Job is created
    :param on_kill_propagation_policy: whether the Job waits for the end of its pods when the task is told to end
    :param unwrap_single: the result of a single pod is not a list
    """

    command: ClassVar[str] = "run-job"
    noun: ClassVar[str] = "job"

    template_fields: Sequence[str] = (
        *PodOperator.template_fields,
        "job_template_file",
        "yaml_file_name",
        "yaml_write_path",
        "yaml_write_filename",
        "yaml_template_fields",
    )

    def __init__(
        self,
        *,
        yaml_file_name: str | None = None,
        yaml_write_path: str | None = None,
        yaml_write_filename: str | None = None,
        yaml_template_fields: dict[str, Any] | None = None,
        tail_logs: bool | None = None,
        tail_logs_every: float | None = None,
        tail_logs_line_count: int | None = None,
        tail_logs_only_at_end: bool = False,
        delete_completed_job: bool | None = None,
        job_template_file: str | None = None,
        full_job_spec: Any = None,
        backoff_limit: int | None = None,
        completion_mode: str | None = None,
        completions: int | None = None,
        manual_selector: bool | None = None,
        parallelism: int | None = None,
        selector: Any = None,
        suspend: bool | None = None,
        ttl_seconds_after_finished: int | None = None,
        wait_until_job_complete: bool = True,
        on_kill_propagation_policy: str = "Foreground",
        unwrap_single: bool = True,
        random_name_suffix: bool | None = None,
        on_finish_action: str | None = None,
        deferrable: bool | None = None,
        **kwargs: Any,
    ) -> None:
        for ignored in _WITHOUT_EFFECT:
            kwargs.pop(ignored, None)
        if deferrable:
            raise AirflowException(f"{type(self).__name__} has no deferrable: the Job is followed in the worker")
        from_yaml = yaml_file_name is not None
        if on_finish_action is None:
            keeps = from_yaml if delete_completed_job is None else True
            on_finish_action = "keep_pod" if keeps else "delete_pod"
            if delete_completed_job:
                on_finish_action = "delete_succeeded_pod"
        elif delete_completed_job is not None:
            raise AirflowException("give either delete_completed_job or on_finish_action")
        super().__init__(
            random_name_suffix=not from_yaml if random_name_suffix is None else random_name_suffix,
            on_finish_action=on_finish_action,
            deferrable=False,
            **kwargs,
        )
        self.yaml_file_name = yaml_file_name
        self.yaml_write_path = yaml_write_path
        self.yaml_write_filename = yaml_write_filename
        self.yaml_template_fields = yaml_template_fields or {}
        self.tail_logs = tail_logs
        self.tail_logs_every = tail_logs_every
        self.tail_logs_line_count = tail_logs_line_count
        self.tail_logs_only_at_end = tail_logs_only_at_end
        self.delete_completed_job = delete_completed_job
        self.job_template_file = job_template_file
        self.full_job_spec = plain(full_job_spec)
        self.backoff_limit = backoff_limit
        self.completion_mode = completion_mode
        self.completions = completions
        self.manual_selector = manual_selector
        self.parallelism = parallelism
        self.selector = plain(selector)
        self.suspend = suspend
        self.ttl_seconds_after_finished = ttl_seconds_after_finished
        self.wait_until_job_complete = wait_until_job_complete
        self.on_kill_propagation_policy = on_kill_propagation_policy
        self.unwrap_single = unwrap_single
        self._names_container = kwargs.get("base_container_name") is not None
        self._retries_are_pods = False
        self._check()

    def execute(self, context: Any) -> Any:
        """Run the Job; the result of the task is a list of its pods' results, or the only one of them.

        Raises AirflowException when the Job fails, cannot be run or is killed, AirflowFailException when its pods have
        used up the task's retries, AirflowSkipException for the exit codes of `skip_on_exit_code`.
        """
        results = self.run_to_end(self.build_request(context), context)
        return results[0] if self.unwrap_single and results is not None and len(results) == 1 else results

    def dry_run(self) -> None:
        """Print what the Job would be made of, as JSON; a template gets no variables of a run."""
        print(json.dumps(self._layers(self._pod().request()["layers"], {}), indent=2))

    def build_request(self, context: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the runtime is asked to do (docs/operators.md).

        Raises AirflowException for parameters and files that make no Job.
        """
        request = super().build_request(context)
        # The pods of a Job end as their own spec says.
        del request["graceSeconds"]
        speaks_of_container = self._speaks_of_container(request["layers"][-1]["manifest"])
        logs = request["logs"]
        if self.tail_logs is False and not self._tails():
            logs = {"containers": [], "initContainers": []}
        elif self.get_logs and self.container_logs is None and not speaks_of_container:
            logs = {**logs, "containers": "all"}
        return {
            **request,
            "layers": self._layers(request["layers"], context),
            "container": self.base_container_name if speaks_of_container else None,
            "logs": logs,
            "tail": self._tail_request(),
            "exactName": not self.random_name_suffix,
            "replaceEnded": not self.random_name_suffix,
            "propagation": self.on_kill_propagation_policy,
            "until": "ended" if self.wait_until_job_complete else "created",
        }

    def _layers(self, of_pod: list[dict[str, Any]], context: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the layers of the Job, from those of its pods."""
        *pod_templates, own = of_pod
        try:
            return [
                *self._job_templates(context),
                *[_of_pod(layer) for layer in pod_templates],
                {"source": "parameters", "manifest": self._manifest(own["manifest"])},
            ]
        except ValueError as error:
            raise AirflowException(f"task {self.task_id}: {error}") from error

    def _check(self) -> None:
        """Refuse, when the DAG is read, what cannot be meant."""
        if self.on_kill_propagation_policy not in PROPAGATION:
            raise AirflowException(
                f"on_kill_propagation_policy ({self.on_kill_propagation_policy!r}) must be one of "
                f"{', '.join(PROPAGATION)}; on_kill_action='keep_pod' leaves Job and pods"
            )
        if self.tail_logs_only_at_end and self.tail_logs_every:
            raise AirflowException("give either tail_logs_only_at_end or tail_logs_every")
        if self.yaml_write_filename is not None and self.yaml_write_path is None:
            raise AirflowException("yaml_write_filename needs yaml_write_path, the folder to write to")
        if self.yaml_file_name is not None and (self.job_template_file or self.full_job_spec):
            raise AirflowException("give either yaml_file_name, or job_template_file and full_job_spec")
        if self.wait_until_job_complete and self.parallelism is not None and self.parallelism < 1:
            raise AirflowException("parallelism cannot be less than 1 with wait_until_job_complete")

    def _speaks_of_container(self, pod: Mapping[str, Any]) -> bool:
        """Say whether the parameters are about a container; without any, those of the file stay as they are."""
        container = dict(pod["spec"]["containers"][0])
        if container.get("terminationMessagePolicy") == "File":
            del container["terminationMessagePolicy"]
        return self._names_container or set(container) != {"name"}

    def _manifest(self, pod: Mapping[str, Any]) -> dict[str, Any]:
        """Return the Job that the parameters make."""
        metadata = pod["metadata"]
        pod_spec = {name: value for name, value in pod["spec"].items() if name != "activeDeadlineSeconds"}
        if not self._speaks_of_container(pod):
            del pod_spec["containers"]
        template = pruned(
            {
                "metadata": {name: value for name, value in metadata.items() if name != "namespace"},
                "spec": pod_spec,
            }
        )
        spec = {
            "activeDeadlineSeconds": self.active_deadline_seconds,
            "backoffLimit": self.backoff_limit,
            "completionMode": self.completion_mode,
            "completions": self.completions,
            "manualSelector": self.manual_selector,
            "parallelism": self.parallelism,
            "selector": self.selector,
            "suspend": self.suspend,
            "ttlSecondsAfterFinished": self.ttl_seconds_after_finished,
            "template": template or None,
        }
        made = {"metadata": metadata, "spec": {name: one for name, one in spec.items() if one is not None}}
        if problem := json_problem(made, "job"):
            raise ValueError(problem)
        return made

    def _job_templates(self, context: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return what the parameters are laid over."""
        if self.yaml_file_name is not None:
            return self._from_yaml(self.yaml_file_name, context)
        layers: list[dict[str, Any]] = []
        if self.job_template_file:
            layers.append({"source": self.job_template_file, "yaml": _read(self.job_template_file)})
        if self.full_job_spec:
            if problem := json_problem(self.full_job_spec, "full_job_spec"):
                raise ValueError(problem)
            layers.append({"source": "full_job_spec", "manifest": self.full_job_spec})
        return layers

    def _from_yaml(self, name: str, context: Mapping[str, Any]) -> list[dict[str, Any]]:
        dag = context.get("dag") or self.get_dag()
        # A native environment would make objects of the text.
        env = self.get_template_env() if dag is None else dag.get_template_env(force_sandboxed=True)
        variables = copy.copy(context)
        variables.update(self.yaml_template_fields)  # type: ignore[attr-defined]
        text = render_file(name, env, variables)
        source = f"{name} as rendered"
        if self.yaml_write_path is not None:
            source = _write(self.yaml_write_path, self.yaml_write_filename or os.path.basename(name), text)
        self.log.info("Rendered %s:\n%s", name, text)
        layers: list[dict[str, Any]] = [{"source": source, "yaml": text}]
        self._retries_are_pods = self.backoff_limit is None and not _says_backoff_limit(text)
        if self._retries_are_pods:
            # Kubernetes retries pods: Airflow need not retry the task for the same reason again.
            retries = {"spec": {"backoffLimit": self.retries or 0}}
            layers.insert(0, {"source": "retries", "manifest": retries})
        return layers

    def _tails(self) -> bool:
        return bool(self.tail_logs_every or self.tail_logs_line_count or self.tail_logs_only_at_end)

    def _tail_request(self) -> dict[str, Any] | None:
        if not self._tails():
            return None
        return {
            "everySeconds": None if self.tail_logs_only_at_end else self.tail_logs_every or TAIL_SECONDS,
            "lines": self.tail_logs_line_count or None,
            "onlyAtEnd": self.tail_logs_only_at_end,
        }

    def _failed(self, name: str, ended: Mapping[str, Any]) -> AirflowException:
        cause, rest = reasons.phrase(ended.get("reason"), ended.get("message"), None)
        text = f"job {name} failed: {cause}" + (f" ({rest})" if rest else "")
        if self._retries_are_pods and ended.get("reason") == _USED_UP:
            return AirflowFailException(f"{text}; its pods have used up the {self.retries or 0} retries of the task")
        return AirflowException(text)

    def _take(self, event: Mapping[str, Any]) -> None:
        if event.get("type") == "pod" and self.log_events_on_startup:
            why = ": ".join(filter(None, [event["reason"], event["message"]]))
            self.log.info("Pod %s is %s%s", event["name"], event["state"], f" ({why})" if why else "")

    def _log_state(self, event: Mapping[str, Any]) -> None:
        if self.log_events_on_startup:
            why = ": ".join(filter(None, [event["reason"], event["message"]]))
            of = "" if event["completions"] is None else f" of {event['completions']}"
            counts = f"{event['active']} active, {event['succeeded']}{of} succeeded, {event['failed']} failed"
            self.log.info("Job is %s: %s%s", event["state"], counts, f" ({why})" if why else "")


def _of_pod(layer: Mapping[str, Any]) -> dict[str, Any]:
    """Return a template of pods as one of Jobs."""
    pod = layer["manifest"] if "manifest" in layer else _parse(layer["source"], layer["yaml"])
    template = {name: pod[name] for name in ("metadata", "spec") if pod.get(name) is not None}
    return {"source": layer["source"], "manifest": {"spec": {"template": template}}}


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error}") from error


def _write(folder: str, name: str, text: str) -> str:
    path = Path(folder) / name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    except OSError as error:
        raise ValueError(f"the rendered file cannot be written to {path}: {error}") from error
    return str(path)


def _parse(source: str, text: str) -> dict[str, Any]:
    import yaml

    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"{source}: is not YAML: {error}") from error
    if not isinstance(found, dict):
        raise ValueError(f"{source}: must hold one Pod")
    return found


def _says_backoff_limit(text: str) -> bool:
    """Say whether a Job has a `backoffLimit`. What is no YAML is refused elsewhere, with its line."""
    import yaml

    try:
        spec = (yaml.safe_load(text) or {}).get("spec") or {}
        return spec.get("backoffLimit") is not None
    except (yaml.YAMLError, AttributeError):
        return False
