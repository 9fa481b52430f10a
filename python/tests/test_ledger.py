from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from airflow_pod_launcher.ledger import Action, Kind, Launch, Ledger, Row, decide, decide_workload
from airflow_pod_launcher.protocol import Event

ME = 7
KEY = ("dag", "task", "run", 1, -1)


def launch(**fields: Any) -> Launch:
    return Launch(**{"key": KEY, "id": "L", "ti_id": "ti", "try_number": 1, **fields})


def row(state: str | None, **fields: Any) -> Row:
    return Row(**{"ti_id": "ti", "key": KEY, "state": state, "launch_id": "L", "try_number": 1, "job_id": ME, **fields})


def ended(kind: str, **fields: Any) -> Event:
    return Event(**{"seq": 1, "id": "L", "attempt": 1, "kind": kind, **fields})


OOM = ended("FAILED", started=True, reason="OOMKilled", exit_code=137)
NEVER_STARTED = ended("FAILED", started=False, reason="Evicted")


class TestWhatAPodsEndMeans:
    @pytest.mark.parametrize("state", ["success", "failed"])
    def test_the_database_says_how_a_task_ended(self, state: str) -> None:
        verdict = decide(launch(end=ended("SUCCEEDED")), row(state), ME)
        assert (verdict.action, verdict.state) == (Action.EMIT, state)

    @pytest.mark.parametrize("state", ["deferred", "up_for_reschedule", "up_for_retry", "scheduled", "skipped", None])
    @pytest.mark.parametrize("kind", ["SUCCEEDED", "FAILED", "LOST"])
    def test_a_task_that_moved_on_needs_no_event(self, kind: str, state: str | None) -> None:
        assert decide(launch(end=ended(kind)), row(state), ME).action is Action.SETTLE

    def test_an_end_of_a_superseded_launch_says_nothing(self) -> None:
        assert decide(launch(end=OOM), row("running", launch_id="newer"), ME).action is Action.SETTLE

    def test_an_end_of_an_earlier_try_says_nothing(self) -> None:
        assert decide(launch(end=OOM), row("running", try_number=2), ME).action is Action.SETTLE

    def test_a_task_that_was_deleted_needs_no_event(self) -> None:
        assert decide(launch(end=OOM), None, ME).action is Action.SETTLE

    def test_a_task_of_another_scheduler_is_left_to_it(self) -> None:
        assert decide(launch(end=OOM), row("running", job_id=8), ME).action is Action.HAND_OVER

    def test_a_running_task_whose_pod_failed_fails_with_the_reason(self) -> None:
        verdict = decide(launch(end=OOM), row("running"), ME)
        assert (verdict.action, verdict.state) == (Action.EMIT_AND_CONFIRM, "failed")
        assert verdict.reason == "OOMKilled, exit 137"

    def test_a_running_task_whose_pod_is_lost_fails(self) -> None:
        verdict = decide(launch(end=ended("LOST", started=True)), row("running"), ME)
        assert (verdict.action, verdict.state) == (Action.EMIT_AND_CONFIRM, "failed")

    @pytest.mark.parametrize("state", ["queued", "running"])
    def test_a_pod_that_succeeded_before_its_task_gets_a_second_look(self, state: str) -> None:
        first = decide(launch(end=ended("SUCCEEDED")), row(state), ME)
        second = decide(launch(end=ended("SUCCEEDED"), looks=1), row(state), ME)
        assert first.action is Action.WAIT
        assert first.delay > 0
        assert (second.action, second.state) == (Action.EMIT_AND_CONFIRM, "failed")

    def test_a_task_cleared_while_it_ran_is_reported_as_ended_so_that_airflow_runs_it_again(self) -> None:
        verdict = decide(launch(end=ended("SUCCEEDED")), row("restarting"), ME)
        assert (verdict.action, verdict.state) == (Action.EMIT_AND_CONFIRM, "success")


class TestRelaunching:
    @pytest.mark.parametrize(
        "event",
        [
            NEVER_STARTED,
            ended("LOST"),
            ended("FAILED", started=True, reason="Evicted"),
            ended("FAILED", started=True, reason="Deleted"),
            ended("FAILED", started=False, reason="UnexpectedAdmissionError"),
            ended("FAILED", started=False, reason="Preempted"),
            ended("FAILED", started=True, reason="NodeLost"),
            ended("FAILED", started=False, reason="ErrImagePull"),
            ended("FAILED", started=False, reason="ImagePullBackOff"),
        ],
    )
    def test_a_pod_that_failed_before_its_task_started_is_launched_again(self, event: Event) -> None:
        assert decide(launch(end=event), row("queued"), ME).action is Action.RELAUNCH

    def test_it_is_launched_again_only_once(self) -> None:
        again = launch(end=replace(NEVER_STARTED, attempt=2), attempt=2)
        assert decide(again, row("queued"), ME).action is Action.EMIT_AND_CONFIRM

    @pytest.mark.parametrize(
        "event",
        [
            OOM,
            ended("FAILED", started=True, reason="Error", exit_code=1),
            ended("FAILED", reason="InvalidImageName"),
            ended("FAILED", reason="Unschedulable"),
            ended("CREATE_FAILED", reason="Invalid"),
        ],
    )
    def test_a_cause_in_the_pod_itself_is_final(self, event: Event) -> None:
        assert decide(launch(end=event), row("queued"), ME).action is Action.EMIT_AND_CONFIRM

    def test_a_create_that_came_too_late_is_left_to_airflows_own_requeueing(self) -> None:
        late = ended("CREATE_FAILED", reason="NotAfter")
        assert decide(launch(end=late), row("queued"), ME).action is Action.LEAVE

    def test_a_task_that_runs_is_never_launched_again(self) -> None:
        assert decide(launch(end=NEVER_STARTED), row("running"), ME).action is Action.EMIT_AND_CONFIRM


