"""The worker of a standby pod: imports all that a task needs, says so, and waits for the one task that it will run.

python -m airflow_pod_launcher.standby_worker READY_FD < JSON_LIST_OF_ARGUMENTS
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence

from airflow_pod_launcher import worker
from airflow_pod_launcher._contract import STANDBY_UNUSED

_WORKLOAD_MODULES = frozenset({"airflow_pod_launcher.worker", "airflow.sdk.execution_time.execute_workload"})


def workload_of(args: Sequence[str]) -> str | None:
    """Return the workload's JSON from the arguments of a task's container; None if they run something else."""
    match list(args):
        case ["python", "-m", module, "--json-string", workload] if module in _WORKLOAD_MODULES:
            return workload
        case ["python", "-c", worker.BOOTSTRAP, "--json-string", workload]:
            return workload
    return None


def run(args: Sequence[str]) -> int:
    """Run a task's container's arguments, and return the exit code.

    Workloads run here, where all is imported. Anything else takes the place of this process.
    """
    workload = workload_of(args)
    if workload is None:
        os.execvp(args[0], list(args))
    return worker.run(workload)


def main() -> int:
    """Wait for a task and run it. Return the exit code; STANDBY_UNUSED if none came."""
    worker.prepare()
    ready = int(sys.argv[1])
    os.write(ready, b"1")
    os.close(ready)
    text = sys.stdin.buffer.read()
    # Tasks get the standard input that a container has.
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return run(json.loads(text)) if text else STANDBY_UNUSED


if __name__ == "__main__":
    sys.exit(main())
