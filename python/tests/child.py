"""A child that stands in for `pod-launcher run-pod`: it notes what it was asked, and does what its scenario says.

A real one is used wherever it can be had without a cluster (test_runs.py); with one, the integration tests do it.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from pathlib import Path
from typing import Any


class Child:
    """The scenario of the next child, and what it was asked."""

    def __init__(self, folder: Path) -> None:
        self._scenario = folder / "scenario.json"
        self._asked = folder / "asked.json"
        self.ended = folder / "ended"
        self.does()

    def orders(self) -> list[str]:
        """What it was told after the first order."""
        told = Path(f"{self.ended}.orders")
        return told.read_text().split() if told.exists() else []

    @property
    def command(self) -> list[str]:
        return [sys.executable, __file__, str(self._scenario), str(self._asked), str(self.ended)]

    def does(self, *steps: Any, exit_code: int = 0) -> None:
        """Events to tell, or `wait-for-term`, `wait-for-eof`, `wait-for-order`; with `watch-pods`, too: `die-once`."""
        self._scenario.write_text(json.dumps({"steps": steps, "exitCode": exit_code}))

    def asked(self) -> dict[str, Any]:
        return dict(json.loads(self._asked.read_text()))

    def has_been_asked(self) -> bool:
        return self._asked.exists()

    def manifest(self) -> dict[str, Any]:
        """What the parameters made of the pod."""
        return dict(self.asked()["layers"][-1]["manifest"])


CREATED = {"type": "created", "name": "the-pod", "namespace": "jobs", "uid": "1"}


def log_event(line: str, container: str = "base") -> dict[str, Any]:
    return {"type": "log", "container": container, "time": "2026-01-01T00:00:00Z", "line": line}


def ended_event(outcome: str = "succeeded", **changes: Any) -> dict[str, Any]:
    ended = {"type": "ended", "outcome": outcome, "exitCode": 0, "reason": None, "message": None, "output": None}
    return {**ended, "containers": [], "podEvents": [], "pod": "deleted", "requests": 5, **changes}


def main(scenario: str, asked: str, ended: str, command: str = "run-pod", *_: str) -> None:
    first = sys.stdin.readline()
    given = json.loads(first)
    follows = command == "watch-pods"
    of = {"id": given["id"]} if follows else {}
    Path(asked).write_text(json.dumps(given["request"]) if follows else first)
    told_to_end = []
    signal.signal(signal.SIGTERM, lambda *_: told_to_end.append(True))
    steps = json.loads(Path(scenario).read_text())
    for step in steps["steps"]:
        if step == "wait-for-term":
            while not told_to_end:
                time.sleep(0.01)
        elif step == "wait-for-eof":
            sys.stdin.read()
        elif step == "wait-for-order":
            with Path(ended + ".orders").open("a") as orders:
                orders.write(json.loads(sys.stdin.readline())["type"] + "\n")
        elif step == "die-once":
            if not Path(ended + ".died").exists():
                Path(ended + ".died").write_text("yes")
                sys.exit(1)
        else:
            print(json.dumps({**step, **of}), flush=True)
    Path(ended).write_text("yes")
    sys.exit(steps["exitCode"])


if __name__ == "__main__":
    # What the runtime is given after it says nothing new.
    main(*sys.argv[1:])
