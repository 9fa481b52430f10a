"""Carries out what the ledger decides: reads frames, asks the database, emits to Airflow, queues frames.

All of it runs in the scheduler's loop, in `turn`; nothing blocks but the database.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Hashable, Iterable, Iterator
from itertools import islice
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from airflow_pod_launcher import compat, protocol, task_events
from airflow_pod_launcher import ledger as rules
from airflow_pod_launcher.connection import Connected, Connection
from airflow_pod_launcher.launches import LaunchError, expired, frame_of, make_launch
from airflow_pod_launcher.ledger import AckTracker, Action, Kind, Launch, Ledger, Row, Verdict
from airflow_pod_launcher.protocol import Event, Frame, ProtocolError

log = logging.getLogger(__name__)

LEASE_TTL_SECONDS = 12.0
LEASE_RENEWAL_SECONDS = 3.0
_LAUNCHES_PER_FRAME = 100
_REVOCATION_MEMORY_SECONDS = 900.0
_ROWS_PER_QUERY = 1000
# Another pod follows, or another scheduler says it.
_NO_FAILURE = frozenset({Action.RELAUNCH, Action.LEAVE, Action.HAND_OVER})


class Dispatcher:
    """What an executor knows and does between its start and its end.

    :param executor: the BaseExecutor; its `running`, `event_buffer` and task event log are written
    :param connection: the connection to the launcher
    """

    def __init__(self, executor: Any, connection: Connection) -> None:
        self.executor = executor
        self.connection = connection
        self.ledger = Ledger()
        self._acks = AckTracker()
        self._boot_id: str | None = None
        self._hello: Connected | None = None
        self._generation = 0
        self._resynced = False
        self._lease_sent = 0.0
        self._settled_next: list[int] = []
        self._orphans: list[Event] = []
        self._revoked: dict[str, float] = {}
        self._withdrawn: dict[str, float] = {}

    # --- the loop -----------------------------------------------------------------------------------------------

    def turn(self) -> None:
        """One turn of the scheduler's loop: what the last one emitted is committed by now."""
        now = time.monotonic()
        self._acks.settle(self._settled_next)
        self._settled_next = []
        for item in self.connection.drain():
            self._take(item)
        self._renew_lease(now)
        try:
            self._look(now)
            self._look_at_orphans()
        except SQLAlchemyError:
            log.exception("The database does not answer; what the launcher reported waits for the next loop")
        self._acknowledge()

    def _renew_lease(self, now: float) -> None:
        if now - self._lease_sent < LEASE_RENEWAL_SECONDS or not self.connection.connected:
            return
        # The lease counts from before the look at the database: what is seen there may be old when it is sent.
        granted = time.time()
        if now - self._lease_sent >= LEASE_TTL_SECONDS:
            try:
                self._withdraw_what_went(now)
            except SQLAlchemyError:
                log.exception("The database does not say what is still ours; nothing is created until it does")
                return
        lease = {"type": "LEASE", "ttlMs": int(LEASE_TTL_SECONDS * 1000), "at": int(granted * 1000)}
        if self.connection.send(lease):
            self._lease_sent = now

    def _withdraw_what_went(self, now: float) -> None:
        """While there was no lease, another scheduler may have taken over what has no pod yet: let go of that first."""
        waiting = [each for each in self.ledger.open() if each.kind is Kind.TASK and not each.created]
        rows = self._rows(waiting)
        for launch in waiting:
            if not rules.may_create(launch, rows.get(launch.id), self.executor.job_id):
                log.warning("Letting go of %s, launch %s: it is not this scheduler's any more", launch.key, launch.id)
                self._release(launch)
                self._acks.retain(launch.seqs)
                self.ledger.forget(launch)
                self._withdrawn[launch.id] = now
        # All of them, since the last frame may have been lost with its connection.
        self._withdrawn = _recent(self._withdrawn)
        withdrawn = [{"id": launch_id} for launch_id in self._withdrawn if launch_id not in self.ledger]
        if withdrawn:
            self.connection.send({"type": "WITHDRAW", "launches": withdrawn})

    def _acknowledge(self) -> None:
        if self._hello is not None:
            return  # Not welcomed yet: it is not known whose numbers count.
        retain, ack = self._acks.take()
        if retain:
            self.connection.send({"type": "RETAIN", "seqs": retain}, self._generation)
        if ack is not None:
            self.connection.send({"type": "ACK", "seq": ack}, self._generation)
        self.connection.resume_from(self._boot_id, self._acks.resume_from())

    # --- launching ----------------------------------------------------------------------------------------------

    def launch(self, launches: Iterable[Launch]) -> None:
        """Believe in these launches and send them, each frame as soon as it is full."""
        self._send_launches(self._believed(launches))

    def _believed(self, launches: Iterable[Launch]) -> Iterator[Frame]:
        for launch in launches:
            self.ledger.add(launch)
            yield frame_of(launch)

    def _send_launches(self, items: Iterable[Frame]) -> None:
        remaining = iter(items)
        while batch := list(islice(remaining, _LAUNCHES_PER_FRAME)):
            self._send_batch(batch)

    def _send_batch(self, batch: list[Frame]) -> None:
        try:
            self.connection.send({"type": "LAUNCH", "launches": batch})
        except ProtocolError as error:
            # Too large, or no JSON: halving finds the launch that is to blame, and the others leave.
            if len(batch) > 1:
                middle = len(batch) // 2
                self._send_batch(batch[:middle])
                self._send_batch(batch[middle:])
            else:
                self._refuse(batch[0], f"executor_config cannot be sent to the pod launcher: {error}")

    def _refuse(self, item: Frame, reason: str) -> None:
        """Fail a launch that can never leave."""
        launch = self.ledger.get(item["id"])
        if launch is None:
            return
        log.error("%s, launch %s: %s", launch.key, launch.id, reason)
        self._log_task_event(launch, task_events.POD_FAILED, f"InvalidLaunch: {reason}")
        self.ledger.forget(launch)
        self.executor.fail(launch.key, info=reason)

    def revoke(self, key: Hashable, launch_id: str | None) -> None:
        """Forget a launch and have its pod deleted."""
        current = self.ledger.current(key)
        ids = {launch_id, current.id if current else None} - {None}
        for revoked in sorted(str(found) for found in ids):
            known = self.ledger.get(revoked)
            if known is not None:
                self._acks.settle(known.seqs)
                self.ledger.forget(known)
            self._revoked[revoked] = time.monotonic()
        self._revoked = _recent(self._revoked)
        if ids:
            self.connection.send({"type": "REVOKE", "launches": [{"id": revoked} for revoked in sorted(map(str, ids))]})

    # --- frames -------------------------------------------------------------------------------------------------

    def _take(self, item: Frame | Connected) -> None:
        if isinstance(item, Connected):
            self._hello, self._resynced, self._lease_sent = item, False, 0.0
            return
        kind = item["type"]
        if kind == "EVENT":
            self._take_event(item)
        elif kind == "WELCOME":
            self._take_welcome(item)
        elif kind == "RESYNCED":
            for entry in item.get("present", ()):
                self.ledger.mark_present(str(entry["id"]), int(entry["attempt"]))
            for entry in item.get("absent", ()):
                self.ledger.mark_absent(str(entry["id"]), int(entry["attempt"]))
        elif kind == "ADOPTED":
            for entry in item.get("adopted", ()):
                self.ledger.mark_present(str(entry["id"]), int(entry["attempt"]))
            for launch_id in item.get("absent", ()):
                self.ledger.mark_absent(str(launch_id))
        elif kind == "THROTTLED":
            log.warning("The cluster throttles creates in %s: %s", item.get("namespace"), item.get("reason"))
        elif kind == "ERROR":
            log.error("The pod launcher refuses a frame (%s): %s", item.get("code"), item.get("message"))

    def _take_welcome(self, frame: Frame) -> None:
        if self._hello is not None:
            boot_id = str(frame.get("bootId"))
            same_boot = boot_id == self._hello.boot_id
            self._acks.rebase(self._hello.acked_seq if same_boot else 0)
            self._boot_id, self._generation = boot_id, self._hello.generation
            self._hello, self._orphans, self._settled_next = None, [], []
            for launch in self.ledger:
                launch.seqs.clear()
            log.info("Connected to the pod launcher %s (boot %s)", frame.get("version"), boot_id)
        if frame.get("synced") and not self._resynced:
            self._resynced = True
            self._resync()

    def _resync(self) -> None:
        """Bring a launcher that may have lost frames, or all its memory, to what this executor believes."""
        self._revoked = _recent(self._revoked)
        if self._revoked:
            self.connection.send({"type": "REVOKE", "launches": [{"id": launch_id} for launch_id in self._revoked]})
        still_open = self.ledger.open()
        known = [{"id": launch.id, "attempt": launch.attempt} for launch in still_open if launch.resolved]
        unresolved = [{"id": launch.id} for launch in still_open if not launch.resolved]
        if known:
            self.connection.send({"type": "RESYNC", "request": self.connection.next_request(), "launches": known})
        if unresolved:
            self.connection.send({"type": "ADOPT", "request": self.connection.next_request(), "launches": unresolved})

    def _take_event(self, frame: Frame) -> None:
        try:
            event = Event.from_frame(frame)
        except ProtocolError as error:
            log.error("The pod launcher sent a bad event: %s", error)
            return
        if not self._acks.receive(event.seq):
            return
        launch = self.ledger.get(event.id)
        if launch is None:
            if event.terminal and event.id not in self._revoked:
                self._orphans.append(event)
            else:
                self._acks.settle([event.seq])
            return
        if self.ledger.record(event):
            if launch.end is event:
                self._note_end(launch, event)
            return
        self._acks.settle([event.seq])
        if event.attempt == launch.attempt:
            self._note_progress(launch, event)

    def _note_end(self, launch: Launch, event: Event) -> None:
        log.info("%s of %s, launch %s: %s", event.kind, launch.key, launch.id, event.describe())

    def _note_failure(self, launch: Launch) -> None:
        event = launch.end
        if event is not None and event.kind != protocol.SUCCEEDED:
            self._log_task_event(launch, task_events.POD_FAILED, event.explain())

    def _note_progress(self, launch: Launch, event: Event) -> None:
        if event.kind == protocol.PENDING:
            self._log_task_event(launch, task_events.POD_PENDING, event.describe())
        elif event.kind == protocol.RUNNING and launch.kind is Kind.CALLBACK:
            self.executor.running_state(launch.key)

    # --- looking at the database --------------------------------------------------------------------------------

    def _look(self, now: float) -> None:
        due = self.ledger.due(now)
        if not due:
            return
        rows = self._rows([launch for launch in due if launch.kind is Kind.TASK])
        resend: list[Frame] = []
        for launch in due:
            if launch.kind is Kind.TASK:
                verdict = rules.decide(launch, rows.get(launch.id), self.executor.job_id)
            else:
                verdict = rules.decide_workload(launch)
            if launch.looks == 0 and verdict.action not in _NO_FAILURE:
                self._note_failure(launch)
            launch.looks += 1
            if self._carry_out(launch, verdict, now):
                resend.append(frame_of(launch))
        self._send_launches(resend)

    def _rows(self, launches: list[Launch]) -> dict[str, Row]:
        """Return the rows of these launches' task instances, by launch id."""
        found: dict[str, Row] = {}
        if not launches:
            return found
        with compat.own_session() as session:
            for start in range(0, len(launches), _ROWS_PER_QUERY):
                part = launches[start : start + _ROWS_PER_QUERY]
                by_ti_id = {row.ti_id: row for row in compat.rows_by_ti_id(session, [each.ti_id for each in part])}
                found.update({each.id: by_ti_id[each.ti_id] for each in part if each.ti_id in by_ti_id})
                # Clearing a running task gives it another id at once, while it still waits for the end of this launch.
                rest = {each.id: each for each in part if each.id not in found}
                if rest:
                    for row in compat.unsettled_rows_by_launch_id(session, list(rest), rules.UNSETTLED_STATES):
                        found[str(row.launch_id)] = row
                        rest[str(row.launch_id)].ti_id = row.ti_id
        return found

    def _carry_out(self, launch: Launch, verdict: Verdict, now: float) -> bool:
        """Do what the verdict says. True if the launch is to be sent (again)."""
        action = verdict.action
        if action is Action.WAIT:
            launch.due = now + verdict.delay
        elif action is Action.SETTLE:
            self._release(launch)
            self._acks.settle(launch.seqs)
            self.ledger.forget(launch)
        elif action is Action.EMIT:
            self._emit(launch, verdict)
            self._settled_next.extend(launch.seqs)
            self.ledger.forget(launch)
        elif action is Action.EMIT_AND_CONFIRM:
            if launch.emitted:
                # Airflow did not take it; the other events must not wait for this one.
                self._acks.retain(launch.seqs)
                launch.seqs.clear()
            compat.end_abandoned(launch.key, launch.id)
            self._emit(launch, verdict)
            launch.due = now + verdict.delay
            launch.emitted = True
        elif action is Action.HAND_OVER:
            self._release(launch)
            self._acks.retain(launch.seqs)
            self.ledger.forget(launch)
        elif action is Action.LEAVE:
            log.warning("The pod of %s was not created in time; Airflow requeues it: %s", launch.key, verdict.reason)
            self._log_task_event(launch, task_events.POD_NOT_CREATED, verdict.reason)
            self._acks.settle(launch.seqs)
            launch.seqs.clear()
            self.ledger.reopen(launch)
            launch.frame = None
        elif action is Action.RELAUNCH:
            return self._relaunch(launch, verdict)
        elif action is Action.RESEND:
            return self._resend(launch)
        return False

    def _relaunch(self, launch: Launch, verdict: Verdict) -> bool:
        log.warning("Launching %s again, its pod failed before the task started: %s", launch.key, verdict.reason)
        self._log_task_event(launch, task_events.POD_RELAUNCHED, launch.end.explain() if launch.end else verdict.reason)
        self._settled_next.extend(launch.seqs)
        launch.seqs.clear()
        self.ledger.next_attempt(launch)
        return self._refresh(launch)

    def _resend(self, launch: Launch) -> bool:
        log.info("Launching %s again: the launcher knows no pod of it", launch.key)
        self.ledger.reopen(launch)
        return self._refresh(launch)

    def _refresh(self, launch: Launch) -> bool:
        """See that the launch has a frame that may still be used. False: there is none, so Airflow has to requeue."""
        if launch.kind is Kind.TASK and expired(launch, time.time()):
            try:
                with compat.own_session() as session:
                    workload = compat.make_workload(session, launch.ti_id, self.executor)
                if workload is None:
                    return False
                launch.frame = make_launch(workload, time.time()).frame
            except (LaunchError, SQLAlchemyError) as error:
                log.warning("Cannot launch %s again, Airflow will requeue it: %s", launch.key, error)
                return False
        return launch.frame is not None

    def _look_at_orphans(self) -> None:
        """Events of launches nobody here knows: their scheduler has gone, or they are superseded or settled."""
        if not self._orphans:
            return
        ids = [event.id for event in self._orphans]
        with compat.own_session() as session:
            found = compat.unsettled_rows_by_launch_id(session, ids, rules.UNSETTLED_STATES)
            callbacks = compat.unsettled_callbacks(session, ids)
        rows = {row.launch_id: row for row in found}
        orphans, self._orphans = self._orphans, []
        for event in orphans:
            row = rows.get(event.id)
            if event.id in callbacks:
                launch = Launch(key=callbacks[event.id], id=event.id, kind=Kind.CALLBACK)
            elif row is not None and row.job_id == self.executor.job_id:
                launch = Launch(key=row.key, id=event.id, ti_id=row.ti_id, try_number=row.try_number)
            else:
                (self._acks.settle if row is None else self._acks.retain)([event.seq])
                continue
            launch.attempt = event.attempt
            self.ledger.add(launch)
            self.ledger.record(event)

    # --- Airflow ------------------------------------------------------------------------------------------------

    def _emit(self, launch: Launch, verdict: Verdict) -> None:
        """Put the outcome into the event buffer, unless one that Airflow has not read yet stands there."""
        assert verdict.state is not None
        unexplained = launch.end is None or launch.end.kind == protocol.SUCCEEDED
        if unexplained and verdict.reason and not launch.emitted:
            self._log_task_event(launch, task_events.POD_FAILED, verdict.reason)
        waiting = self.executor.event_buffer.get(launch.key)
        if waiting is not None and str(waiting[0]) in (rules.SUCCESS, rules.FAILED):
            self._release(launch)
            return
        state = compat.outcome(launch.key, verdict.state)
        self.executor.change_state(launch.key, state, verdict.reason, remove_running=self.ledger.is_current(launch))

    def _release(self, launch: Launch) -> None:
        """Give the slot back, unless a later launch of the same key holds it."""
        if self.ledger.is_current(launch):
            self.executor.running.discard(launch.key)

    def _log_task_event(self, launch: Launch, event: str, extra: str | None) -> None:
        if launch.kind is Kind.TASK:
            self.executor.log_task_event(event=event, extra=extra or "", ti_key=launch.key)


def _recent(ids: dict[str, float]) -> dict[str, float]:
    """What was revoked or withdrawn is repeated for a while only."""
    horizon = time.monotonic() - _REVOCATION_MEMORY_SECONDS
    return {launch_id: at for launch_id, at in ids.items() if at > horizon}
