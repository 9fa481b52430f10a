"""Airflow's side of the crash matrix: forks a scheduler, an execution API or a query for each line of stdin.

A line is `{"id", "call", "args"}`. The child runs the function of that name and writes what it returns, as JSON, to the
file `replies/<id>`; this process tells its start (`{"id", "pid"}`) and its end (`{"id", "code"}`, negative for a
signal) on stdout. Children are forked because importing Airflow takes seconds: the forked scheduler is a process like
any other and dies by a real SIGKILL.
"""

from __future__ import annotations

import ctypes
import json
import os
import selectors
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1
REPLIES = Path(os.environ["AIRFLOW_HOME"], "replies")


# Airflow logs to stdout while it is imported.
TO_PARENT = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)


def say(**fields: Any) -> None:
    """Tell the parent."""
    print(json.dumps(fields), file=TO_PARENT, flush=True)


def reply(request: int, answer: Any) -> None:
    """Write an answer so that it is there whole or not at all."""
    part = REPLIES / f"{request}.part"
    part.write_text(json.dumps(answer))
    part.rename(REPLIES / str(request))


def child(request: dict[str, Any]) -> None:
    """Run one call and end the process."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    code = 1
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        import calls

        answer = getattr(calls, request["call"])(tell=lambda answer: reply(request["id"], answer), **request["args"])
        if answer is not None:
            reply(request["id"], answer)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def reap(running: dict[int, int]) -> None:
    """Tell the ends of children."""
    while running:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        say(id=running.pop(pid), code=os.waitstatus_to_exitcode(status))


def main() -> None:
    """Serve until stdin ends; children do not outlive it."""
    REPLIES.mkdir(exist_ok=True)
    import calls

    calls.preload()
    wake, wake_writer = os.pipe()
    for end in (wake, wake_writer):
        os.set_blocking(end, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake_writer, warn_on_full_buffer=False)
    running: dict[int, int] = {}
    say(ready=True)
    buffer = b""
    with selectors.DefaultSelector() as selector:
        selector.register(0, selectors.EVENT_READ)
        selector.register(wake, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fd == wake:
                    os.read(wake, 4096)
                    reap(running)
                    continue
                chunk = os.read(0, 65536)
                if not chunk:
                    for pid in running:
                        os.kill(pid, signal.SIGKILL)
                    return
                *lines, buffer = (buffer + chunk).split(b"\n")
                for line in lines:
                    request = json.loads(line)
                    pid = os.fork()
                    if pid == 0:
                        child(request)
                    running[pid] = request["id"]
                    say(id=request["id"], pid=pid)


if __name__ == "__main__":
    main()