class TestConfirming:
    def test_what_airflow_took_is_settled_without_a_second_event(self) -> None:
        assert decide(launch(end=OOM, emitted=True), row("failed"), ME).action is Action.SETTLE
        assert decide(launch(end=OOM, emitted=True), row("up_for_retry"), ME).action is Action.SETTLE

    def test_what_airflow_did_not_take_is_emitted_again_later(self) -> None:
        verdict = decide(launch(end=OOM, emitted=True), row("running"), ME)
        assert verdict.action is Action.EMIT_AND_CONFIRM
        assert 30 <= verdict.delay <= 60


class TestAbsence:
    def test_a_queued_task_without_a_pod_is_sent_again(self) -> None:
        assert decide(launch(absent=True), row("queued"), ME).action is Action.RESEND

    def test_a_running_task_without_a_pod_fails(self) -> None:
        verdict = decide(launch(absent=True), row("running"), ME)
        assert (verdict.action, verdict.state) == (Action.EMIT_AND_CONFIRM, "failed")

    def test_a_finished_task_without_a_pod_is_settled(self) -> None:
        assert decide(launch(absent=True), row("success"), ME).action is Action.SETTLE


class TestCallbacks:
    def test_their_exit_is_their_outcome(self) -> None:
        callback = launch(kind=Kind.CALLBACK, frame={})
        assert decide_workload(replace(callback, end=ended("SUCCEEDED"))).state == "success"
        assert decide_workload(replace(callback, end=OOM)).state == "failed"


class TestLedger:
    def test_a_new_launch_of_a_key_supersedes_the_old_one_until_its_pod_ended(self) -> None:
        ledger = Ledger()
        old, new = launch(id="old"), launch(id="new")
        ledger.add(old)
        ledger.add(new)
        assert ledger.current(KEY) is new
        assert not ledger.is_current(old)
        ledger.record(ended("SUCCEEDED", id="old"))
        assert ledger.due(0) == [old]
        ledger.forget(old)
        assert ledger.current(KEY) is new

    def test_an_event_of_an_earlier_attempt_changes_nothing(self) -> None:
        ledger = Ledger()
        known = launch(attempt=2)
        ledger.add(known)
        assert not ledger.record(OOM)
        assert known.end is None

    def test_a_repeated_end_only_adds_its_seq(self) -> None:
        ledger = Ledger()
        known = launch()
        ledger.add(known)
        assert ledger.record(OOM)
        assert ledger.record(replace(OOM, seq=9))
        assert known.end is OOM
        assert known.seqs == [1, 9]

    def test_an_end_that_is_told_again_after_it_was_emitted_is_looked_at_at_once(self) -> None:
        ledger = Ledger()
        known = launch(emitted=True, end=OOM, due=30.0)
        ledger.add(known)
        assert not ledger.due(0)
        ledger.record(replace(OOM, seq=9))
        assert ledger.due(0) == [known]

    def test_an_end_that_is_told_again_does_not_shorten_the_wait_for_a_second_look(self) -> None:
        ledger = Ledger()
        ledger.add(launch(end=ended("SUCCEEDED"), due=5.0, looks=1))
        ledger.record(ended("SUCCEEDED", seq=2))
        assert not ledger.due(0)

    def test_an_absent_launch_that_shows_up_is_not_sent_again(self) -> None:
        ledger = Ledger()
        ledger.add(launch())
        ledger.mark_absent("L", 1)
        assert ledger.due(0)
        ledger.record(ended("CREATED"))
        assert not ledger.due(0)

    def test_an_answer_about_an_earlier_attempt_does_not_make_a_launch_absent(self) -> None:
        ledger = Ledger()
        ledger.add(launch(attempt=2))
        ledger.mark_absent("L", 1)
        assert not ledger.due(0)

    def test_the_next_attempt_starts_over(self) -> None:
        ledger = Ledger()
        known = launch()
        ledger.add(known)
        ledger.record(NEVER_STARTED)
        ledger.next_attempt(known)
        assert (known.attempt, known.end, ledger.due(1e9)) == (2, None, [])
