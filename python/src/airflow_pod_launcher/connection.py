"""The executor's end of the launcher's Unix socket: one background thread that connects, reads, writes and reconnects.

Nothing here blocks its callers but `request` (bounded) and `stop` (bounded): frames are queued, the thread moves them.
"""

from __future__ import annotations

import contextlib
import logging
import selectors
import socket
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Any

from airflow_pod_launcher._contract import PROTOCOL_VERSION
from airflow_pod_launcher.protocol import Decoder, Frame, ProtocolError, encode

log = logging.getLogger(__name__)

FIRST_BACKOFF_SECONDS = 0.1
MAX_BACKOFF_SECONDS = 5.0
_CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True)
class Connected:
    """Stands in the inbox before the frames of a new connection."""

    generation: int
    """Number of the connection, from 1."""
    boot_id: str | None
    """The boot that HELLO named."""
    acked_seq: int
    """The seq that HELLO acknowledged."""


class Connection:
    """A connection to the launcher that comes back by itself.

    :param path: the Unix socket
    :param deployment: value of the deployment label, as the launcher's policy has it
    :param job_id: id of the scheduler job
    """

    def __init__(
        self,
        path: str,
        deployment: str,
        job_id: str,
    ) -> None:
        self._path = path
        self._deployment = deployment
        self._job_id = job_id
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._inbox: deque[Frame | Connected] = deque()
        self._outbox: deque[bytes] = deque()
        self._replies: dict[int, Frame | None] = {}
        self._last_request = 0
        self._connected = False
        self._generation = 0
        self._synced = False
        self._boot_id: str | None = None
        self._acked_seq = 0
        self._stopping = False
        self._wake_reader, self._wake_writer = socket.socketpair()
        for end in (self._wake_reader, self._wake_writer):
            end.setblocking(False)
        self._thread: threading.Thread | None = None

    # --- called by the scheduler's loop -------------------------------------------------------------------------

    def start(self) -> None:
        """Start the thread."""
        self._thread = threading.Thread(target=self._run, name="pod-launcher-connection", daemon=True)
        self._thread.start()

    def stop(self, flush_seconds: float = 0.0) -> None:
        """Close the connection, after what is queued was written or `flush_seconds` have passed."""
        deadline = time.monotonic() + flush_seconds
        with self._changed:
            while self._connected and self._outbox and time.monotonic() < deadline:
                self._changed.wait(deadline - time.monotonic())
            self._stopping = True
            self._changed.notify_all()
        self._wake()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout=1.0)

    @property
    def connected(self) -> bool:
        """Whether frames can be sent."""
        return self._connected

    @property
    def ready(self) -> bool:
        """Whether the launcher is there and has listed the pods."""
        return self._connected and self._synced

    def resume_from(self, boot_id: str | None, acked_seq: int) -> None:
        """Say what HELLO should name after the next reconnect."""
        with self._lock:
            self._boot_id, self._acked_seq = boot_id, acked_seq

    def send(self, frame: Frame, generation: int | None = None) -> bool:
        """Queue a frame. False, and nothing queued, while there is no connection: RESYNC repairs that later.

        :param generation: only over this connection. The next one may be to a launcher that has started over, for
            which the numbers of its events mean something else.
        """
        data = encode(frame)
        with self._lock:
            if not self._connected or generation not in (None, self._generation):
                return False
            self._outbox.append(data)
        self._wake()
        return True

    def drain(self) -> list[Frame | Connected]:
        """Return what has arrived since the last call."""
        with self._lock:
            arrived = list(self._inbox)
            self._inbox.clear()
        return arrived

    def next_request(self) -> int:
        """Return a new number for the `request` field."""
        with self._lock:
            self._last_request += 1
            return self._last_request

    def request(self, frame: Frame, timeout: float) -> Frame | None:
        """Send a frame with a `request` number and wait for its answer, which then does not reach the inbox.

        None if the launcher was not there or did not answer in `timeout` seconds; a later answer reaches the inbox.
        """
        number = int(frame["request"])
        deadline = time.monotonic() + timeout
        data = encode(frame)
        with self._changed:
            while not self._connected:
                if self._stopping or not self._wait(deadline):
                    return None
            self._replies[number] = None
            self._outbox.append(data)
            self._wake()
            try:
                while self._replies[number] is None:
                    if self._stopping or not self._connected or not self._wait(deadline):
                        break
                return self._replies[number]
            finally:
                del self._replies[number]

    def _wait(self, deadline: float) -> bool:
        remaining = deadline - time.monotonic()
        return remaining > 0 and self._changed.wait(remaining)

    def _wake(self) -> None:
        # An error means that a byte is waiting already, or that the thread has gone.
        with contextlib.suppress(OSError):
            self._wake_writer.send(b"\0")

    # --- the thread ---------------------------------------------------------------------------------------------

    def _run(self) -> None:
        backoff = FIRST_BACKOFF_SECONDS
        while not self._stopping:
            welcomed = False
            peer = self._connect()
            if peer is not None:
                try:
                    welcomed = self._serve(peer)
                except (OSError, ProtocolError) as error:
                    log.warning("Lost the pod launcher at %s: %s", self._path, error)
                finally:
                    peer.close()
                    with self._changed:
                        self._connected = self._synced = False
                        self._outbox.clear()
                        self._changed.notify_all()
            backoff = FIRST_BACKOFF_SECONDS if welcomed else min(backoff * 2, MAX_BACKOFF_SECONDS)
            with self._changed:
                if not self._stopping:
                    self._changed.wait_for(lambda: self._stopping, backoff)
        self._wake_reader.close()
        self._wake_writer.close()

    def _connect(self) -> socket.socket | None:
        peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            peer.settimeout(MAX_BACKOFF_SECONDS)
            peer.connect(self._path)
        except OSError as error:
            peer.close()
            log.debug("The pod launcher is not at %s: %s", self._path, error)
            return None
        peer.setblocking(False)
        with self._changed:
            hello = {
                "type": "HELLO",
                "protocol": PROTOCOL_VERSION,
                "deployment": self._deployment,
                "jobId": self._job_id,
                "bootId": self._boot_id,
                "ackedSeq": self._acked_seq,
            }
            self._outbox.clear()
            self._outbox.append(encode(hello))
            self._generation += 1
            self._inbox.append(Connected(self._generation, self._boot_id, self._acked_seq))
            self._connected = True
            self._changed.notify_all()
        return peer

    def _serve(self, peer: socket.socket) -> bool:
        """Move frames until the peer closes or `stop`. True if the launcher welcomed us."""
        decoder = Decoder()
        unsent = memoryview(b"")
        welcomed = False
        with selectors.DefaultSelector() as selector:
            selector.register(self._wake_reader, selectors.EVENT_READ)
            selector.register(peer, selectors.EVENT_READ)
            while not self._stopping:
                unsent = self._write(peer, unsent)
                selector.modify(peer, selectors.EVENT_READ | (selectors.EVENT_WRITE if unsent else 0))
                for key, events in selector.select():
                    if key.fileobj is self._wake_reader:
                        self._drain_wakes()
                    elif events & selectors.EVENT_READ:
                        chunk = peer.recv(_CHUNK_BYTES)
                        if not chunk:
                            log.info("The pod launcher closed the connection")
                            return welcomed
                        for frame in decoder.feed(chunk):
                            welcomed = self._take(frame) or welcomed
        return welcomed

    def _write(self, peer: socket.socket, unsent: memoryview) -> memoryview:
        while True:
            if not unsent:
                with self._changed:
                    if not self._outbox:
                        self._changed.notify_all()
                        return unsent
                    unsent = memoryview(self._outbox.popleft())
            try:
                unsent = unsent[peer.send(unsent) :]
            except BlockingIOError:
                return unsent

    def _drain_wakes(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._wake_reader.recv(4096):
                pass

    def _take(self, frame: Frame) -> bool:
        """Put a frame where it belongs. True if it is a WELCOME."""
        kind: Any = frame["type"]
        with self._changed:
            if kind == "WELCOME":
                self._synced = bool(frame.get("synced"))
            if kind in ("ADOPTED", "RESYNCED") and frame.get("request") in self._replies:
                self._replies[int(frame["request"])] = frame
            else:
                self._inbox.append(frame)
            self._changed.notify_all()
        return bool(kind == "WELCOME")
