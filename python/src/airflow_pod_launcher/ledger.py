"""What the executor believes about its launches, and what follows from what it sees. No I/O, no clock, no Airflow.

The executor feeds events and database rows in and carries the verdicts out. The rules are the shim's in the design:
the database says how a task ended; a pod's end only says when to look.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from airflow_pod_launcher import protocol
from airflow_pod_launcher.protocol import Event

SECOND_LOOK_SECONDS = 5.0
"""A pod that succeeded while the database still says RUNNING gets this long before the task is failed."""

UNSETTLED_LOOK_SECONDS = 30.0
"""Airflow drops events of rows that are locked (FOR UPDATE SKIP LOCKED): an emitted one is repeated after this."""

MAX_RELAUNCHES = 1
"""How often a launch whose task process never started is launched again before the task is failed."""

FINAL_REASONS = frozenset(
    {
        "CreateContainerConfigError",
        "CreateContainerError",
        "ErrImageNeverPull",
        "InvalidImageName",
        "PendingTimeout",
        "Unschedulable",
    }
)
"""Another pod would fail in the same way: the launcher has waited out the policy's `pendingTimeoutSeconds` already. An
image that could not be pulled is not among them: another node, or a registry that is back, may have it."""

NOT_AFTER = "NotAfter"
"""Reason of a CREATE_FAILED whose `notAfter` passed. Airflow's own check for tasks stuck in queued requeues the task
then, so that no retry burns."""

DISRUPTIONS = frozenset({"Evicted", "Preempted", "Preempting", "NodeLost", "NodeShutdown", "Shutdown", "Terminated",
                         "TerminationByKubelet", "NodeAffinity", "UnexpectedAdmissionError", "Deleted"})  # fmt: skip
"""Reasons that lie with the cluster: worth another pod even if the container ran, as long as the task did not."""

QUEUED = "queued"
RUNNING = "running"
RESTARTING = "restarting"
SUCCESS = "success"
FAILED = "failed"

UNSETTLED_STATES = frozenset({QUEUED, RUNNING, RESTARTING})


class Kind(Enum):
    """What a launch runs."""

    TASK = "task"
    CALLBACK = "callback"
    CONNECTION_TEST = "connection test"


@dataclass(frozen=True)
class Row:
    """What the database has of a task instance."""

    ti_id: str
    key: Hashable
    state: str | None
    launch_id: str | None
    try_number: int
    job_id: int | None


@dataclass
class Claims:
    """What the database says about tasks that are about to be launched."""

    rows: list[Row] = field(default_factory=list)
    busy: set[str] = field(default_factory=set)
    """Ids of task instances that somebody else has locked: to be asked about again."""


@dataclass
class Launch:
    """One launch that this executor believes in."""

    key: Hashable
    id: str
    kind: Kind = Kind.TASK
    ti_id: str = ""
    try_number: int = 0
    attempt: int = 1
    frame: dict[str, Any] | None = None
    """Item of a LAUNCH frame for sending it again; None when it was adopted."""
    resolved: bool = True
    """False: taken over while the launcher was away, so nobody has asked yet whether its pod exists."""
    created: bool = False
    """The launcher said that the pod of this attempt exists."""
    absent: bool = False
    """The launcher said that it knows no such pod."""
    end: Event | None = None
    seqs: list[int] = field(default_factory=list)
    """Reports of the end that are not acknowledged yet."""
    due: float = 0.0
    """Monotonic time of the next look at the database, once it has ended."""
    looks: int = 0
    emitted: bool = False


class Action(Enum):
    """What to do about a launch that ended or is absent."""

    SETTLE = "settle"
    """Airflow needs nothing (any more): acknowledge and forget."""
    EMIT = "emit"
    """Emit `state`; acknowledge in the next sync."""
    EMIT_AND_CONFIRM = "emit and confirm"
    """Emit `state`; acknowledge once the database shows that Airflow took it."""
    WAIT = "wait"
    """Look again after `delay`."""
    RELAUNCH = "relaunch"
    """Launch again as the next attempt."""
    RESEND = "resend"
    """Launch again as the same attempt: its pod does not exist."""
    HAND_OVER = "hand over"
    """It belongs to another scheduler by now: retain the pod and forget."""
    LEAVE = "leave"
    """Acknowledge the event; Airflow requeues the task by itself and revokes the launch."""


@dataclass(frozen=True)
class Verdict:
    """An action and its arguments."""

    action: Action
    state: str | None = None
    reason: str | None = None
    delay: float = 0.0


def decide(launch: Launch, row: Row | None, job_id: int | None) -> Verdict:
    """Decide on a launch of a task that ended or that the launcher calls absent, given its row."""
    event = launch.end
    if row is None or row.try_number != launch.try_number or row.launch_id not in (None, launch.id):
        return Verdict(Action.SETTLE)
    if row.state not in UNSETTLED_STATES:
        if event is not None and not launch.emitted and row.state in (SUCCESS, FAILED):
            return Verdict(Action.EMIT, row.state, event.describe() if row.state == FAILED else None)
        return Verdict(Action.SETTLE)
    if row.job_id != job_id:
        return Verdict(Action.HAND_OVER)
    if event is None:
        return _decide_absent(launch, row)
    if launch.emitted:
        return Verdict(Action.EMIT_AND_CONFIRM, FAILED, event.describe(), UNSETTLED_LOOK_SECONDS)
    if event.kind == protocol.SUCCEEDED:
        return _decide_succeeded(launch, row)
    return _decide_failed(launch, row, event)


def _decide_absent(launch: Launch, row: Row) -> Verdict:
    if row.state == QUEUED:
        return Verdict(Action.RESEND)
    delay = UNSETTLED_LOOK_SECONDS if launch.emitted else 0.0
    return Verdict(Action.EMIT_AND_CONFIRM, FAILED, "the pod is gone: it was deleted while nobody watched it", delay)


def _decide_succeeded(launch: Launch, row: Row) -> Verdict:
    if row.state == RESTARTING:
        return Verdict(Action.EMIT_AND_CONFIRM, SUCCESS)
    if launch.looks == 0:
        return Verdict(Action.WAIT, delay=SECOND_LOOK_SECONDS)
    assert launch.end is not None
    return Verdict(
        Action.EMIT_AND_CONFIRM,
        FAILED,
        f"{launch.end.describe()}, but the task instance was still {row.state}: the worker never reported its end",
    )


def _decide_failed(launch: Launch, row: Row, event: Event) -> Verdict:
    if row.state == QUEUED:
        if event.kind == protocol.CREATE_FAILED and event.reason == NOT_AFTER:
            return Verdict(Action.LEAVE, reason=event.describe())
        if relaunchable(event) and launch.attempt <= MAX_RELAUNCHES:
            return Verdict(Action.RELAUNCH, reason=event.describe())
    return Verdict(Action.EMIT_AND_CONFIRM, FAILED, event.describe())


def relaunchable(event: Event) -> bool:
    """Whether another pod may do better: the task's process never ran, and the cause is not in the pod itself."""
    if event.kind == protocol.CREATE_FAILED or event.reason in FINAL_REASONS:
        return False
    return event.kind == protocol.LOST or not event.started or event.reason in DISRUPTIONS


