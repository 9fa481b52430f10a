from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from peer import Peer, eventually

from airflow_pod_launcher.connection import Connected, Connection
from airflow_pod_launcher.protocol import encode


@pytest.fixture
def connection(peer: Peer) -> Iterator[Connection]:
    made = Connection(str(peer._path), "under-test", "7")
    made.start()
    yield made
    made.stop()


def test_the_first_frame_says_who_is_there(connection: Connection, peer: Peer) -> None:
    hello = peer.welcome()
    assert hello == {
        "type": "HELLO",
        "protocol": 1,
        "deployment": "under-test",
        "jobId": "7",
        "bootId": None,
        "ackedSeq": 0,
    }


def test_it_is_ready_once_the_launcher_has_listed_the_pods(connection: Connection, peer: Peer) -> None:
    peer.welcome(synced=False)
    eventually(lambda: any(isinstance(item, dict) for item in connection.drain()), "WELCOME")
    assert not connection.ready
    peer.send({"type": "WELCOME", "protocol": 1, "bootId": "boot-1", "synced": True, "version": "x"})
    eventually(lambda: connection.ready, "ready")


def test_it_finds_a_launcher_that_comes_later(peer: Peer) -> None:
    peer.close()
    connection = Connection(str(peer._path), "under-test", "7")
    connection.start()
    try:
        assert not connection.send({"type": "LEASE", "ttlMs": 1})
        peer.listen()
        peer.welcome()
        eventually(lambda: connection.ready, "ready")
    finally:
        connection.stop()


def test_it_comes_back_and_names_the_boot_and_the_acked_seq(connection: Connection, peer: Peer) -> None:
    peer.welcome()
    eventually(lambda: connection.ready, "ready")
    connection.resume_from("boot-1", 41)
    peer.hang_up()
    hello = peer.welcome()
    assert (hello["bootId"], hello["ackedSeq"]) == ("boot-1", 41)
    eventually(lambda: connection.ready, "ready")
    markers = [item for item in connection.drain() if isinstance(item, Connected)]
    assert markers == [Connected(1, None, 0), Connected(2, "boot-1", 41)]
    assert connection.send({"type": "ACK", "seq": 41}, generation=2)
    assert not connection.send({"type": "ACK", "seq": 42}, generation=1)


def test_it_is_not_ready_while_the_launcher_is_away(connection: Connection, peer: Peer) -> None:
    peer.welcome()
    eventually(lambda: connection.ready, "ready")
    peer.close()
    eventually(lambda: not connection.ready, "not ready")


def test_frames_of_many_threads_and_sizes_arrive_whole_and_in_order(connection: Connection, peer: Peer) -> None:
    peer.welcome()
    eventually(lambda: connection.ready, "ready")
    big = "x" * 3_000_000
    for number in range(20):
        connection.send({"type": "LAUNCH", "number": number, "args": [big] if number == 5 else []})
    connection.send({"type": "DRAIN"})
    peer.expect("DRAIN")
    assert [frame["number"] for frame in peer.frames("LAUNCH")] == list(range(20))


def test_a_request_gets_its_answer_and_not_another_ones(connection: Connection, peer: Peer) -> None:
    peer.welcome()
    number = connection.next_request()

    def answer() -> None:
        peer.expect("ADOPT", request=number)
        peer.send({"type": "ADOPTED", "request": number + 100, "adopted": [], "absent": []})
        peer.send({"type": "ADOPTED", "request": number, "adopted": [], "absent": ["L"]})

    threading.Thread(target=answer, daemon=True).start()
    reply = connection.request({"type": "ADOPT", "request": number, "launches": []}, timeout=10)
    assert reply is not None
    assert reply["absent"] == ["L"]


def test_a_request_does_not_wait_longer_than_it_may(connection: Connection, peer: Peer) -> None:
    peer.welcome()
    frame = {"type": "ADOPT", "request": connection.next_request(), "launches": []}
    assert connection.request(frame, timeout=0.05) is None
    peer.close()
    assert connection.request(frame, timeout=0.05) is None


def test_garbage_ends_the_connection_and_not_the_executor(connection: Connection, peer: Peer) -> None:
    peer.welcome()
    eventually(lambda: connection.ready, "ready")
    peer.send_bytes(b"\xff" * 16)
    peer.welcome()
    eventually(lambda: connection.ready, "ready again")
    assert peer.connections == 2


def test_stopping_writes_what_is_queued(connection: Connection, peer: Peer) -> None:
    peer.welcome()
    eventually(lambda: connection.ready, "ready")
    connection.send({"type": "DRAIN"})
    connection.stop(flush_seconds=5)
    peer.expect("DRAIN")


def test_an_event_is_kept_until_it_is_drained(connection: Connection, peer: Peer) -> None:
    peer.welcome()
    peer.send_bytes(encode({"type": "EVENT", "seq": 1}) + encode({"type": "EVENT", "seq": 2}))
    arrived: list[object] = []

    def both() -> bool:
        arrived.extend(item for item in connection.drain() if isinstance(item, dict) and item["type"] == "EVENT")
        return len(arrived) == 2

    eventually(both, "two events")
