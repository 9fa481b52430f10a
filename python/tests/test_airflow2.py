"""What Airflow 2.11 does in its own way: commands, launch ids, tasks that are queued again under the same try."""

from __future__ import annotations

import time
import uuid
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from airflow.jobs.triggerer_job_runner import TriggerRunner
from airflow.models.trigger import Trigger
from airflow.utils.session import create_session
from child import Child, ended_event
from deployment import Deployment
from peer import Peer
from sqlalchemy import select
from test_adoption import adopt, answer
from test_executor import launched

from airflow_pod_launcher.compat import airflow2, own_session
from airflow_pod_launcher.executor import PodLauncherExecutor


def requeue(deployment: Deployment, ti: Any) -> None:
    """As the scheduler does when a deferred task resumes: another `queued_dttm`, the same try and launch id."""
    deployment.update(ti, state="queued", queued_dttm=datetime.now(timezone.utc) + timedelta(milliseconds=5))


class TestLaunchId:
    def test_it_is_a_uuid_that_begins_with_the_time(self) -> None:
        number = uuid.UUID(airflow2.make_launch_id())
        assert number.version == 7
        assert abs((number.int >> 80) / 1000 - time.time()) < 5

    def test_one_that_was_made_before_the_task_was_queued_is_superseded(self) -> None:
        before = datetime.now(timezone.utc)
        launch_id = airflow2.make_launch_id()
        assert not airflow2.is_superseded(launch_id, before)
        assert airflow2.is_superseded(launch_id, before + timedelta(seconds=5))

    @pytest.mark.parametrize("other", [None, "", "some-pod-name", str(uuid.uuid4())])
    def test_an_id_of_another_executor_is_not(self, other: str | None) -> None:
        assert not airflow2.is_superseded(other, datetime.now(timezone.utc))

    def test_it_is_in_the_database_before_the_launcher_hears_of_it(
        self, deployment: Deployment, executor: PodLauncherExecutor, peer: Peer
    ) -> None:
        ti = deployment.queued(external_executor_id="left-behind")
        deployment.enqueue(executor, ti)
        executor.heartbeat()  # The scheduler has handled no event yet.
        (item,) = peer.expect("LAUNCH")["launches"]
        assert deployment.ti(ti).external_executor_id == item["id"]
        assert not executor.event_buffer


