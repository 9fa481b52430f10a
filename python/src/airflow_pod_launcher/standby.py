"""The first process of a standby pod: waits for the launcher, takes one task from it, and gives it to the worker.

    python -m airflow_pod_launcher.standby [WORKER COMMAND]

The worker is a process of its own (`standby_worker`) that has imported Airflow already. This one stays small, holds the
pod's secret, and answers for the pod's whole life which launch the pod has.

On each TLS 1.3 connection, with a certificate made at start:

    pod       HMAC-SHA256(secret, "pod" + certificate)        32 bytes
    launcher  HMAC-SHA256(secret, "launcher" + certificate)   32 bytes
    launcher  {"launch": key, "args": [...] or null}          4-byte length, JSON
    pod       {"holds": key or null}                          4-byte length, JSON

Both ends prove that they know the secret, and bind the proof to the certificate that this very connection shows: nobody
in between can pass it on. Only the first `args` are taken; every later question is answered with what the pod holds.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import selectors
import signal
import socket
import ssl
import struct
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from airflow_pod_launcher._contract import ENV, PORTS, STANDBY_MAX_AGE_SECONDS, STANDBY_UNUSED

STRANGER_SECONDS = 2.0
"""So long a peer that has not proved itself is listened to: connections are served one at a time."""
LAUNCHER_SECONDS = 10.0
MAX_REQUEST_BYTES = 4 * 1024 * 1024
"""More than the API server takes as a pod."""
PROOF_BYTES = 32
WORKER = (sys.executable, "-m", "airflow_pod_launcher.standby_worker")


def proof(secret: bytes, role: str, certificate: bytes) -> bytes:
    """Return what only a holder of the secret can say about this certificate (DER). `role`: `pod` or `launcher`."""
    return hmac.new(secret, role.encode() + certificate, hashlib.sha256).digest()


def make_identity() -> tuple[ssl.SSLContext, bytes]:
    """Return a TLS 1.3 server with a key of its own, never written to a disk, and its certificate (DER)."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "standby")])
    now = datetime.now(timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=365))
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ) + certificate.public_bytes(serialization.Encoding.PEM)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.num_tickets = 0
    # The ssl module reads files only.
    with open(os.memfd_create("identity"), "w+b") as file:
        file.write(pem)
        file.flush()
        context.load_cert_chain(f"/proc/self/fd/{file.fileno()}")
    return context, certificate.public_bytes(serialization.Encoding.DER)


class Peer:
    """One TLS connection, with a deadline over all that is read and written."""

    def __init__(self, raw: socket.socket, context: ssl.SSLContext, seconds: float) -> None:
        self._give_up = time.monotonic() + seconds
        raw.settimeout(seconds)
        self._socket = context.wrap_socket(raw, server_side=True)

    def extend(self, seconds: float) -> None:
        """Start the time over."""
        self._give_up = time.monotonic() + seconds

    def write(self, data: bytes) -> None:
        """Send all of it. Raises OSError."""
        self._hurry()
        self._socket.sendall(data)

    def read(self, count: int) -> bytes:
        """Return so many bytes. Raises OSError, also when the peer ends before."""
        parts = bytearray()
        while len(parts) < count:
            self._hurry()
            part = self._socket.recv(min(count - len(parts), 65536))
            if not part:
                raise ConnectionError("the peer ended the connection")
            parts += part
        return bytes(parts)

    def close(self) -> None:
        """End the connection."""
        self._socket.close()

    def _hurry(self) -> None:
        left = self._give_up - time.monotonic()
        if left <= 0:
            raise TimeoutError("the peer is too slow")
        self._socket.settimeout(left)


