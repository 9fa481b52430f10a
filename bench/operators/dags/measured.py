"""Notes what the process of a task used."""

from __future__ import annotations

import json
import os
import resource
from collections.abc import Callable
from typing import Any


def measured(operator: type) -> type:
    """Return the operator, with a line in the file BENCH_USE each time that a worker has run it, or resumed it."""

    class Measured(operator):  # type: ignore[misc]
        def execute(self, context: Any) -> Any:
            return _noted(self.task_id, lambda: super(Measured, self).execute(context))

        def resume_execution(self, *args: Any, **kwargs: Any) -> Any:
            return _noted(self.task_id, lambda: super(Measured, self).resume_execution(*args, **kwargs))

    Measured.__name__ = operator.__name__
    return Measured


def _noted(task: str, run: Callable[[], Any]) -> Any:
    try:
        return run()
    finally:
        own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
        use = {
            "task": task,
            "cpuSeconds": own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime,
            "processMb": own.ru_maxrss / 1000,
        }
        with open(os.environ["BENCH_USE"], "a") as file:
            file.write(json.dumps(use) + "\n")
