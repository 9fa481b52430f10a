"""Turns an executor's loop over so many queued workloads: drive.py CONTENDER COUNT.

Talks JSON lines: prints `ready`, waits for a line on stdin, prints `started`, `launched`, `created` and `ended`,
goes on turning until stdin says the next word, prints `done`. Configuration is all in the environment.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from typing import Any

import psutil
import tasks
from contender import CONTENDERS

READY_SECONDS = 60.0
# A scheduler has more to do in a loop than this. One that takes longer goes on without a pause.
LOOP_SECONDS = 0.05


def say(event: str, **fields: Any) -> None:
    """Tell the parent."""
    print(json.dumps({"event": event, "at": time.time() * 1000, **fields}), flush=True)


def turn(executor: Any) -> float:
    """One turn of the scheduler's loop, as far as the executor sees it; return what it took in milliseconds."""
    started = time.perf_counter()
    executor.heartbeat()
    took = (time.perf_counter() - started) * 1000
    executor.get_event_buffer()
    return took


def wait_ready(contender: Any) -> None:
    """Turn the loop until the executor would take workloads."""
    deadline = time.monotonic() + READY_SECONDS
    while not contender.ready():
        if time.monotonic() > deadline:
            raise SystemExit(f"the executor was not ready in {READY_SECONDS:.0f} s")
        turn(contender.executor)
        time.sleep(0.02)


def main() -> None:
    """Run the executor named by the arguments."""
    contender = CONTENDERS[sys.argv[1]]()
    executor = contender.executor
    executor.job_id = tasks.make_job()
    workloads = tasks.make_queued(int(sys.argv[2]), executor.job_id, executor)
    executor.start()
    wait_ready(contender)
    say("ready", watchers=contender.watchers())
    sys.stdin.readline()

    stop = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.readline(), stop.set()), daemon=True).start()
    cpu_before = cpu_seconds()
    say("started")
    for workload in workloads:
        executor.queued_tasks[workload.ti.key] = workload
    # The first turn takes all of them in at once, which no scheduler does: it is told apart.
    first = turn(executor)
    heartbeats: list[float] = []
    launched = created = ended = False
    while not stop.is_set():
        started = time.perf_counter()
        if not launched and contender.has_launched_all():
            launched = True
            tasks.finish_all()
            say("launched")
        if launched and not created and contender.has_created_all():
            created = True
            say("created")
        if not ended:
            heartbeats.append(turn(executor))
            if launched and not executor.running:
                ended = True
                say("ended")
        else:
            turn(executor)
        stop.wait(max(0.0, LOOP_SECONDS - (time.perf_counter() - started)))
    say(
        "done",
        firstHeartbeatMs=first,
        heartbeatsMs=heartbeats,
        cpuSeconds=cpu_seconds() - cpu_before,
        pssBytes=sum(process.memory_full_info().pss for process in family()),
    )
    # An orderly end flushes queues, which is no part of the measure, and pods go with their namespace.
    for child in family()[1:]:
        child.kill()
    sys.stdout.flush()
    os._exit(0)


def family() -> list[psutil.Process]:
    """This process and its descendants."""
    me = psutil.Process()
    return [me, *me.children(recursive=True)]


def cpu_seconds() -> float:
    """Processor time of the family so far."""
    return sum(times.user + times.system for times in (process.cpu_times() for process in family()))


if __name__ == "__main__":
    main()