class TestLaunching:
    def test_the_command_is_guarded_for_its_launch_and_try(
        self, deployment: Deployment, executor: PodLauncherExecutor, peer: Peer
    ) -> None:
        ti, item = launched(deployment, executor, peer, try_number=2)
        guard = ["python", "-m", "airflow_pod_launcher.guard", "--launch-id", item["id"], "--try-number", "2", "--"]
        assert item["args"][: len(guard)] == guard
        assert item["args"][len(guard) :][:6] == ["airflow", "tasks", "run", ti.dag_id, "work", ti.run_id]
        assert "--local" in item["args"]

    def test_unlimited_parallelism_launches_all(
        self, deployment: Deployment, executor: PodLauncherExecutor, peer: Peer
    ) -> None:
        executor.parallelism = 0
        for _ in range(3):
            deployment.enqueue(executor, deployment.queued())
        deployment.loop(executor)
        assert len(peer.expect("LAUNCH")["launches"]) == 3

    def test_a_row_that_another_session_has_locked_waits_for_the_next_loop(
        self, deployment: Deployment, executor: PodLauncherExecutor, peer: Peer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ti = deployment.queued()
        deployment.enqueue(executor, ti)
        with monkeypatch.context() as patch:
            # SQLite locks no rows: a query without a result is what SKIP LOCKED makes of it.
            patch.setattr(airflow2, "with_row_locks", lambda query, *_, **__: query.where(False))
            executor.trigger_tasks(8)
        assert ti.key in executor.queued_tasks
        assert ti.key not in executor.running
        deployment.loop(executor)
        assert peer.expect("LAUNCH")["launches"]


class TestQueuedAgain:
    def test_a_deferred_task_resumes_under_another_id_once_its_first_pod_has_ended(
        self, deployment: Deployment, executor: PodLauncherExecutor, peer: Peer
    ) -> None:
        ti, first = launched(deployment, executor, peer)
        requeue(deployment, ti)
        time.sleep(0.01)  # The new id's time is in milliseconds, and has to be later than `queued_dttm`.
        deployment.enqueue(executor, deployment.ti(ti))
        deployment.loop(executor)
        assert not peer.frames("LAUNCH")  # Airflow waits for the end of what runs under this key.
        peer.event(first["id"], "SUCCEEDED", exitCode=0)
        deployment.run(executor, until=lambda: peer.frames("LAUNCH"))
        (second,) = peer.expect("LAUNCH")["launches"]
        assert second["id"] != first["id"]
        assert deployment.ti(ti).external_executor_id == second["id"]
        assert deployment.state(ti) == "queued"

    def test_the_pod_of_an_earlier_launch_does_not_count_when_the_task_is_adopted(
        self, deployment: Deployment, executor: PodLauncherExecutor, peer: Peer
    ) -> None:
        ti = deployment.queued(external_executor_id=airflow2.make_launch_id(), queued_by_job_id=deployment.other_job_id)
        requeue(deployment, ti)
        answer(peer, [ti])
        assert adopt(deployment, executor, ti) == [ti.run_id]
        assert not executor.running


class TestEnding:
    def test_the_job_of_a_running_task_ends_with_its_pod(
        self, deployment: Deployment, executor: PodLauncherExecutor, peer: Peer
    ) -> None:
        from airflow.jobs.job import Job

        ti, item = launched(deployment, executor, peer)
        bystander, _ = launched(deployment, executor, peer)
        for each in (ti, bystander):
            deployment.update(each, state="running")
        peer.event(item["id"], "FAILED", started=True, reason="Evicted", exitCode=1)
        deployment.run(executor, until=lambda: deployment.state(ti) == "up_for_retry")
        with own_session() as session:
            states = dict(session.execute(select(Job.id, Job.state)).all())
        assert states[deployment.ti(ti).job_id] == "failed"
        assert states[deployment.ti(bystander).job_id] == "running"


RUNNING = {"type": "state", "state": "running", "node": "n", "reason": None, "message": None}


class TestTriggerer:
    """Airflow 2's own runner of triggers and its database; the child that follows pods is a stand-in."""

    def start(self, deployment: Deployment, ti: Any) -> tuple[TriggerRunner, int]:
        trigger = Trigger(
            "airflow_pod_launcher.triggers.pod.PodTrigger",
            {
                "request": {"protocol": 1, "namespace": "jobs", "attach": {"name": "the-pod", "uid": "1"}},
                "cluster": {"conn_id": None},
                "push_result": True,
            },
        )
        with create_session() as session:
            session.add(trigger)
            session.flush()
            number = int(trigger.id)
        deployment.update(ti, state="deferred", trigger_id=number)
        runner = TriggerRunner()
        runner.job_id = 1
        runner.update_triggers({number})
        runner.start()
        return runner, number

    def until(self, holds: Any) -> None:
        give_up = time.monotonic() + 30
        while not holds():
            assert time.monotonic() < give_up
            time.sleep(0.02)

    def stop(self, runner: TriggerRunner) -> None:
        runner.stop = True
        runner.join(30)

    def test_ends_a_deferred_task_with_its_result(self, deployment: Deployment, child: Child) -> None:
        child.does(RUNNING, {"type": "result", "json": '{"a": 1}'}, {**ended_event(), "type": "outcome"})
        ti = deployment.queued()
        runner, _ = self.start(deployment, ti)
        try:
            self.until(lambda: runner.events)
            number, event = runner.events.popleft()
            Trigger.submit_event(trigger_id=number, event=event)
        finally:
            self.stop(runner)
        ended = deployment.ti(ti)
        assert ended.state == "success"
        assert ended.xcom_pull(task_ids=ti.task_id) == {"a": 1}

    def test_takes_the_pod_of_a_task_along_that_was_marked(self, deployment: Deployment, child: Child) -> None:
        child.does(RUNNING, "wait-for-order", ended_event("killed"), "wait-for-eof")
        ti = deployment.queued()
        runner, _ = self.start(deployment, ti)
        try:
            self.until(child.has_been_asked)
            deployment.update(ti, state="failed", trigger_id=None)
            runner.update_triggers(set())
            self.until(child.orders)
        finally:
            self.stop(runner)
        assert child.orders() == ["kill"]

    def test_leaves_the_pod_when_it_is_stopped_itself(self, deployment: Deployment, child: Child) -> None:
        child.does(RUNNING, "wait-for-order", "wait-for-eof")
        ti = deployment.queued()
        runner, _ = self.start(deployment, ti)
        self.until(child.has_been_asked)
        self.stop(runner)
        self.until(child.orders)
        assert child.orders() == ["release"]
