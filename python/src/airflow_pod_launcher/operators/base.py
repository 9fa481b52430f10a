"""What every operator does whose work the runtime does: follow a run, log what it tells, end it when it must end."""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Mapping
from typing import Any, ClassVar

from airflow_pod_launcher.pod import PodFailed
from airflow_pod_launcher.runs import Run
from airflow_pod_launcher.sdk import AirflowException, AirflowSkipException, BaseOperator


class RunOperator(BaseOperator):
    """Hands a request to the runtime and follows it to its end.

    :param skip_on_exit_code: with one of these exit codes the task is skipped
    :param log_events_on_startup: log what the pod waits for
    :param log_events_on_failure: log what Kubernetes' events say of a pod that failed
    :param log_pod_spec_on_failure: log what was asked for when the pod failed
    :param progress_callback: gets each line of the log
    :param container_name_log_prefix_enabled: log the container's name before each line
    :param log_formatter: makes what is logged of the container's name and the line
    """

    command: ClassVar[str] = "run-pod"
    """Of the runtime."""

    noun: ClassVar[str] = "pod"
    """What is run, in messages, XComs and the last event."""

    def __init__(
        self,
        *,
        skip_on_exit_code: int | Container[int] | None = None,
        log_events_on_startup: bool = True,
        log_events_on_failure: bool = True,
        log_pod_spec_on_failure: bool = True,
        progress_callback: Callable[[str], None] | None = None,
        container_name_log_prefix_enabled: bool = True,
        log_formatter: Callable[[str, str], str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.skip_on_exit_code = _codes(skip_on_exit_code)
        self.log_events_on_startup = log_events_on_startup
        self.log_events_on_failure = log_events_on_failure
        self.log_pod_spec_on_failure = log_pod_spec_on_failure
        self.progress_callback = progress_callback
        self.container_name_log_prefix_enabled = container_name_log_prefix_enabled
        self.log_formatter = log_formatter
        self._run: Run | None = None
        self._pod_told: Mapping[str, Any] | None = None
        self._killed = False

    def run_to_end(self, request: Mapping[str, Any], context: Mapping[str, Any]) -> Any:
        """Do what is asked for (docs/operators.md) and return its result.

        Raises AirflowException when it fails, cannot be done or is killed, AirflowSkipException for the exit codes of
        `skip_on_exit_code`.
        """
        if self._killed:
            raise AirflowException(f"the task was told to end before its {self.noun} was created")
        self._run = run = Run(request, self.command)
        try:
            return self._follow(run, context, request)
        except BaseException:
            # Nobody follows the pod any more; one whose end has been told is dealt with already.
            run.kill()
            raise

    def on_kill(self) -> None:
        """End the run, and its pod unless the request keeps it. Called in a signal handler."""
        self._killed = True
        if self._run is not None and not self._run.kill():
            self.log.warning("The runtime has not ended yet; it goes on ending the %s by itself", self.noun)

    def _follow(self, run: Run, context: Mapping[str, Any], request: Mapping[str, Any]) -> Any:
        result, ended, name = None, None, ""
        for event in run.events():
            kind = event.get("type")
            if kind == "log":
                self._log_line(" ".join(filter(None, [event["container"], event.get("label")])), event["line"])
            elif kind in ("created", "reattached"):
                name = event["name"]
                self._pod_told = event
                self.log.info("%s %s/%s %s", self.noun.capitalize(), event["namespace"], name, kind)
                context["ti"].xcom_push(key=f"{self.noun}_name", value=name)
                context["ti"].xcom_push(key=f"{self.noun}_namespace", value=event["namespace"])
            elif kind == "state":
                self._log_state(event)
            elif kind == "warning":
                self.log.warning("%s", event["message"])
            elif kind == "result":
                result = json.loads(event["json"])
            elif kind == "ended":
                ended = event
            elif kind == "error":
                raise AirflowException(f"{event['code']}: {event['message']}")
            else:
                self._take(event)
        # Whatever the pod's end was: a task that was told to end has not succeeded.
        if self._killed:
            raise AirflowException(
                f"the task was told to end; its {self.noun} {name} is {ended[self.noun] if ended else 'unknown'}"
            )
        if ended is None and request.get("until") == "created" and name:
            return None
        if ended is None:
            raise AirflowException(
                f"the runtime ended with exit code {run.exit_code()} and said nothing of the {self.noun}"
            )
        self._raise_if_failed(name, ended, request)
        return result

    def _raise_if_failed(self, name: str, ended: Mapping[str, Any], request: Mapping[str, Any]) -> None:
        if ended["outcome"] == "succeeded":
            return
        exit_code = ended["exitCode"]
        if exit_code is not None and exit_code in self.skip_on_exit_code:
            raise AirflowSkipException(f"{self.noun} {name} ended with exit code {exit_code}: skipping")
        if self.log_events_on_failure:
            for line in ended["podEvents"]:
                self.log.error("%s event: %s", self.noun.capitalize(), line)
        if ended.get("output"):
            self.log.error("Last words of the container: %s", ended["output"])
        if self.log_pod_spec_on_failure:
            self.log.error("What was asked for: %s", json.dumps(request["layers"]))
        raise self._failed(name, ended)

    def _failed(self, name: str, ended: Mapping[str, Any]) -> AirflowException:
        """Return what is raised when what was run has failed."""
        return AirflowException(str(PodFailed(name, ended)))

    def _take(self, event: Mapping[str, Any]) -> None:
        """Take an event that only some commands have."""

    def _log_line(self, container: str, line: str) -> None:
        if self.progress_callback is not None:
            self.progress_callback(line)
        if self.log_formatter is not None:
            self.log.info("%s", self.log_formatter(container, line))
        elif self.container_name_log_prefix_enabled:
            self.log.info("[%s] %s", container, line)
        else:
            self.log.info("%s", line)

    def _log_state(self, event: Mapping[str, Any]) -> None:
        if self.log_events_on_startup:
            why = ": ".join(filter(None, [event["reason"], event["message"]]))
            self.log.info("Pod is %s%s", event["state"], f" ({why})" if why else "")


def _codes(codes: int | Container[int] | None) -> Container[int]:
    if codes is None:
        return ()
    return (codes,) if isinstance(codes, int) else codes