class Standby:
    """A pod that waits for a task.

    :param secret: shared with the launchers, from the pod's environment
    :param command: the worker: it is given the number of a file descriptor to write to when it is ready, and then, on
        its standard input, the arguments of the task's container as a JSON list
    :param max_age: seconds after which it ends itself if it has no task
    """

    def __init__(self, secret: bytes, command: Sequence[str], max_age: float) -> None:
        self._secret = secret
        self._context, self._certificate = make_identity()
        self._ends_at = time.monotonic() + max_age
        self._taken = False
        self._holds: str | None = None
        self._listener: socket.socket | None = None
        self._selector = selectors.DefaultSelector()
        self._signals, signals_in = os.pipe()
        for end in (self._signals, signals_in):
            os.set_blocking(end, False)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        signal.set_wakeup_fd(signals_in)
        self._ready, ready_in = os.pipe()
        # A session of its own: an init that signals the whole group would reach it twice.
        self._worker = subprocess.Popen(
            [*command, str(ready_in)], stdin=subprocess.PIPE, pass_fds=[ready_in], start_new_session=True
        )
        os.close(ready_in)

    def run(self, address: str, port: int) -> int:
        """Serve until the worker ends. Return its exit code; STANDBY_UNUSED if it never had a task."""
        self._selector.register(self._signals, selectors.EVENT_READ)
        self._selector.register(self._ready, selectors.EVENT_READ)
        while True:
            left = None if self._holds is not None else self._ends_at - time.monotonic()
            if left is not None and left <= 0:
                return self._end_unused()
            for key, _ in self._selector.select(left):
                if key.fileobj is self._listener:
                    self._accept()
                elif key.fileobj == self._ready:
                    self._worker_is_ready(address, port)
                elif key.fileobj == self._signals and (code := self._signalled()) is not None:
                    return code

    def _worker_is_ready(self, address: str, port: int) -> None:
        self._selector.unregister(self._ready)
        # Without the byte the worker has died: its SIGCHLD tells.
        if os.read(self._ready, 1):
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            self._listener = socket.create_server((address, port), family=family)
            self._selector.register(self._listener, selectors.EVENT_READ)
        os.close(self._ready)

    def _signalled(self) -> int | None:
        """Return the exit code once it is over."""
        numbers = set(os.read(self._signals, 4096))
        if (code := self._worker.poll()) is not None:
            if self._holds is None:
                return STANDBY_UNUSED
            return code if code >= 0 else 128 - code
        if numbers & {signal.SIGTERM, signal.SIGINT}:
            if self._holds is None:
                return self._end_unused()
            self._worker.send_signal(signal.SIGTERM)
        return None

    def _end_unused(self) -> int:
        self._worker.kill()
        self._worker.wait()
        return STANDBY_UNUSED

    def _accept(self) -> None:
        assert self._listener is not None
        # Whoever connects may be anybody, the kubelet's probe included: it costs the connection, never the pod.
        with contextlib.suppress(OSError, ValueError, LookupError, TypeError):
            raw, _ = self._listener.accept()
            with raw:
                peer = Peer(raw, self._context, STRANGER_SECONDS)
                try:
                    self._serve(peer)
                finally:
                    peer.close()

    def _serve(self, peer: Peer) -> None:
        peer.write(proof(self._secret, "pod", self._certificate))
        if not hmac.compare_digest(peer.read(PROOF_BYTES), proof(self._secret, "launcher", self._certificate)):
            return
        peer.extend(LAUNCHER_SECONDS)
        (length,) = struct.unpack(">I", peer.read(4))
        if length > MAX_REQUEST_BYTES:
            return
        request: dict[str, Any] = json.loads(peer.read(length))
        launch, args = request["launch"], request["args"]
        if not self._taken and args is not None:
            self._take(str(launch), [str(arg) for arg in args])
        answer = json.dumps({"holds": self._holds}).encode()
        peer.write(struct.pack(">I", len(answer)) + answer)

    def _take(self, launch: str, args: list[str]) -> None:
        """Give the worker its task; whatever comes of it, the pod never takes another one."""
        self._taken = True
        assert self._worker.stdin is not None
        # A worker that has died meanwhile has no task: its SIGCHLD ends the pod.
        with contextlib.suppress(BrokenPipeError):
            self._worker.stdin.write(json.dumps(args).encode())
            self._worker.stdin.close()
            self._holds = launch


def main(max_age: float = STANDBY_MAX_AGE_SECONDS) -> int:
    """Run as a pod's first process. Return the exit code."""
    # Out of the environment: the task must not inherit it.
    secret = bytes.fromhex(os.environ.pop(ENV["STANDBY_SECRET"]))
    address = os.environ.pop(ENV["STANDBY_ADDRESS"])
    return Standby(secret, sys.argv[1:] or WORKER, max_age).run(address, PORTS["STANDBY"])


if __name__ == "__main__":
    sys.exit(main())
