"""One run: a child process of the runtime, such as `pod-launcher run-pod`, and what it tells (docs/operators.md)."""

from __future__ import annotations

import json
import logging
import queue
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from airflow_pod_launcher import runtime

log = logging.getLogger(__name__)

PROTOCOL = 1

KILL_SECONDS = 4.0
"""So long `kill` waits for the deletion of the pod: 5 s after its SIGTERM Airflow kills a task."""

_MAX_EVENTS = 10_000
"""Events that wait for their reader; above it the child holds the log back."""

_LOOK_SECONDS = 0.2


class Run:
    """Starts the child with a request. Its events are read in a thread, so that a signal can interrupt their reader.

    When this process dies, however it dies, the child leaves what it runs and ends.

    :param request: what to run (docs/operators.md)
    :param command: of the runtime
    :param env: environment of the child. Default: this process's

    Raises FileNotFoundError when Node or the bundle is missing.
    """

    def __init__(
        self, request: Mapping[str, Any], command: str = "run-pod", env: Mapping[str, str] | None = None
    ) -> None:
        self._events: queue.Queue[dict[str, Any] | None] = queue.Queue(_MAX_EVENTS)
        self._killed = False
        self._child = subprocess.Popen(
            [*runtime.command(), command, "--json", "--attached"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=None if env is None else dict(env),
            # A signal to the process group is for the task to interpret, not for the child.
            start_new_session=True,
        )
        assert self._child.stdin is not None
        try:
            # It stays open: its end tells the child that nobody listens any more.
            self._child.stdin.write(json.dumps(request).encode() + b"\n")
            self._child.stdin.flush()
        except BrokenPipeError:
            # What the child says of its end is more to the point.
            log.debug("The runtime ended before it had read the request")
        threading.Thread(target=self._read, name="pod-launcher-run", daemon=True).start()

    def events(self) -> Iterator[dict[str, Any]]:
        """Yield what the child tells, until it ends."""
        while True:
            try:
                event = self._events.get(timeout=_LOOK_SECONDS * 5)
            except queue.Empty:
                continue
            if event is None:
                # For whoever asks again.
                self._events.put(None)
                return
            yield event

    def told(self) -> tuple[list[dict[str, Any]], bool]:
        """Return what the child has told since the last look, and whether it has ended. Does not wait."""
        found: list[dict[str, Any]] = []
        while True:
            try:
                event = self._events.get_nowait()
            except queue.Empty:
                return found, False
            if event is None:
                self._events.put(None)
                return found, True
            found.append(event)

    def kill(self, wait: float = KILL_SECONDS) -> bool:
        """End the run and, if the request says so, the pod. May be called in a signal handler, and repeatedly.

        :param wait: seconds to wait for the child, which ends when the API server has taken the deletion

        Returns whether the child has ended. If it has not, it goes on trying by itself.
        """
        self._killed = True
        if self._child.poll() is None:
            self._child.send_signal(signal.SIGTERM)
            try:
                self._child.wait(wait)
            except subprocess.TimeoutExpired:
                return False
        return True

    def detach(self) -> None:
        """Leave the pod running and end the child."""
        assert self._child.stdin is not None
        try:
            self._child.stdin.close()
        except BrokenPipeError:
            log.debug("The runtime has ended before")

    @property
    def killed(self) -> bool:
        """Has `kill` been called?"""
        return self._killed

    def exit_code(self) -> int:
        """Wait for the child's end and return its exit code."""
        return self._child.wait()

    def _read(self) -> None:
        assert self._child.stdout is not None
        for line in self._child.stdout:
            try:
                event = json.loads(line)
            except ValueError:
                log.warning("Not understood of the runtime: %s", line[:200].decode("utf-8", "replace"))
                continue
            self._put(event)
        self._child.stdout.close()
        self._child.wait()
        self._put(None)

    def _put(self, event: dict[str, Any] | None) -> None:
        while True:
            # Who was told to end reads no log: nothing may wait for it.
            if self._killed and event is not None and event.get("type") == "log":
                return
            try:
                self._events.put(event, timeout=_LOOK_SECONDS)
                return
            except queue.Full:
                continue
