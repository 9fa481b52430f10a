"""Frames between the executor and the launcher, as docs/protocol.md defines them: codec and events."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from airflow_pod_launcher.reasons import phrase

Frame = dict[str, Any]

MAX_FRAME_BYTES = 64 * 1024 * 1024

_LENGTH = struct.Struct(">I")

SUCCEEDED = "SUCCEEDED"
FAILED = "FAILED"
LOST = "LOST"
CREATE_FAILED = "CREATE_FAILED"
CREATED = "CREATED"
PENDING = "PENDING"
RUNNING = "RUNNING"

TERMINAL_KINDS = frozenset({SUCCEEDED, FAILED, LOST, CREATE_FAILED})


class ProtocolError(Exception):
    """The peer sent what is no frame; the connection cannot go on."""


def encode(frame: Frame) -> bytes:
    """Return the frame as it goes over the socket.

    Raises ProtocolError when it is larger than a frame may be, or holds what JSON cannot.
    """
    try:
        # NaN and Infinity are no JSON: the launcher would refuse the whole frame, and all launches in it.
        text = json.dumps(frame, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise ProtocolError(f"{frame.get('type')}: not JSON: {error}") from error
    body = text.encode("utf-8", "replace")
    if len(body) > MAX_FRAME_BYTES:
        raise ProtocolError(
            f"{frame.get('type')}: {len(body)} bytes are more than a frame may have ({MAX_FRAME_BYTES})"
        )
    return _LENGTH.pack(len(body)) + body


class Decoder:
    """Cuts a byte stream into frames, however it was chunked."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, chunk: bytes) -> list[Frame]:
        """Return the frames that `chunk` completes."""
        self._buffer += chunk
        frames: list[Frame] = []
        start = 0
        while len(self._buffer) - start >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer, start)
            if length > MAX_FRAME_BYTES:
                raise ProtocolError(f"a frame of {length} bytes is more than {MAX_FRAME_BYTES}")
            end = start + _LENGTH.size + length
            if len(self._buffer) < end:
                break
            frames.append(_parse(bytes(self._buffer[start + _LENGTH.size : end])))
            start = end
        del self._buffer[:start]
        return frames


def _parse(body: bytes) -> Frame:
    try:
        frame = json.loads(body)
    except ValueError as error:
        raise ProtocolError(f"a frame is not JSON: {error}") from error
    if not isinstance(frame, dict) or not isinstance(frame.get("type"), str):
        raise ProtocolError("a frame is not an object with a `type`")
    return frame


@dataclass(frozen=True)
class Event:
    """What happened to one launch; the fields of an EVENT frame."""

    seq: int
    id: str
    attempt: int
    kind: str
    orphan: bool = False
    started: bool = False
    pod_name: str | None = None
    namespace: str | None = None
    node: str | None = None
    exit_code: int | None = None
    reason: str | None = None
    message: str | None = None
    output: str | None = None
    pod_events: tuple[str, ...] = ()

    @classmethod
    def from_frame(cls, frame: Frame) -> Event:
        """Read an EVENT frame; unknown fields are ignored."""
        try:
            return cls(
                seq=int(frame["seq"]),
                id=str(frame["id"]),
                attempt=int(frame["attempt"]),
                kind=str(frame["kind"]),
                orphan=bool(frame.get("orphan", False)),
                started=bool(frame.get("started", False)),
                pod_name=frame.get("podName"),
                namespace=frame.get("namespace"),
                node=frame.get("node"),
                exit_code=frame.get("exitCode"),
                reason=frame.get("reason"),
                message=frame.get("message"),
                output=frame.get("output"),
                pod_events=tuple(map(str, frame.get("podEvents") or ())),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ProtocolError(f"an EVENT lacks or garbles {error}") from error

    @property
    def terminal(self) -> bool:
        """Whether nothing follows for this attempt."""
        return self.kind in TERMINAL_KINDS

    def describe(self) -> str:
        """Say for people what ended the pod: `OOMKilled, exit 137 (pod airflow/x on node0): message`."""
        cause, message = phrase(self.reason, self.message, self.exit_code)
        cause = cause or _UNEXPLAINED.get(self.kind, self.kind)
        where = []
        if self.pod_name:
            where.append(f"pod {self.namespace}/{self.pod_name}" if self.namespace else f"pod {self.pod_name}")
        if self.node:
            where.append(f"on {self.node}")
        text = f"{cause} ({' '.join(where)})" if where else cause
        return f"{text}: {message}" if message else text

    def explain(self) -> str:
        """Say all that is known: `describe`, the last lines of the pod's output, its events."""
        parts = [self.describe()]
        if self.output:
            parts += ["Last output of the pod:", *_indented(self.output.splitlines())]
        if self.pod_events:
            parts += ["Events of the pod:", *_indented(self.pod_events)]
        return "\n".join(parts)


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"  {line}" for line in lines]


_UNEXPLAINED = {
    SUCCEEDED: "the pod ended without an error",
    FAILED: "the pod failed",
    LOST: "the pod vanished",
    CREATE_FAILED: "the pod could not be created",
}
