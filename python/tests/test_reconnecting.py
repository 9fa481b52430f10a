from __future__ import annotations

from deployment import Deployment
from launching import launched
from peer import Peer, eventually

from airflow_pod_launcher.executor import PodLauncherExecutor


class TestReconnecting:
    def test_a_restarted_launcher_is_told_what_is_believed_and_gets_what_it_lacks_again(
        self, deployment: Deployment, executor: PodLauncherExecutor, peer: Peer
    ) -> None:
        queued, lost = launched(deployment, executor, peer)
        running, _ = launched(deployment, executor, peer)
        present, kept = launched(deployment, executor, peer)
        deployment.update(running, state="running")
        peer.hang_up()
        peer.restart_numbering()
        peer.welcome(boot_id="boot-2")
        deployment.run(executor, until=lambda: peer.frames("RESYNC"))
        resync = peer.expect("RESYNC")
        believed = {entry["id"] for entry in resync["launches"]}
        assert believed == {ti.external_executor_id for ti in (queued, running, present)}
        gone = [{"id": ti.external_executor_id, "attempt": 1} for ti in (queued, running)]
        peer.send(
            {
                "type": "RESYNCED",
                "request": resync["request"],
                "present": [{"id": kept["id"], "attempt": 1}],
                "absent": gone,
            }
        )
        deployment.run(executor, until=lambda: deployment.state(running) == "up_for_retry")
        assert peer.expect("LAUNCH")["launches"] == [lost]
        assert deployment.state(present) == "queued"

    def test_a_restarted_launcher_gets_no_acknowledgement_of_numbers_it_has_not_given(
        self, deployment: Deployment, executor: PodLauncherExecutor, peer: Peer
    ) -> None:
        ti, item = launched(deployment, executor, peer)
        deployment.update(ti, state="success")
        for kind in ("CREATED", "RUNNING", "SUCCEEDED"):
            peer.event(item["id"], kind)
        eventually(lambda: executor.sync() or executor.event_buffer, "the event")
        peer.hang_up()
        peer.expect("HELLO")
        deployment.loop(executor)  # It would acknowledge the SUCCEEDED now.
        peer.send({"type": "WELCOME", "protocol": 1, "bootId": "boot-2", "synced": True, "version": "test"})
        peer.restart_numbering()
        seq = peer.event(item["id"], "SUCCEEDED")
        deployment.run(executor, until=lambda: peer.frames("ACK"))
        assert [frame["seq"] for frame in peer.frames("ACK")] == [seq]

    def test_events_repeated_after_a_reconnect_are_handled_once(
        self, deployment: Deployment, executor: PodLauncherExecutor, peer: Peer
    ) -> None:
        ti, item = launched(deployment, executor, peer)
        deployment.update(ti, state="running")
        seq = peer.event(item["id"], "FAILED", started=True, reason="Error", exitCode=1)
        eventually(lambda: executor.sync() or executor.event_buffer, "the event")
        peer.hang_up()
        peer.welcome()
        peer.event(item["id"], "FAILED", seq=seq, started=True, reason="Error", exitCode=1)
        deployment.run(executor, until=lambda: [f for f in peer.frames("ACK") if f["seq"] == seq])
        assert deployment.state(ti) == "up_for_retry"
        assert [event for event, _ in deployment.audit_log(ti)].count("failed") == 1


class TestOrphans:
    def test_what_airflow_has_settled_is_acknowledged(
        self, deployment: Deployment, executor: PodLauncherExecutor, peer: Peer
    ) -> None:
        ti = deployment.queued(state="success")
        seq = peer.event(ti.external_executor_id, "SUCCEEDED", orphan=True)
        deployment.run(executor, until=lambda: peer.frames("ACK"))
        assert peer.expect("ACK")["seq"] == seq
        assert not peer.frames("RETAIN")

    def test_what_another_scheduler_still_owns_is_retained(
        self, deployment: Deployment, executor: PodLauncherExecutor, peer: Peer
    ) -> None:
        ti = deployment.queued(state="running", queued_by_job_id=deployment.other_job_id)
        seq = peer.event(ti.external_executor_id, "FAILED", orphan=True)
        deployment.run(executor, until=lambda: peer.frames("ACK"))
        assert peer.expect("RETAIN")["seqs"] == [seq]
        assert deployment.state(ti) == "running"

    def test_what_is_ours_after_all_is_settled_as_usual(
        self, deployment: Deployment, executor: PodLauncherExecutor, peer: Peer
    ) -> None:
        ti = deployment.queued(state="running")
        peer.event(ti.external_executor_id, "FAILED", orphan=True, started=True, reason="Error", exitCode=1)
        deployment.run(executor, until=lambda: deployment.state(ti) == "up_for_retry")
