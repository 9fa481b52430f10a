from __future__ import annotations

import struct

import pytest

from airflow_pod_launcher import protocol
from airflow_pod_launcher.protocol import Decoder, Event, ProtocolError, encode


def test_frames_survive_any_chunking() -> None:
    frames = [{"type": "LEASE", "ttlMs": 12000}, {"type": "LAUNCH", "launches": [{"id": "é-☃"}]}]
    stream = b"".join(encode(frame) for frame in frames)
    decoder = Decoder()
    assert [frame for i in range(len(stream)) for frame in decoder.feed(stream[i : i + 1])] == frames
    assert Decoder().feed(stream) == frames


def test_a_length_is_four_bytes_big_endian() -> None:
    assert encode({"type": "DRAIN"}) == b"\x00\x00\x00\x10" + b'{"type":"DRAIN"}'


@pytest.mark.parametrize("body", [b"not json", b"[]", b"{}", b'{"type":1}', b"\xff"])
def test_what_is_no_frame_is_refused(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        Decoder().feed(struct.pack(">I", len(body)) + body)


def test_an_absurd_length_is_refused_before_it_is_read() -> None:
    with pytest.raises(ProtocolError, match="more than"):
        Decoder().feed(struct.pack(">I", 65 * 1024 * 1024))


def test_text_that_utf8_cannot_hold_does_not_break_the_connection() -> None:
    assert Decoder().feed(encode({"type": "LAUNCH", "x": "\ud800"})) == [{"type": "LAUNCH", "x": "?"}]


def test_an_event_says_in_one_sentence_what_happened() -> None:
    event = Event.from_frame(
        {"type": "EVENT", "seq": 1, "id": "L", "attempt": 1, "kind": "FAILED", "reason": "OOMKilled", "exitCode": 137,
         "podName": "p", "namespace": "ns", "node": "node0", "message": "too big"}
    )  # fmt: skip
    assert event.describe() == "OOMKilled, exit 137 (pod ns/p on node0): too big"


def test_an_explanation_has_the_last_output_and_the_events_of_the_pod() -> None:
    event = Event.from_frame(
        {"type": "EVENT", "seq": 1, "id": "L", "attempt": 1, "kind": "FAILED", "reason": "Error", "exitCode": 3,
         "output": "one\ntwo", "podEvents": ["t Normal Started: Started container base"]}
    )  # fmt: skip
    assert event.explain().splitlines() == [
        "Error, exit 3",
        "Last output of the pod:",
        "  one",
        "  two",
        "Events of the pod:",
        "  t Normal Started: Started container base",
    ]
    assert Event(seq=1, id="L", attempt=1, kind="LOST").explain() == "the pod vanished"


def test_an_event_without_a_reason_still_reads_well() -> None:
    assert Event(seq=1, id="L", attempt=1, kind="LOST").describe() == "the pod vanished"


def test_an_event_that_lacks_its_identity_is_refused() -> None:
    with pytest.raises(ProtocolError, match="attempt"):
        Event.from_frame({"type": "EVENT", "seq": 1, "id": "L", "kind": "FAILED"})


def test_what_is_no_json_or_too_large_is_refused_before_it_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ProtocolError, match="LAUNCH: not JSON"):
        encode({"type": "LAUNCH", "priority": float("nan")})
    monkeypatch.setattr(protocol, "MAX_FRAME_BYTES", 50)
    with pytest.raises(ProtocolError, match="more than a frame may have"):
        encode({"type": "LAUNCH", "text": "x" * 50})
