"""A launcher's end of the socket that says exactly what a test wants said."""

from __future__ import annotations

import itertools
import socket
import threading
import time
from pathlib import Path
from typing import Any

from airflow_pod_launcher.protocol import Decoder, Frame, encode

DEADLINE_SECONDS = 10.0


class Peer:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._changed = threading.Condition()
        self._seqs = itertools.count(1)
        self._connection: socket.socket | None = None
        self.received: list[Frame] = []
        """Frames of the present connection."""
        self.connections = 0
        self._server: socket.socket | None = None
        self.listen()

    def listen(self) -> None:
        self._path.unlink(missing_ok=True)
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        server.bind(str(self._path))
        server.listen()
        self._server = server
        threading.Thread(target=self._accept, args=(server,), daemon=True).start()

    def _accept(self, server: socket.socket) -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with self._changed:
                self._connection = connection
                self.connections += 1
                self.received.clear()
                self._changed.notify_all()
            threading.Thread(target=self._read, args=(connection,), daemon=True).start()

    def _read(self, connection: socket.socket) -> None:
        decoder = Decoder()
        while True:
            try:
                chunk = connection.recv(65536)
            except OSError:
                return
            if not chunk:
                return
            with self._changed:
                if connection is not self._connection:
                    return
                self.received += decoder.feed(chunk)
                self._changed.notify_all()

    def expect(self, kind: str, **fields: Any) -> Frame:
        """Wait for a frame of this type with these fields and take it out of what was received."""

        def found() -> Frame | None:
            return next(
                (f for f in self.received if f["type"] == kind and all(f.get(k) == v for k, v in fields.items())), None
            )

        with self._changed:
            assert self._changed.wait_for(found, DEADLINE_SECONDS), f"no {kind} {fields}, only {self.received}"
            frame = found()
            assert frame is not None
            self.received.remove(frame)
            return frame

    def types(self) -> list[str]:
        with self._changed:
            return [frame["type"] for frame in self.received]

    def frames(self, kind: str) -> list[Frame]:
        with self._changed:
            return [frame for frame in self.received if frame["type"] == kind]

    def send(self, frame: Frame) -> None:
        assert self._connection is not None
        self._connection.sendall(encode(frame))

    def send_bytes(self, data: bytes) -> None:
        assert self._connection is not None
        self._connection.sendall(data)

    def welcome(self, boot_id: str = "boot-1", synced: bool = True) -> Frame:
        """Answer the next HELLO, and return it."""
        hello = self.expect("HELLO")
        self.send({"type": "WELCOME", "protocol": 1, "bootId": boot_id, "synced": synced, "version": "test"})
        return hello

    def event(self, launch_id: str, kind: str, attempt: int = 1, seq: int | None = None, **fields: Any) -> int:
        number = next(self._seqs) if seq is None else seq
        frame = {"type": "EVENT", "seq": number, "id": launch_id, "attempt": attempt, "kind": kind, "at": 0}
        self.send(
            {**frame, "podName": f"pod-{attempt}", "namespace": "tasks", "podUid": "u", "orphan": False, **fields}
        )
        return number

    def restart_numbering(self) -> None:
        self._seqs = itertools.count(1)

    def hang_up(self) -> None:
        """Close the connection, as a launcher that dies does."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._path.unlink(missing_ok=True)
            self._server = None
        self.hang_up()


def eventually(condition: Any, what: str = "the condition", seconds: float = DEADLINE_SECONDS) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come true"
        threading.Event().wait(0.01)
