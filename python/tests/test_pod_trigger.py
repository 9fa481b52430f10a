"""The trigger with a child that stands in for the runtime; integration tests have the real one, and real pods."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.triggers.base import TaskSuccessEvent, TriggerEvent
from child import Child, ended_event, log_event

from airflow_pod_launcher.triggers import pod as trigger_module
from airflow_pod_launcher.triggers.pod import PodTrigger
from airflow_pod_launcher.triggers.watcher import watcher

POD = {"name": "the-pod", "uid": "1", "namespace": "jobs"}
REQUEST = {"protocol": 1, "namespace": "jobs", "attach": {"name": "the-pod", "uid": "1"}}


def outcome(result: str = "succeeded", **changes: Any) -> dict[str, Any]:
    return {**ended_event(result, **changes), "type": "outcome"}


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What triggers log; Airflow's versions have loggers of their own."""
    lines: list[str] = []

    def write(text: str, *args: Any, **_: Any) -> None:
        lines.append(text % args if args else text)

    monkeypatch.setattr(PodTrigger, "log", SimpleNamespace(info=write, warning=write))
    return lines


@pytest.fixture
def pushed(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The XComs of the task. Who stores them differs between Airflow's versions; e2e tests have them stored."""
    xcoms: dict[str, Any] = {}

    async def push(_: Any, given: dict[str, Any]) -> None:
        xcoms.update(given)

    monkeypatch.setattr(trigger_module, "push_xcoms", push)
    return xcoms


def waiting(monkeypatch: pytest.MonkeyPatch, state: bool) -> None:
    """Airflow's answer to whether the task still waits; it needs a triggerer's own process to give it."""

    async def is_deferred(_: Any) -> bool:
        return state

    monkeypatch.setattr(trigger_module, "is_deferred", is_deferred)


def trigger(**fields: Any) -> PodTrigger:
    made = PodTrigger(request=REQUEST, cluster={"conn_id": None}, **fields)
    _, kwargs = made.serialize()
    # As another triggerer gets it.
    again = PodTrigger(**json.loads(json.dumps(kwargs)))
    again.task_instance = SimpleNamespace(dag_id="dag", task_id="task", run_id="run", map_index=-1)
    return again


def run(made: PodTrigger) -> TriggerEvent:
    async def all_events() -> list[TriggerEvent]:
        events = [event async for event in made.run()]
        await made.cleanup()
        return events

    (event,) = asyncio.run(all_events())
    return event


def cancelled(made: PodTrigger, child: Child, then: Callable[[], Any]) -> None:
    """As a triggerer ends a trigger that is not wanted any more."""

    async def main() -> None:
        async def consume() -> None:
            async for _ in made.run():
                pass

        task = asyncio.create_task(consume())
        while made._follow is None or made._follow._state is None:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await then()
        while not child.orders():
            await asyncio.sleep(0.01)

    asyncio.run(main())


RUNNING = {"type": "state", "state": "running", "node": "n", "reason": None, "message": None}


@pytest.mark.usefixtures("logged")
def test_a_success_ends_the_task_in_the_triggerer(child: Child, pushed: dict[str, Any]) -> None:
    child.does(RUNNING, {"type": "result", "json": '{"a": 1}'}, outcome())
    assert isinstance(run(trigger(push_result=True, multiple_outputs=True)), TaskSuccessEvent)
    assert pushed == {"a": 1, "return_value": {"a": 1}}
    assert child.asked() == {**REQUEST, "cluster": {}}


@pytest.mark.usefixtures("logged")
def test_a_result_that_nobody_asked_for_is_none(child: Child, pushed: dict[str, Any]) -> None:
    child.does({"type": "result", "json": "null"}, outcome())
    assert isinstance(run(trigger(push_result=True)), TaskSuccessEvent)
    assert pushed == {}


def test_lines_are_logged_once_also_when_the_child_dies(child: Child, logged: list[str], pushed: object) -> None:
    lines = [{**log_event(text), "time": f"2026-01-01T00:00:00.00000000{at}Z"} for at, text in enumerate("abc", 1)]
    child.does(RUNNING, *lines[:2], "die-once", lines[2], outcome())
    run(trigger())
    assert [line for line in logged if line.startswith("[base]")] == ["[base] a", "[base] b", "[base] c"]
    assert logged.count("Pod is running") == 1


@pytest.mark.usefixtures("logged")
@pytest.mark.parametrize("finish", ["triggerer", "worker"])
def test_a_failure_is_left_to_a_worker_with_all_that_is_known(child: Child, finish: str) -> None:
    child.does(outcome("failed", exitCode=3, reason="Error", podEvents=["10:00 X: y"]))
    event = run(trigger(finish=finish))
    assert type(event) is TriggerEvent
    assert event.payload["kind"] == "ended"
    assert event.payload["pod"] == POD
    assert event.payload["ended"]["exitCode"] == 3
    assert event.payload["ended"]["podEvents"] == ["10:00 X: y"]


@pytest.mark.usefixtures("logged")
def test_a_worker_may_be_asked_to_end_a_success_or_to_read_the_pod(child: Child) -> None:
    child.does({"type": "result", "json": "7"}, outcome())
    assert run(trigger(finish="worker")).payload["result"] == "7"
    child.does(ended_event(pod="kept"))
    assert run(trigger(finish="attach")).payload == {"kind": "attach", "pod": POD}


def test_a_worker_goes_on_where_the_triggerer_cannot(monkeypatch: pytest.MonkeyPatch, logged: list[str]) -> None:
    def missing() -> list[str]:
        raise FileNotFoundError("no node binary")

    monkeypatch.setattr(trigger_module.watcher.__globals__["runtime"], "command", missing)
    assert run(trigger()).payload == {"kind": "attach", "pod": POD}
    assert "no node binary" in logged[0]


@pytest.mark.usefixtures("logged")
def test_what_could_not_be_followed_is_told(child: Child) -> None:
    child.does({"type": "error", "code": "Forbidden", "message": "not allowed to watch pods"})
    assert run(trigger()).payload == {"kind": "error", "code": "Forbidden", "message": "not allowed to watch pods"}


@pytest.mark.usefixtures("logged")
def test_a_task_that_waits_no_more_takes_its_pod_along(child: Child, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting(monkeypatch, False)
    child.does(RUNNING, "wait-for-order", ended_event("killed"), "wait-for-eof")
    made = trigger()
    cancelled(made, child, made.on_kill)
    assert child.orders() == ["kill"]


@pytest.mark.usefixtures("logged")
def test_a_trigger_that_has_moved_leaves_the_pod_alone(child: Child, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting(monkeypatch, True)
    child.does(RUNNING, "wait-for-order", "wait-for-eof")
    made = trigger()

    async def as_airflow_does() -> None:
        await made.on_kill()
        await made.cleanup()

    cancelled(made, child, as_airflow_does)
    assert child.orders() == ["release"]


@pytest.mark.usefixtures("logged", "pushed")
def test_all_pods_share_one_child(child: Child) -> None:
    child.does("wait-for-eof")

    async def main() -> None:
        shared = watcher()
        await asyncio.gather(*(shared.follow({**REQUEST, "number": number}) for number in range(20)))
        assert shared is watcher()
        assert shared._child is not None

    asyncio.run(main())