def decide_workload(launch: Launch) -> Verdict:
    """Decide on a callback or connection test that ended or is absent: its exit code is its outcome."""
    event = launch.end
    if launch.emitted:
        return Verdict(Action.SETTLE)
    if event is None:
        return Verdict(Action.RESEND) if launch.frame else Verdict(Action.EMIT, FAILED, "the pod is gone")
    if event.kind == protocol.SUCCEEDED:
        return Verdict(Action.EMIT, SUCCESS)
    if not event.started and relaunchable(event) and launch.attempt <= MAX_RELAUNCHES and launch.frame:
        return Verdict(Action.RELAUNCH, reason=event.describe())
    return Verdict(Action.EMIT, FAILED, event.describe())


def may_create(launch: Launch, row: Row | None, job_id: int | None) -> bool:
    """Whether a pod of this launch may still be made, given its row: another scheduler may have taken it over."""
    return (
        row is not None
        and row.state in UNSETTLED_STATES
        and row.try_number == launch.try_number
        and row.launch_id in (None, launch.id)
        and row.job_id == job_id
    )


class Ledger:
    """Launches by id and by key. A key has one current launch; superseded ones stay until their pods have ended."""

    def __init__(self) -> None:
        self._by_id: dict[str, Launch] = {}
        self._by_key: dict[Hashable, str] = {}
        self._to_look_at: set[str] = set()

    def __len__(self) -> int:
        return len(self._by_id)

    def __contains__(self, launch_id: object) -> bool:
        return launch_id in self._by_id

    def __iter__(self) -> Iterator[Launch]:
        return iter(list(self._by_id.values()))

    def get(self, launch_id: str) -> Launch | None:
        """Return the launch, if it is known."""
        return self._by_id.get(launch_id)

    def current(self, key: Hashable) -> Launch | None:
        """Return the launch that stands for the key now."""
        launch_id = self._by_key.get(key)
        return None if launch_id is None else self._by_id.get(launch_id)

    def is_current(self, launch: Launch) -> bool:
        """Whether no later launch has taken the key."""
        return self._by_key.get(launch.key) == launch.id

    def add(self, launch: Launch) -> None:
        """Believe in a launch; it becomes its key's current one."""
        self._by_id[launch.id] = launch
        self._by_key[launch.key] = launch.id
        if launch.end is not None or launch.absent:
            self._to_look_at.add(launch.id)

    def forget(self, launch: Launch) -> None:
        """Drop a launch."""
        self._by_id.pop(launch.id, None)
        self._to_look_at.discard(launch.id)
        if self._by_key.get(launch.key) == launch.id:
            del self._by_key[launch.key]

    def record(self, event: Event) -> bool:
        """Take in an event of a known launch. True if its seq has to wait until the launch is settled."""
        launch = self._by_id[event.id]
        if event.attempt < launch.attempt:
            return False
        self.mark_present(event.id, event.attempt)
        if not event.terminal:
            launch.created = True
            return False
        if launch.end is None:
            launch.end = event
            launch.due = 0.0
        elif launch.emitted:
            launch.due = 0.0  # Told again: most likely Airflow has taken it by now.
        launch.seqs.append(event.seq)
        self._to_look_at.add(launch.id)
        return True

    def mark_present(self, launch_id: str, attempt: int) -> None:
        """The launcher knows this launch."""
        launch = self._by_id.get(launch_id)
        if launch is None:
            return
        launch.resolved = True
        launch.attempt = max(launch.attempt, attempt)
        if launch.absent:
            launch.absent = False
            self._to_look_at.discard(launch_id)

    def mark_absent(self, launch_id: str, attempt: int | None = None) -> None:
        """The launcher knows no pod of this launch. An answer about an earlier attempt says nothing."""
        launch = self._by_id.get(launch_id)
        if launch is None or launch.end is not None or (attempt is not None and attempt != launch.attempt):
            return
        launch.resolved = True
        launch.absent = True
        launch.due = 0.0
        self._to_look_at.add(launch_id)

    def next_attempt(self, launch: Launch) -> None:
        """Start over with the next attempt."""
        launch.attempt += 1
        self.reopen(launch)

    def reopen(self, launch: Launch) -> None:
        """Nothing has ended any more: the launch goes out (again)."""
        launch.end, launch.absent, launch.created, launch.looks, launch.due = None, False, False, 0, 0.0
        self._to_look_at.discard(launch.id)

    def due(self, now: float) -> list[Launch]:
        """Launches that ended or are absent and whose time for a look has come."""
        return [launch for launch in (self._by_id[i] for i in self._to_look_at) if launch.due <= now]

    def open(self) -> list[Launch]:
        """Launches that have not ended."""
        return [launch for launch in self._by_id.values() if launch.end is None]


