"""The executor that Airflow's scheduler runs: a thin shim that hands every launch to the launcher beside it.

Nothing in the scheduler's loop waits for the network: a thread moves the frames, `sync` reads what has arrived, asks
the database once and queues what follows from it. Only adoption waits, and not for long.
"""

from __future__ import annotations

import os
import time
from collections.abc import Hashable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import SQLAlchemyError

from airflow_pod_launcher import adoption, compat
from airflow_pod_launcher._contract import ENV, PATHS
from airflow_pod_launcher.connection import Connection
from airflow_pod_launcher.dispatcher import Dispatcher
from airflow_pod_launcher.launches import LaunchError, make_launch
from airflow_pod_launcher.ledger import QUEUED, Kind, Launch, Row
from airflow_pod_launcher.logs import PodLogReader
from airflow_pod_launcher.task_events import POD_FAILED

if TYPE_CHECKING:
    from airflow.models.taskinstance import TaskInstance

ADOPTION_SECONDS = 10.0
_END_SECONDS = 1.0
_WORKLOADS_PER_LOOK = 500
# The pod's output repeats the file with other timestamps, so reading both would show lines twice. The message is
# needed: without one, Airflow goes on to ask a log server that pods do not have.
_LOG_IS_LOCAL = "The log volume has the log: not reading it from the task's pod"


