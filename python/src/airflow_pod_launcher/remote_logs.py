"""What the UI shows as a task's log besides the log's file: the reasons of its pods, and the logs of kept pods.

`AIRFLOW__LOGGING__LOGGING_CONFIG_CLASS=airflow_pod_launcher.remote_logs.LOGGING_CONFIG` for the webserver turns it on;
elsewhere it does nothing. With `remote_logging` Airflow's own store stays: the reasons are in the audit log then.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Generator
from functools import cached_property
from pathlib import Path
from typing import Any

from airflow.config_templates import airflow_local_settings
from airflow.configuration import conf
from airflow.models.log import Log
from airflow.utils.log.file_task_handler import FileTaskHandler
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from airflow_pod_launcher import compat
from airflow_pod_launcher.logs import PodLogReader
from airflow_pod_launcher.task_events import LEVELS

__all__ = ["LOGGING_CONFIG", "REMOTE_TASK_LOG", "PodLogs"]

log = logging.getLogger(__name__)

LOGGING_CONFIG = airflow_local_settings.DEFAULT_LOGGING_CONFIG

_MAX_ENTRIES = 100
_UNFINISHED = frozenset({None, "scheduled", "queued", "restarting", "up_for_retry", "up_for_reschedule", "deferred"})


class PodLogs:
    """Airflow's RemoteLogStreamIO over the audit log's entries about the pods, and over the pods themselves."""

    processors: tuple[Any, ...] = ()

    @cached_property
    def _reader(self) -> PodLogReader:
        return PodLogReader.from_environment()

    def upload(self, path: Any, ti: Any = None) -> None:
        """Keep the log where it is."""

    def read(self, relative_path: str, ti: Any) -> tuple[list[str], list[str]]:
        """Return (messages, the log as one string)."""
        messages, streams = self.stream(relative_path, ti)
        return messages, ["\n".join(stream) for stream in streams]

    def stream(self, relative_path: str, ti: Any) -> tuple[list[str], list[Generator[str, None, None]]]:
        """Return (messages, generators of lines); nothing while the task runs, when the executor is asked."""
        if ti.state == "running":
            return [], []
        entries = _entries(ti)
        folder = conf.get("logging", "base_log_folder")
        sources, files = FileTaskHandler(folder)._read_from_local(Path(folder, relative_path))
        if not files:
            messages, streams = self._reader.stream(ti, ti.try_number)
        elif entries and ti.state not in _UNFINISHED:
            # Airflow does not look at the file of a finished task when it gets a log from here.
            messages, streams = sources, list(files)
        else:
            messages, streams = [], []
            for file in files:
                file.close()
        if entries:
            streams.append(_lines(entries))
        return messages, streams


def _entries(ti: Any) -> list[Any]:
    """Return what the audit log has about the pods of this try, the oldest first."""
    query = (
        select(Log.dttm, Log.event, Log.extra)
        .where(
            Log.dag_id == ti.dag_id,
            Log.task_id == ti.task_id,
            Log.run_id == ti.run_id,
            Log.map_index == ti.map_index,
            Log.try_number == ti.try_number,
            Log.event.in_(LEVELS),
        )
        .order_by(Log.dttm.desc(), Log.id.desc())
        .limit(_MAX_ENTRIES)
    )
    try:
        with compat.own_session() as session:
            return list(reversed(session.execute(query).all()))
    except SQLAlchemyError:
        log.exception("The database does not say what became of the pods of %s", ti)
        return []


def _lines(entries: list[Any]) -> Generator[str, None, None]:
    for at, name, extra in entries:
        for number, line in enumerate((extra or "").splitlines() or [""]):
            event = f"{name.capitalize()}: {line}" if number == 0 else line
            record = {"timestamp": at.isoformat(), "level": LEVELS[name], "logger": "pod-launcher", "event": event}
            yield json.dumps(record, ensure_ascii=False)


if conf.getboolean("logging", "remote_logging", fallback=False):
    REMOTE_TASK_LOG = getattr(airflow_local_settings, "REMOTE_TASK_LOG", None)
else:
    REMOTE_TASK_LOG = PodLogs()