class AckTracker:
    """Which events of one boot of the launcher are settled. ACK is cumulative: an unsettled one holds back the rest."""

    def __init__(self) -> None:
        self.acked = 0
        self._seen = 0
        self._pending: set[int] = set()
        self._retain: set[int] = set()
        self._retained: list[int] = []

    def receive(self, seq: int) -> bool:
        """Take note of an event. False if it was seen before on this connection."""
        if seq <= self._seen:
            return False
        self._seen = seq
        self._pending.add(seq)
        return True

    def settle(self, seqs: Iterable[int]) -> None:
        """These need no further thought."""
        self._pending.difference_update(seqs)

    def retain(self, seqs: Iterable[int]) -> None:
        """These are not settled, but must not hold back the others; the launcher reports them again."""
        for seq in seqs:
            if seq in self._pending:
                self._pending.discard(seq)
                self._retain.add(seq)

    def take(self) -> tuple[list[int], int | None]:
        """Return the seqs to RETAIN now and the seq to ACK now (None: nothing new)."""
        ack = min(self._pending) - 1 if self._pending else self._seen
        if ack <= self.acked:
            return [], None
        retain = sorted(seq for seq in self._retain if seq <= ack)
        self._retain.difference_update(retain)
        self._retained = [*self._retained, *retain][-1000:]
        self.acked = ack
        return retain, ack

    def resume_from(self) -> int:
        """The seq for HELLO: below everything retained, since a RETAIN may be lost with the connection it went over."""
        return min([self.acked, *(seq - 1 for seq in self._retained)])

    def rebase(self, acked: int) -> None:
        """Start over after a reconnect: everything above `acked` is reported again."""
        self.acked = self._seen = acked
        self._pending.clear()
        self._retain.clear()
        self._retained = []
