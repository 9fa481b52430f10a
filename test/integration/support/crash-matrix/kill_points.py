"""Named points of a scheduler's life, and death by SIGKILL (or a stop by SIGSTOP) at one of them."""

from __future__ import annotations

import os
import signal
from typing import Any

TERMINAL = {"success", "failed"}


def arm(runner: Any, point: str, nth: int, stop: bool = False) -> None:
    """Make a scheduler die at a point, the nth time that it comes there.

    :param stop: SIGSTOP instead: it may be woken
    """
    executor = runner.executor
    come = 0

    def reached() -> None:
        nonlocal come
        come += 1
        if come == nth:
            os.kill(os.getpid(), signal.SIGSTOP if stop else signal.SIGKILL)

    def before_launch() -> None:
        heartbeat = executor.heartbeat

        def instead() -> None:
            if executor.queued_tasks:
                reached()
            heartbeat()

        executor.heartbeat = instead

    def after_launch() -> None:
        heartbeat = executor.heartbeat

        def instead() -> None:
            launching = bool(executor.queued_tasks)
            heartbeat()
            if launching:
                reached()

        executor.heartbeat = instead

    def has_ends() -> bool:
        return any(str(state) in TERMINAL for state, _ in executor.event_buffer.values())

    def before_processing() -> None:
        process = runner._process_executor_events

        def instead(**arguments: Any) -> int:
            if has_ends():
                reached()
            return process(**arguments)

        runner._process_executor_events = instead

    def before_commit() -> None:
        process = runner._process_executor_events

        def instead(**arguments: Any) -> int:
            ended = has_ends()
            number = process(**arguments)
            if ended:
                reached()
            return number

        runner._process_executor_events = instead

    def before_ack() -> None:
        # What one turn of the loop emitted and committed is acknowledged by the next one's heartbeat.
        process, heartbeat = runner._process_executor_events, executor.heartbeat
        committed = False

        def processed(**arguments: Any) -> int:
            nonlocal committed
            committed = has_ends()
            return process(**arguments)

        def instead() -> None:
            nonlocal committed
            if committed:
                reached()
                committed = False
            heartbeat()

        runner._process_executor_events, executor.heartbeat = processed, instead

    def before_adoption_commit() -> None:
        adopt = executor.try_adopt_task_instances

        def instead(tis: Any) -> Any:
            left = adopt(tis)
            if tis:
                reached()
            return left

        executor.try_adopt_task_instances = instead

    points = {
        "QUEUED committed, LAUNCH not sent": before_launch,
        "LAUNCH sent": after_launch,
        "event emitted, not processed": before_processing,
        "event processed, not committed": before_commit,
        "event committed, not acknowledged": before_ack,
        "adopted, not committed": before_adoption_commit,
    }
    points[point]()
