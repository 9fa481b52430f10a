from __future__ import annotations

from airflow_pod_launcher.ledger import AckTracker


def received(*seqs: int) -> AckTracker:
    acks = AckTracker()
    for seq in seqs:
        assert acks.receive(seq)
    return acks


def test_an_unsettled_event_holds_back_what_follows_it() -> None:
    acks = received(1, 2, 3)
    acks.settle([1, 3])
    assert acks.take() == ([], 1)
    acks.settle([2])
    assert acks.take() == ([], 3)
    assert acks.take() == ([], None)


def test_a_retained_event_holds_nothing_back_and_is_named_before_the_ack_that_covers_it() -> None:
    acks = received(1, 2)
    acks.retain([1])
    acks.settle([2])
    assert acks.take() == ([1], 2)


def test_a_retained_event_is_not_named_before_its_ack() -> None:
    acks = received(1, 2)
    acks.retain([2])
    assert acks.take() == ([], None)
    acks.settle([1])
    assert acks.take() == ([2], 2)


def test_an_event_that_was_seen_on_this_connection_is_not_taken_twice() -> None:
    acks = received(1, 2)
    assert not acks.receive(2)


def test_after_a_reconnect_everything_above_the_hello_is_taken_again() -> None:
    acks = received(1, 2)
    acks.settle([1])
    acks.take()
    acks.rebase(1)
    assert acks.receive(2)
    assert acks.take() == ([], None)


def test_a_hello_stays_below_what_was_retained_since_that_may_have_been_lost() -> None:
    acks = received(1, 2, 3)
    acks.retain([2])
    acks.settle([1, 3])
    acks.take()
    assert acks.resume_from() == 1
