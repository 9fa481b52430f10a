from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from deployment import Deployment
from peer import Peer

from airflow_pod_launcher import compat
from airflow_pod_launcher import executor as executor_module
from airflow_pod_launcher.executor import PodLauncherExecutor


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(executor_module, "ADOPTION_SECONDS", 0.1)
    return


def adopt(deployment: Deployment, executor: PodLauncherExecutor, *tis: Any) -> list[Any]:
    """Adopt as the scheduler does: few columns loaded, inside its transaction; then the new owner is written."""
    from airflow.models.taskinstance import TaskInstance
    from sqlalchemy import select
    from sqlalchemy.orm import lazyload, load_only

    columns = (TaskInstance.dag_id, TaskInstance.task_id, TaskInstance.run_id)
    if hasattr(TaskInstance, "id"):
        columns = (TaskInstance.id, *columns, TaskInstance.map_index, TaskInstance.state)
        columns = (*columns, TaskInstance.external_executor_id)
    with compat.own_session() as session:
        query = (
            select(TaskInstance)
            .where(TaskInstance.run_id.in_([ti.run_id for ti in tis]))
            .options(lazyload(TaskInstance.dag_run), load_only(*columns))
        )
        loaded = list(session.scalars(query))
        refused = executor.try_adopt_task_instances(loaded)
        for ti in set(loaded) - set(refused):
            ti.queued_by_job_id = deployment.job_id
        return [ti.run_id for ti in refused]


def answer(peer: Peer, present: list[Any]) -> None:
    """Answer the next ADOPT: these have pods."""

    def reply() -> None:
        frame = peer.expect("ADOPT")
        ids = {ti.external_executor_id for ti in present}
        wanted = [entry["id"] for entry in frame["launches"]]
        adopted = [{"id": i, "attempt": 2, "podName": "p", "namespace": "n"} for i in wanted if i in ids]
        absent = [i for i in wanted if i not in ids]
        peer.send({"type": "ADOPTED", "request": frame["request"], "adopted": adopted, "absent": absent})

    threading.Thread(target=reply, daemon=True).start()


def test_what_has_a_pod_is_adopted_and_the_rest_returned(
    deployment: Deployment, executor: PodLauncherExecutor, peer: Peer
) -> None:
    owner = {"queued_by_job_id": deployment.other_job_id}
    alive, gone = deployment.queued(state="running", **owner), deployment.queued(**owner)
    nameless = deployment.queued(external_executor_id=None, **owner)
    answer(peer, [alive])
    assert set(adopt(deployment, executor, alive, gone, nameless)) == {gone.run_id, nameless.run_id}
    assert executor.running == {alive.key}


def test_an_adopted_task_is_followed_to_its_end(
    deployment: Deployment, executor: PodLauncherExecutor, peer: Peer
) -> None:
    ti = deployment.queued(state="running", queued_by_job_id=deployment.other_job_id)
    answer(peer, [ti])
    adopt(deployment, executor, ti)
    peer.event(ti.external_executor_id, "FAILED", attempt=2, started=True, reason="Error", exitCode=1)
    deployment.run(executor, until=lambda: deployment.state(ti) == "up_for_retry")
    assert not executor.running


def test_adopting_twice_asks_once(deployment: Deployment, executor: PodLauncherExecutor, peer: Peer) -> None:
    ti = deployment.queued(queued_by_job_id=deployment.other_job_id)
    answer(peer, [ti])
    assert adopt(deployment, executor, ti) == []
    assert adopt(deployment, executor, ti) == []
    assert not peer.frames("ADOPT")


@pytest.mark.usefixtures("impatient")
class TestWithoutAnAnswer:
    def test_nothing_is_reset_and_the_question_is_asked_again(
        self, deployment: Deployment, executor: PodLauncherExecutor, peer: Peer
    ) -> None:
        ti = deployment.queued(state="running", queued_by_job_id=deployment.other_job_id)
        peer.close()
        assert adopt(deployment, executor, ti) == []
        assert ti.key in executor.running
        peer.listen()
        peer.welcome()
        answer(peer, [ti])
        deployment.run(executor, until=lambda: executor._dispatcher.ledger.get(ti.external_executor_id).resolved)
        assert deployment.state(ti) == "running"

    def test_a_running_task_that_turns_out_to_have_no_pod_fails(
        self, deployment: Deployment, executor: PodLauncherExecutor, peer: Peer
    ) -> None:
        ti = deployment.queued(state="running", queued_by_job_id=deployment.other_job_id)
        peer.close()
        adopt(deployment, executor, ti)
        peer.listen()
        peer.welcome()
        answer(peer, [])
        deployment.run(executor, until=lambda: deployment.state(ti) == "up_for_retry")
        assert any("the pod is gone" in (extra or "") for _, extra in deployment.audit_log(ti))

    @pytest.mark.airflow3
    def test_a_queued_task_that_turns_out_to_have_no_pod_is_launched_with_a_new_workload(
        self, deployment: Deployment, executor: PodLauncherExecutor, peer: Peer
    ) -> None:
        ti = deployment.queued(queued_by_job_id=deployment.other_job_id)
        peer.close()
        adopt(deployment, executor, ti)
        peer.listen()
        peer.welcome()
        answer(peer, [])
        deployment.run(executor, until=lambda: peer.frames("LAUNCH"))
        (item,) = peer.expect("LAUNCH")["launches"]
        assert (item["id"], item["attempt"]) == (ti.external_executor_id, 1)
        workload = json.loads(item["args"][-1])
        assert workload["ti"]["id"] == str(ti.id)
        assert workload["token"]
