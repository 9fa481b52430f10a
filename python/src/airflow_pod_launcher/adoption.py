"""Takes over the launches of a scheduler that is gone."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlalchemy.orm import object_session

from airflow_pod_launcher import compat
from airflow_pod_launcher.dispatcher import Dispatcher
from airflow_pod_launcher.ledger import Launch, Row

if TYPE_CHECKING:
    from airflow.models.taskinstance import TaskInstance

log = logging.getLogger(__name__)


def adopt(dispatcher: Dispatcher, tis: Sequence[TaskInstance], timeout: float) -> list[TaskInstance]:
    """Adopt what has a pod and return the rest.

    Airflow repeats this after a database error: what is in the ledger already counts as adopted.

    :param timeout: seconds to wait for the launcher, since the caller holds row locks; without an answer everything
        that has a launch id is taken over unresolved, and the dispatcher asks again after the reconnect
    """
    rows = {row.ti_id: row for row in _rows(tis)}
    launch_ids = {ti: row.launch_id for ti in tis if (row := rows.get(compat.ti_id(ti))) and row.launch_id}
    without_id = [ti for ti in tis if ti not in launch_ids]
    by_id = {launch_id: ti for ti, launch_id in launch_ids.items()}
    wanted = [launch_id for launch_id in by_id if launch_id not in dispatcher.ledger]
    answer = None
    if wanted:
        frame = {
            "type": "ADOPT",
            "request": dispatcher.connection.next_request(),
            "launches": [{"id": launch_id} for launch_id in wanted],
        }
        answer = dispatcher.connection.request(frame, timeout)
        if answer is None:
            log.warning("The pod launcher did not answer in %.0f s: adopting %d unresolved", timeout, len(wanted))
    adopted = {str(entry["id"]): int(entry["attempt"]) for entry in (answer or {}).get("adopted", ())}
    absent = []
    for launch_id, ti in by_id.items():
        row = rows[compat.ti_id(ti)]
        if answer is not None and launch_id in wanted and launch_id not in adopted:
            absent.append(ti)
            continue
        if launch_id in wanted:
            dispatcher.ledger.add(
                Launch(
                    key=row.key,
                    id=str(launch_id),
                    ti_id=row.ti_id,
                    try_number=row.try_number,
                    attempt=adopted.get(str(launch_id), 1),
                    resolved=answer is not None,
                )
            )
        dispatcher.executor.running.add(row.key)
    return [*without_id, *absent]


def _rows(tis: Sequence[TaskInstance]) -> list[Row]:
    """Read what the scheduler's query left out (it loads few columns), within its transaction and not one by one."""
    session = object_session(tis[0]) if tis else None
    if session is None:
        return []
    with session.no_autoflush:
        return compat.rows_by_ti_id(session, [compat.ti_id(ti) for ti in tis])
