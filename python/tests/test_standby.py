"""A real standby process with a worker that only writes down what it is given, and a launcher's end of the channel."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from airflow_pod_launcher._contract import ENV, PORTS, STANDBY_UNUSED
from airflow_pod_launcher.standby import proof
from airflow_pod_launcher.standby_worker import workload_of
from airflow_pod_launcher.worker import BOOTSTRAP

ADDRESS = "127.0.84.1"
SECRET = bytes(range(32))
WORKER = """
import os, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
ready = int(sys.argv[2])
os.write(ready, b"1"); os.close(ready)
given = sys.stdin.buffer.read()
with open(sys.argv[1], "ab") as file: file.write(given + b"\\n")
if b"forever" in given:
    while True: signal.pause()
if b"environment" in given:
    with open(sys.argv[1], "w") as file: file.write(repr(dict(os.environ)))
sys.exit(3 if given else 9)
"""


class Refused(Exception):
    """The pod ended the connection instead of answering."""


class Pod:
    """A standby process, and connections to it."""

    def __init__(self, folder: Path, max_age: float = 3600) -> None:
        self.record = folder / "given"
        program = f"import sys; from airflow_pod_launcher import standby; sys.exit(standby.main({max_age}))"
        source = Path(__file__).parent.parent / "src"
        self.process = subprocess.Popen(
            [sys.executable, "-c", program, sys.executable, "-c", WORKER, str(self.record)],
            env={
                **os.environ,
                "PYTHONPATH": str(source),
                ENV["STANDBY_SECRET"]: SECRET.hex(),
                ENV["STANDBY_ADDRESS"]: ADDRESS,
            },
        )

    def connect(self) -> ssl.SSLSocket:
        """Connect once it listens."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        give_up = time.monotonic() + 20
        while True:
            try:
                return context.wrap_socket(socket.create_connection((ADDRESS, PORTS["STANDBY"]), timeout=10))
            except ConnectionRefusedError:
                assert self.process.poll() is None, self.process.returncode
                assert time.monotonic() < give_up
                time.sleep(0.02)

    def ask(self, launch: str, args: list[str] | None, secret: bytes = SECRET) -> str | None:
        """Speak as the launcher does. Raises Refused."""
        with self.connect() as connection:
            certificate = connection.getpeercert(binary_form=True)
            assert certificate is not None
            assert _read(connection, 32) == proof(SECRET, "pod", certificate)
            body = json.dumps({"launch": launch, "args": args}).encode()
            connection.sendall(proof(secret, "launcher", certificate) + struct.pack(">I", len(body)) + body)
            answer = _read(connection, struct.unpack(">I", _read(connection, 4))[0])
            return json.loads(answer)["holds"]

    def given(self) -> list[list[str]]:
        """What workers were given."""
        return [json.loads(line) for line in self.record.read_text().splitlines() if line]


def _read(connection: ssl.SSLSocket, count: int) -> bytes:
    parts = b""
    while len(parts) < count:
        try:
            part = connection.recv(count - len(parts))
        except OSError as error:
            raise Refused from error
        if not part:
            raise Refused
        parts += part
    return parts


@pytest.fixture
def pod(tmp_path: Path) -> Iterator[Pod]:
    made = Pod(tmp_path)
    yield made
    made.process.kill()
    made.process.wait()


def test_a_pod_without_a_task_says_so_and_ends_with_a_code_of_its_own(pod: Pod) -> None:
    assert pod.ask("a/1", None) is None
    pod.process.send_signal(signal.SIGTERM)
    assert pod.process.wait(10) == STANDBY_UNUSED
    assert not pod.record.exists()


def test_a_task_goes_to_the_worker_whose_exit_code_is_the_pods(pod: Pod) -> None:
    assert pod.ask("a/1", ["run", "ü"]) == "a/1"
    assert pod.process.wait(10) == 3
    assert pod.given() == [["run", "ü"]]


def test_a_pod_takes_one_task_and_answers_repeats_with_what_it_has(pod: Pod) -> None:
    assert pod.ask("a/1", ["forever"]) == "a/1"
    assert pod.ask("a/1", ["forever"]) == "a/1"
    assert pod.ask("b/1", ["another"]) == "a/1"
    assert pod.ask("a/1", None) == "a/1"
    while not pod.record.exists() or not pod.given():
        assert pod.process.poll() is None
        time.sleep(0.02)
    pod.process.send_signal(signal.SIGTERM)
    assert pod.process.wait(10) == 7
    assert pod.given() == [["forever"]]


def test_who_does_not_know_the_secret_gets_no_answer_and_hands_over_nothing(pod: Pod) -> None:
    with pytest.raises(Refused):
        pod.ask("evil/1", ["evil"], secret=bytes(32))
    assert pod.ask("a/1", ["good"]) == "a/1"
    assert pod.process.wait(10) == 3
    assert pod.given() == [["good"]]


def test_a_proof_for_one_certificate_is_worth_nothing_for_another(pod: Pod) -> None:
    with pod.connect() as connection:
        theirs = proof(SECRET, "launcher", b"the certificate of another pod")
        body = json.dumps({"launch": "evil/1", "args": ["evil"]}).encode()
        connection.sendall(theirs + struct.pack(">I", len(body)) + body)
        _read(connection, 32)
        with pytest.raises(Refused):
            _read(connection, 1)
    assert pod.ask("a/1", None) is None


@pytest.mark.parametrize(
    "request_bytes",
    [b"\xff\xff\xff\xff", b"\x00\x00\x00\x01{", b"\x00\x00\x00\x02{}", b"\x00\x00\x00\x02[]"],
    ids=["too long", "no JSON", "no fields", "no object"],
)
def test_a_bad_request_costs_the_connection_and_not_the_pod(pod: Pod, request_bytes: bytes) -> None:
    with pod.connect() as connection:
        certificate = connection.getpeercert(binary_form=True)
        assert certificate is not None
        _read(connection, 32)
        connection.sendall(proof(SECRET, "launcher", certificate) + request_bytes)
        with pytest.raises(Refused):
            _read(connection, 1)
    assert pod.ask("a/1", None) is None


def test_a_stranger_who_says_nothing_holds_nobody_up_for_long(pod: Pod) -> None:
    with pod.connect():
        assert pod.ask("a/1", None) is None


def test_the_task_does_not_inherit_the_secret(pod: Pod) -> None:
    assert pod.ask("a/1", ["environment"]) == "a/1"
    assert pod.process.wait(10) == 3
    assert SECRET.hex() not in pod.record.read_text()


def test_a_pod_that_nobody_needs_ends_itself(tmp_path: Path) -> None:
    pod = Pod(tmp_path, max_age=0.5)
    assert pod.process.wait(20) == STANDBY_UNUSED


@pytest.mark.parametrize("module", ["airflow_pod_launcher.worker", "airflow.sdk.execution_time.execute_workload"])
def test_workloads_run_where_airflow_is_imported(module: str) -> None:
    assert workload_of(["python", "-m", module, "--json-string", "{}"]) == "{}"


@pytest.mark.parametrize("args", [["airflow", "tasks", "run"], ["python", "-m", "other", "--json-string", "{}"], []])
def test_other_arguments_are_no_workload(args: list[str]) -> None:
    assert workload_of(args) is None


def test_a_standby_pod_understands_what_the_executor_makes_a_task_pod_run() -> None:
    assert workload_of(["python", "-c", BOOTSTRAP, "--json-string", "{}"]) == "{}"
    assert workload_of(["python", "-c", "print()", "--json-string", "{}"]) is None
