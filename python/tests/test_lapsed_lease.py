"""A scheduler that was paused for so long that its lease ran out, and that another may have taken for dead."""

from __future__ import annotations

import time
import uuid
from typing import Any

import pytest
from deployment import Deployment
from peer import Peer, eventually
from sqlalchemy.exc import OperationalError

from airflow_pod_launcher import compat
from airflow_pod_launcher.executor import PodLauncherExecutor


def launched(deployment: Deployment, executor: PodLauncherExecutor, peer: Peer) -> Any:
    ti = deployment.queued()
    deployment.enqueue(executor, ti)
    deployment.loop(executor)
    peer.expect("LAUNCH")
    return ti


def pause(executor: PodLauncherExecutor, peer: Peer) -> None:
    """As if a minute had passed since the last turn of the loop."""
    peer.expect("LEASE")
    executor._dispatcher._lease_sent -= 60  # type: ignore[union-attr]


def test_what_another_took_over_meanwhile_is_let_go_before_creates_are_allowed_again(
    deployment: Deployment, executor: PodLauncherExecutor, peer: Peer
) -> None:
    ours, adopted, reset, settled, created = (launched(deployment, executor, peer) for _ in range(5))
    peer.event(created.external_executor_id, "CREATED")
    deployment.run(executor, until=lambda: executor._dispatcher.ledger.get(created.external_executor_id).created)  # type: ignore[union-attr]
    pause(executor, peer)
    deployment.update(adopted, queued_by_job_id=deployment.other_job_id)
    deployment.update(reset, queued_by_job_id=deployment.other_job_id, external_executor_id=str(uuid.uuid4()))
    deployment.update(settled, state="failed")
    # Its pod exists: whoever has it now, nothing more is created, and its end finds the right scheduler.
    deployment.update(created, queued_by_job_id=deployment.other_job_id)
    executor.sync()
    eventually(lambda: peer.frames("LEASE"), "the lease")
    kinds = peer.types()
    assert kinds.index("WITHDRAW") < kinds.index("LEASE")
    lease = peer.expect("LEASE")
    assert {entry["id"] for entry in peer.expect("WITHDRAW")["launches"]} == {
        ti.external_executor_id for ti in (adopted, reset, settled)
    }
    assert abs(lease["at"] - time.time() * 1000) < 10_000
    assert executor.running == {ours.key, created.key}
    assert not executor.event_buffer


def test_no_lease_is_given_while_the_database_cannot_say_what_is_still_ours(
    deployment: Deployment, executor: PodLauncherExecutor, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    launched(deployment, executor, peer)
    pause(executor, peer)
    with monkeypatch.context() as broken:

        def refuse(*_: Any) -> Any:
            raise OperationalError("SELECT", {}, Exception("gone"))

        broken.setattr(compat, "rows_by_ti_id", refuse)
        executor.sync()
    executor._dispatcher.connection.send({"type": "DRAIN"})  # type: ignore[union-attr]
    peer.expect("DRAIN")
    assert not peer.frames("LEASE")
    executor.sync()
    peer.expect("LEASE")


def test_what_was_let_go_is_named_again_on_a_new_connection(
    deployment: Deployment, executor: PodLauncherExecutor, peer: Peer
) -> None:
    ti = launched(deployment, executor, peer)
    pause(executor, peer)
    deployment.update(ti, queued_by_job_id=deployment.other_job_id)
    executor.sync()
    peer.hang_up()
    peer.welcome()
    deployment.run(executor, until=lambda: peer.frames("LEASE"))
    assert peer.expect("WITHDRAW")["launches"] == [{"id": ti.external_executor_id}]
