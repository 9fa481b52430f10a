"""What a trigger asks and tells of its task; Airflow 2 and 3 have different ways to it."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Mapping
from datetime import datetime
from importlib import import_module
from typing import Any

from airflow_pod_launcher.sdk import AIRFLOW_VERSION

IS_AIRFLOW_2 = AIRFLOW_VERSION.startswith("2.")

_DEFERRED = "deferred"
_BELOW_MICROSECONDS = re.compile(r"(\.\d{6})\d+")


async def is_deferred(ti: Any) -> bool:
    """Return whether the task still waits for its trigger: then the trigger has only moved to another triggerer."""
    return await asyncio.to_thread(_state2 if IS_AIRFLOW_2 else _state3, ti) == _DEFERRED


def _state3(ti: Any) -> str | None:
    runtime_ti = import_module("airflow.sdk.execution_time.task_runner").RuntimeTaskInstance
    found = runtime_ti.get_task_states(
        dag_id=ti.dag_id, task_ids=[ti.task_id], run_ids=[ti.run_id], map_index=ti.map_index
    )
    name = ti.task_id if ti.map_index < 0 else f"{ti.task_id}_{ti.map_index}"
    state = found.get(ti.run_id, {}).get(name)
    return None if state is None else str(getattr(state, "value", state))


def _state2(ti: Any) -> str | None:
    model = import_module("airflow.models.taskinstance").TaskInstance
    create_session = import_module("airflow.utils.session").create_session
    with create_session() as session:
        found = session.query(model.state).filter_by(
            dag_id=ti.dag_id, task_id=ti.task_id, run_id=ti.run_id, map_index=ti.map_index
        )
        state = found.scalar()
    return None if state is None else str(getattr(state, "value", state))


async def push_xcoms(ti: Any, xcoms: Mapping[str, Any]) -> dict[str, Any] | None:
    """Push XComs as a worker does; return those that the event of the task's end has to carry.

    Airflow 3 stores what the event carries as text, and past the XCom backend.
    """
    if IS_AIRFLOW_2:
        return dict(xcoms) or None
    backend = import_module("airflow.sdk.execution_time.xcom").XCom
    for key, value in xcoms.items():
        await asyncio.to_thread(
            backend.set,
            key=key,
            value=value,
            dag_id=ti.dag_id,
            task_id=ti.task_id,
            run_id=ti.run_id,
            map_index=ti.map_index,
        )
    return None


def log_line(log: Any, text: str, when: str) -> None:
    """Log a line of a container with the time at which it was written.

    So the log is in order, and a line that two triggerers log, one after the other, is shown once.

    :param when: RFC 3339, nanoseconds and all
    """
    moment = _BELOW_MICROSECONDS.sub(r"\1", when)
    if not isinstance(log, logging.Logger):
        log.info(text, timestamp=moment)
        return
    if log.isEnabledFor(logging.INFO):
        record = log.makeRecord(log.name, logging.INFO, __file__, 0, "%s", (text,), None, "log_line")
        record.created = datetime.fromisoformat(moment.replace("Z", "+00:00")).timestamp()
        record.msecs = record.created % 1 * 1000
        log.handle(record)
