"""Logs of finished pods where logs are ephemeral: what the pods that the launch policy keeps still have.

`AIRFLOW__LOGGING__LOGGING_CONFIG_CLASS=airflow_pod_launcher.remote_logs.LOGGING_CONFIG` for the webserver turns it on;
elsewhere it does nothing. Not together with `remote_logging`, whose store it would hide.
"""

from __future__ import annotations

from collections.abc import Generator
from functools import cached_property
from typing import Any

from airflow.config_templates.airflow_local_settings import DEFAULT_LOGGING_CONFIG as LOGGING_CONFIG

from airflow_pod_launcher.logs import PodLogReader

__all__ = ["LOGGING_CONFIG", "REMOTE_TASK_LOG", "PodLogs"]


class PodLogs:
    """Airflow's RemoteLogStreamIO over the pods themselves."""

    processors: tuple[Any, ...] = ()

    @cached_property
    def _reader(self) -> PodLogReader:
        return PodLogReader.from_environment()

    def upload(self, path: Any, ti: Any = None) -> None:
        """Keep the log where it is: in the pod."""

    def read(self, relative_path: str, ti: Any) -> tuple[list[str], list[str]]:
        """Return (messages, the log as one string)."""
        messages, streams = self.stream(relative_path, ti)
        return messages, ["\n".join(stream) for stream in streams]

    def stream(self, relative_path: str, ti: Any) -> tuple[list[str], list[Generator[str, None, None]]]:
        """Return (messages, one generator of lines); nothing while the task runs, when the executor is asked."""
        if ti.state == "running":
            return [], []
        return self._reader.stream(ti, ti.try_number)


REMOTE_TASK_LOG = PodLogs()