class PodLauncherExecutor(compat.BaseExecutor):
    """Runs each task, callback and connection test in a pod of its own, through the pod launcher.

    Constructing it touches neither network nor database: the webserver does so to read the logs of running tasks.
    """

    supports_callbacks = True
    supports_connection_test = True
    supports_multi_team = False
    is_local = False
    is_production = True
    serve_logs = False
    pre_assigns_external_executor_id = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._dispatcher: Dispatcher | None = None
        self._logs: PodLogReader | None = None
        self._unsaved_event_logs: list[Any] = []

    # --- life ---------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to look for the launcher."""
        connection = Connection(
            path=os.environ.get(ENV["SOCKET"], PATHS["SOCKET"]),
            deployment=os.environ.get(ENV["DEPLOYMENT"], "airflow"),
            job_id=str(self.job_id),
        )
        self._dispatcher = Dispatcher(self, connection)
        connection.start()

    def end(self) -> None:
        """Leave. Pods live on; the next scheduler adopts them."""
        if self._dispatcher is not None:
            self._dispatcher.connection.send({"type": "DRAIN"})
            self._dispatcher.connection.stop(flush_seconds=_END_SECONDS)
            self._dispatcher = None

    def terminate(self) -> None:
        """Leave at once. Pods live on."""
        if self._dispatcher is not None:
            self._dispatcher.connection.stop()
            self._dispatcher = None

    @property
    def slots_available(self) -> int:
        """0 while the launcher is away or has not listed the pods yet, so that Airflow queues nothing here."""
        return max(0, super().slots_available) if self._ready else 0

    @property
    def _ready(self) -> bool:
        return self._dispatcher is not None and self._dispatcher.connection.ready

    # --- launching ----------------------------------------------------------------------------------------------

    def trigger_tasks(self, open_slots: int) -> None:
        """Launch what is queued; while the launcher is away it stays queued."""
        if self._ready:
            super().trigger_tasks(open_slots)

    def _process_workloads(self, workload_items: Sequence[Any]) -> None:
        dispatcher = self._dispatcher
        if dispatcher is None:
            return
        # In parts, so that the first pods are made while the last workloads are looked at.
        for start in range(0, len(workload_items), _WORKLOADS_PER_LOOK):
            part = workload_items[start : start + _WORKLOADS_PER_LOOK]
            try:
                current, busy = self._still_queued(part)
            except SQLAlchemyError:
                self.log.exception("The database does not say what is still queued; trying again in the next loop")
                return
            dispatcher.launch(self._launches([each for each in part if each.key not in busy], current))

    def _launches(self, workload_items: Sequence[Any], current: set[Hashable]) -> Iterator[Launch]:
        """Take the workloads out of the queue and make the launches of those that are still wanted."""
        for workload in workload_items:
            compat.take_from_queue(self, workload)
            key = workload.key
            if key not in current:
                self.log.info("Dropping the workload of %s: it is not queued by this scheduler any more", key)
                continue
            self.running.add(key)
            try:
                launch = make_launch(workload, time.time())
            except LaunchError as error:
                if compat.workload_kind(workload) is Kind.TASK:
                    self.log_task_event(event=POD_FAILED, extra=f"InvalidLaunch: {error}", ti_key=key)
                self.fail(key, info=str(error))
                continue
            if launch.kind is Kind.TASK and not workload.ti.external_executor_id:
                self.event_buffer[key] = compat.queued_event(launch.id)
            yield launch

    def _still_queued(self, workload_items: Sequence[Any]) -> tuple[set[Hashable], set[Hashable]]:
        """Return the keys that may be launched, and those to ask about again in the next loop.

        Airflow may have cleared or requeued a task since it was queued.
        """
        current: set[Hashable] = set()
        busy: set[Hashable] = set()
        tasks: dict[str, Any] = {}
        for workload in workload_items:
            if compat.workload_kind(workload) is Kind.TASK:
                tasks[str(workload.ti.id)] = workload
            else:
                current.add(workload.key)
        if tasks:
            with compat.own_session() as db:
                claims = compat.claim(db, tasks, self.job_id)
            current.update(row.key for row in claims.rows if self._may_launch(row, tasks[row.ti_id]))
            busy.update(tasks[ti_id].key for ti_id in claims.busy)
        return current, busy

    def _may_launch(self, row: Row, workload: Any) -> bool:
        return (
            row.state == QUEUED
            and row.try_number == workload.ti.try_number
            and row.job_id == self.job_id
            and row.launch_id == workload.ti.external_executor_id
        )

    def sync(self) -> None:
        """Take in what the launcher reported and tell Airflow."""
        if not self._task_event_logs:
            self._unsaved_event_logs.clear()
        if self._dispatcher is not None:
            self._dispatcher.turn()

    def log_task_event(self, *, event: str, extra: str, ti_key: Any) -> None:
        """Add an entry to the task's audit log."""
        super().log_task_event(event=event, extra=extra, ti_key=ti_key)
        # The scheduler hands the entries to SQLAlchemy through a generator, which keeps only weak references to them:
        # without another reference they are collected before they are written (seen in 3.3.2 with SQLAlchemy 2.1).
        self._unsaved_event_logs.append(self._task_event_logs[-1])

    # --- Airflow asks -------------------------------------------------------------------------------------------

    def try_adopt_task_instances(self, tis: Sequence[TaskInstance]) -> Sequence[TaskInstance]:
        """Take over launches of a scheduler that is gone; return those that have no pod, for Airflow to reset.

        While the launcher does not answer, they are taken over unresolved: resetting a task whose pod may live would
        run it twice.
        """
        if self._dispatcher is None:
            return tis
        return adoption.adopt(self._dispatcher, tis, ADOPTION_SECONDS)

    def revoke_task(self, *, ti: TaskInstance) -> None:
        """Forget a task and have its pod deleted, without an event."""
        try:
            key = ti.key
            compat.take_key_from_queue(self, key)
            self.running.discard(key)
            if self._dispatcher is not None:
                self._dispatcher.revoke(key, ti.external_executor_id)
        except Exception:
            self.log.exception("Could not revoke %s", ti)

    def get_task_log(self, ti: TaskInstance, try_number: int) -> tuple[list[str], list[str]]:
        """Return (messages about where the log came from, the log of the task's pod)."""
        if compat.local_log_exists(ti, try_number):
            return [_LOG_IS_LOCAL], []
        return self._log_reader.read(ti, try_number)

    def get_streaming_task_log(self, ti: TaskInstance, try_number: int) -> tuple[list[str], list[Any]]:
        """Return (messages about where the log came from, generators of lines)."""
        if compat.local_log_exists(ti, try_number):
            return [_LOG_IS_LOCAL], []
        return self._log_reader.stream(ti, try_number)

    @property
    def _log_reader(self) -> PodLogReader:
        if self._logs is None:
            self._logs = PodLogReader.from_environment()
        return self._logs
