from __future__ import annotations

import time
import uuid
from typing import Any

import pytest
from deployment import Deployment
from launching import launched
from peer import Peer, eventually

from airflow_pod_launcher import compat, protocol
from airflow_pod_launcher.executor import PodLauncherExecutor
from airflow_pod_launcher.ledger import Launch


def _launch_ids(peer: Peer) -> list[str]:
    return [item["id"] for frame in peer.frames("LAUNCH") for item in frame["launches"]]


class TestConstruction:
    def test_it_does_no_io(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("POD_LAUNCHER_SOCKET", "/nowhere/at/all.sock")
        made = PodLauncherExecutor(parallelism=3, team_name=None)
        assert made.slots_available == 0
        made.sync()
        made.end()

    def test_airflow_loads_it_by_its_path(self) -> None:
        from airflow.executors.executor_loader import ExecutorLoader

        assert isinstance(ExecutorLoader.get_default_executor(), PodLauncherExecutor)

    def test_the_provider_names_it(self) -> None:
        from airflow_pod_launcher import get_provider_info

        (path,) = get_provider_info()["executors"]
        assert path == f"{PodLauncherExecutor.__module__}.{PodLauncherExecutor.__qualname__}"


class TestLaunching:
    def test_a_queued_task_is_launched_under_the_id_that_was_committed(
        self, deployment: Deployment, executor: PodLauncherExecutor, peer: Peer
    ) -> None:
        ti, item = launched(deployment, executor, peer)
        assert (item["id"], item["attempt"], item["tiId"]) == (ti.external_executor_id, 1, compat.ti_id(ti))
        assert item["key"] == {
            "dagId": ti.dag_id,
            "taskId": "work",
            "runId": ti.run_id,
            "tryNumber": 1,
            "mapIndex": -1,
        }
        assert time.time() < item["notAfter"] / 1000 <= time.time() + 600
        assert ti.key in executor.running
        assert ti.key not in executor.queued_tasks

    @pytest.mark.airflow3
    def test_the_worker_understands_its_arguments(
        self, deployment: Deployment, executor: PodLauncherExecutor, peer: Peer
    ) -> None:
        from airflow.executors import workloads
        from pydantic import TypeAdapter

        ti, item = launched(deployment, executor, peer)
        assert item["args"][:2] == ["python", "-c"]
        assert item["args"][3] == "--json-string"
        workload = TypeAdapter(workloads.All).validate_json(item["args"][4])
        assert workload.ti.id == ti.id
        assert workload.ti.key == ti.key
        assert workload.token

    @pytest.mark.parametrize(
        "change",
        [
            {"state": "scheduled"},
            pytest.param({"external_executor_id": "newer"}, marks=pytest.mark.airflow3),
            {"try_number": 2},
            {"queued_by_job_id": None},
        ],
    )
    def test_a_task_that_is_not_queued_by_us_any_more_is_dropped(
        self, deployment: Deployment, executor: PodLauncherExecutor, peer: Peer, change: dict[str, Any]
    ) -> None:
        ti = deployment.queued()
        deployment.enqueue(executor, ti)
        deployment.update(ti, **change)
        deployment.loop(executor)
        launched(deployment, executor, peer)
        assert not peer.frames("LAUNCH")
        assert not executor.has_task(ti)

    def test_a_task_without_an_id_gets_one_that_airflow_writes_down(
        self, deployment: Deployment, executor: PodLauncherExecutor, peer: Peer
    ) -> None:
        ti, item = launched(deployment, executor, peer, external_executor_id=None)
        assert uuid.UUID(item["id"])
        assert deployment.ti(ti).external_executor_id == item["id"]

    def test_a_bad_executor_config_fails_the_task_and_says_why(
        self, deployment: Deployment, executor: PodLauncherExecutor, peer: Peer
    ) -> None:
        ti = deployment.queued(executor_config={"pod_template_file": "/nowhere.yaml"})
        deployment.enqueue(executor, ti)
        deployment.loop(executor)
        assert deployment.state(ti) == "up_for_retry"
        audit = dict(deployment.audit_log(ti))
        assert audit["pod failed"].startswith("InvalidLaunch: executor_config: pod_template_file '/nowhere.yaml'")
        assert "/nowhere.yaml" in audit["state mismatch"]
        assert not executor.has_task(ti)

    def test_a_launch_that_no_frame_can_carry_fails_alone_and_says_why(
        self, deployment: Deployment, executor: PodLauncherExecutor, peer: Peer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(protocol, "MAX_FRAME_BYTES", 100_000)
        large = deployment.queued(executor_config={"pod_override": {"metadata": {"annotations": {"a": "x" * 100_000}}}})
        good = [deployment.queued() for _ in range(3)]
        for ti in [good[0], large, *good[1:]]:
            deployment.enqueue(executor, ti)
        deployment.loop(executor)
        deployment.run(executor, until=lambda: len(_launch_ids(peer)) == 3)
        assert sorted(_launch_ids(peer)) == sorted(deployment.ti(ti).external_executor_id for ti in good)
        assert deployment.state(large) == "up_for_retry"
        assert any("more than a frame may have" in (extra or "") for _, extra in deployment.audit_log(large))
        assert not executor.has_task(large)

    def test_nothing_is_launched_and_nothing_accepted_while_the_launcher_is_away(
        self, deployment: Deployment, executor: PodLauncherExecutor, peer: Peer
    ) -> None:
        peer.close()
        eventually(lambda: executor.slots_available == 0, "no slots")
        ti = deployment.queued()
        deployment.enqueue(executor, ti)
        deployment.loop(executor)
        assert ti.key in executor.queued_tasks
        peer.listen()
        peer.welcome()
        deployment.run(executor, until=lambda: peer.frames("LAUNCH"))

    @pytest.mark.airflow3
    def test_a_callback_and_a_connection_test_run_in_pods_too(
        self, deployment: Deployment, executor: PodLauncherExecutor, peer: Peer
    ) -> None:
        from airflow.executors import workloads
        from airflow.executors.workloads.callback import CallbackDTO, CallbackFetchMethod

        number = uuid.uuid4()
        test = workloads.TestConnection.make(
            connection_test_id=number, connection_id="pg", timeout=5, generator=executor.jwt_generator
        )
        callback = workloads.ExecuteCallback(
            callback=CallbackDTO(
                id=str(uuid.uuid4()), fetch_method=CallbackFetchMethod.IMPORT_PATH, data={"path": "a.b"}
            ),
            dag_rel_path="d.py",
            bundle_info=workloads.BundleInfo(name="dags-folder"),
            log_path=None,
            token="",
        )
        executor.queue_workload(test, session=None)
        executor.queue_workload(callback, session=None)
        deployment.run(executor, until=lambda: len(peer.frames("LAUNCH")) == 2)
        sent = {item["id"]: item for frame in peer.frames("LAUNCH") for item in frame["launches"]}
        assert set(sent) == {str(number), callback.callback.id}
        executor.heartbeat()
        peer.event(callback.callback.id, "RUNNING")
        peer.event(callback.callback.id, "FAILED", started=True, reason="Error", exitCode=1)
        peer.event(str(number), "SUCCEEDED")
        eventually(lambda: executor.sync() or len(executor.event_buffer) == 2, "two outcomes")
        outcomes = {str(key.id): str(state) for key, (state, _) in executor.event_buffer.items()}
        assert outcomes == {callback.callback.id: "failed", str(number): "success"}
        assert not executor.running


class TestReporting:
    def test_a_task_that_succeeded_is_settled_and_acknowledged(
        self, deployment: Deployment, executor: PodLauncherExecutor, peer: Peer
    ) -> None:
        ti, item = launched(deployment, executor, peer)
        deployment.update(ti, state="success")
        for kind in ("CREATED", "RUNNING"):
            peer.event(item["id"], kind)
        seq = peer.event(item["id"], "SUCCEEDED", exitCode=0)
        deployment.run(executor, until=lambda: [f for f in peer.frames("ACK") if f["seq"] == seq])
        assert deployment.state(ti) == "success"
        assert not executor.has_task(ti)

    def test_a_running_task_whose_pod_is_killed_is_failed_at_once_with_the_reason(
        self, deployment: Deployment, executor: PodLauncherExecutor, peer: Peer
    ) -> None:
        ti, item = launched(deployment, executor, peer)
        deployment.update(ti, state="running")
        seq = peer.event(item["id"], "FAILED", started=True, reason="OOMKilled", exitCode=137, node="node0",
                         output="last words", podEvents=["t Normal Killing: Stopping"])  # fmt: skip
        deployment.run(executor, until=lambda: deployment.state(ti) == "up_for_retry")
        audit = deployment.audit_log(ti)
        (explained,) = [extra.splitlines() for event, extra in audit if event == "pod failed"]
        assert explained[0] == "OOMKilled, exit 137 (pod tasks/pod-1 on node0)"
        assert [line.strip() for line in explained[1:]] == [
            "Last output of the pod:",
            "last words",
            "Events of the pod:",
            "t Normal Killing: Stopping",
        ]
        deployment.run(executor, until=lambda: [f for f in peer.frames("ACK") if f["seq"] == seq])
        assert not executor.has_task(ti)

    def test_a_running_task_that_was_cleared_runs_again_once_its_pod_has_ended(
        self, deployment: Deployment, executor: PodLauncherExecutor, peer: Peer
    ) -> None:
        ti, item = launched(deployment, executor, peer)
        deployment.update(ti, state="running")
        deployment.clear(ti)
        cleared = deployment.ti(ti)
        assert cleared.state == "restarting"
        # Where a task instance has a UUID, it has another one now.
        assert (compat.ti_id(cleared) != compat.ti_id(ti)) is hasattr(ti, "id")
        seq = peer.event(item["id"], "SUCCEEDED", exitCode=0)
        deployment.run(executor, until=lambda: deployment.state(ti) is None)
        deployment.run(executor, until=lambda: [f for f in peer.frames("ACK") if f["seq"] == seq])
        assert not executor.has_task(ti)

    def test_an_event_is_not_acknowledged_before_airflow_has_committed_it(
        self, deployment: Deployment, executor: PodLauncherExecutor, peer: Peer
    ) -> None:
        ti, item = launched(deployment, executor, peer)
        deployment.update(ti, state="running")
        seq = peer.event(item["id"], "FAILED", started=True, reason="Error", exitCode=1)
        eventually(lambda: executor.sync() or executor.event_buffer, "the event")
        acknowledged_early = [frame for frame in peer.frames("ACK") if frame["seq"] >= seq]
        deployment.process_events(executor)
        executor.sync()
        peer.expect("ACK", seq=seq)
        assert not acknowledged_early

    def test_an_event_that_airflow_did_not_take_is_retained_and_emitted_again(
        self, deployment: Deployment, executor: PodLauncherExecutor, peer: Peer
    ) -> None:
        ti, item = launched(deployment, executor, peer)
        deployment.update(ti, state="running")
        seq = peer.event(item["id"], "FAILED", started=True, reason="Error", exitCode=1)
        eventually(lambda: executor.sync() or executor.event_buffer, "the event")
        executor.get_event_buffer()  # As a row that another session has locked: read and dropped.
        executor.sync()
        assert seq in peer.expect("RETAIN")["seqs"]
        peer.expect("ACK", seq=seq)
        deployment.process_events(executor)
        assert deployment.state(ti) == "up_for_retry"

    @pytest.mark.parametrize("state", ["deferred", "up_for_reschedule", "up_for_retry"])
    def test_a_task_that_waits_gives_its_slot_back_and_nothing_is_emitted(
        self, deployment: Deployment, executor: PodLauncherExecutor, peer: Peer, state: str
    ) -> None:
        ti, item = launched(deployment, executor, peer)
        deployment.update(ti, state=state)
        seq = peer.event(item["id"], "SUCCEEDED", exitCode=0)
        deployment.run(executor, until=lambda: [f for f in peer.frames("ACK") if f["seq"] == seq])
        assert deployment.state(ti) == state
        assert not executor.has_task(ti)

    @pytest.mark.airflow3
    def test_what_airflow_says_about_a_failed_task_has_the_reason(
        self, deployment: Deployment, executor: PodLauncherExecutor, peer: Peer
    ) -> None:
        ti, item = launched(deployment, executor, peer)
        deployment.update(ti, state="running")
        peer.event(item["id"], "FAILED", started=True, reason="OOMKilled", exitCode=137, node="node0")
        deployment.run(executor, until=lambda: deployment.state(ti) == "up_for_retry")
        audit = deployment.audit_log(ti)
        assert any(event == "state mismatch" and "OOMKilled, exit 137" in extra for event, extra in audit)

    @pytest.mark.airflow3
    def test_the_late_end_of_a_deferred_launch_does_not_touch_the_resumed_one(
        self, deployment: Deployment, executor: PodLauncherExecutor, peer: Peer
    ) -> None:
        ti, first = launched(deployment, executor, peer)
        resumed = str(uuid.uuid4())
        deployment.update(ti, external_executor_id=resumed)
        deployment.enqueue(executor, deployment.ti(ti))
        deployment.loop(executor)
        peer.expect("LAUNCH")
        deployment.update(ti, state="running")
        seq = peer.event(first["id"], "FAILED", started=True, reason="Error", exitCode=1)
        deployment.run(executor, until=lambda: [f for f in peer.frames("ACK") if f["seq"] == seq])
        assert deployment.state(ti) == "running"
        assert ti.key in executor.running

    def test_a_pod_that_failed_before_its_task_started_is_launched_again_and_burns_no_retry(
        self, deployment: Deployment, executor: PodLauncherExecutor, peer: Peer
    ) -> None:
        ti, item = launched(deployment, executor, peer)
        first = peer.event(item["id"], "FAILED", started=False, reason="Evicted")
        deployment.run(executor, until=lambda: peer.frames("LAUNCH"))
        (again,) = peer.expect("LAUNCH")["launches"]
        assert again == {**item, "attempt": 2}
        assert deployment.state(ti) == "queued"
        deployment.run(executor, until=lambda: [f for f in peer.frames("ACK") if f["seq"] == first])
        peer.event(item["id"], "FAILED", attempt=2, started=False, reason="Evicted")
        deployment.run(executor, until=lambda: deployment.state(ti) == "up_for_retry")
        said = [event for event, _ in deployment.audit_log(ti)]
        assert [event for event in said if event.startswith("pod ")] == ["pod relaunched", "pod failed"]

    def test_why_a_pod_waits_stands_in_the_audit_log(
        self, deployment: Deployment, executor: PodLauncherExecutor, peer: Peer
    ) -> None:
        ti, item = launched(deployment, executor, peer)
        peer.event(item["id"], "PENDING", reason="Unschedulable", message="0/1 nodes are available")
        deployment.run(executor, until=lambda: deployment.audit_log(ti))
        (entry,) = deployment.audit_log(ti)
        assert entry == ("pod pending", "cannot be scheduled (pod tasks/pod-1): 0/1 nodes are available")

    def test_a_turn_looks_at_no_launch_of_which_nothing_is_new(
        self, deployment: Deployment, executor: PodLauncherExecutor
    ) -> None:
        looked_at: list[str] = []

        class InFlight(Launch):
            def __getattribute__(self, name: str) -> Any:
                looked_at.append(name)
                return super().__getattribute__(name)

        dispatcher = executor._dispatcher
        assert dispatcher is not None
        deployment.run(executor, until=lambda: dispatcher._resynced)
        for number in ("1", "2"):
            dispatcher.ledger.add(InFlight(key=("d", "t", number, 1, -1), id=number, ti_id=str(uuid.uuid4())))
        looked_at.clear()
        executor.sync()
        assert looked_at == []
        # Else they had nothing to be seen by.
        assert [launch.id for launch in dispatcher.ledger] == ["1", "2"]
        assert looked_at == ["id", "id"]


class TestLease:
    def test_a_lease_is_sent_because_the_loop_turns(
        self, deployment: Deployment, executor: PodLauncherExecutor, peer: Peer
    ) -> None:
        assert peer.expect("LEASE")["ttlMs"] == 12000
        for _ in range(5):
            executor.sync()
        executor._dispatcher.connection.send({"type": "DRAIN"})  # type: ignore[union-attr]
        peer.expect("DRAIN")
        assert not peer.frames("LEASE")


class TestRevoking:
    def test_a_revoked_task_is_forgotten_and_its_pod_deleted(
        self, deployment: Deployment, executor: PodLauncherExecutor, peer: Peer
    ) -> None:
        ti, item = launched(deployment, executor, peer)
        executor.revoke_task(ti=ti)
        assert peer.expect("REVOKE")["launches"] == [{"id": item["id"]}]
        assert not executor.has_task(ti)
        assert not executor.event_buffer

    def test_a_queued_task_can_be_revoked_before_it_was_launched(
        self, deployment: Deployment, executor: PodLauncherExecutor
    ) -> None:
        ti = deployment.queued()
        deployment.enqueue(executor, ti)
        executor.revoke_task(ti=ti)
        assert not executor.has_task(ti)

    def test_a_revocation_is_repeated_to_a_launcher_that_was_away(
        self, deployment: Deployment, executor: PodLauncherExecutor, peer: Peer
    ) -> None:
        ti, item = launched(deployment, executor, peer)
        peer.close()
        eventually(lambda: executor.slots_available == 0, "no slots")
        executor.revoke_task(ti=ti)
        peer.listen()
        peer.welcome()
        deployment.run(executor, until=lambda: peer.frames("REVOKE"))
        assert peer.expect("REVOKE")["launches"] == [{"id": item["id"]}]

    def test_it_raises_nothing(self, executor: PodLauncherExecutor) -> None:
        executor.revoke_task(ti=object())  # type: ignore[arg-type]


class TestLeaving:
    def test_it_drains_and_leaves_the_pods_alone(
        self, deployment: Deployment, executor: PodLauncherExecutor, peer: Peer
    ) -> None:
        launched(deployment, executor, peer)
        executor.end()
        peer.expect("DRAIN")
        assert "REVOKE" not in peer.types()
        assert executor.slots_available == 0
