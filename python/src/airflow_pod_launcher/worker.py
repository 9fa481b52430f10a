"""What runs in a task's pod: one workload, supervised as `airflow.sdk.execution_time.execute_workload` does.

`python -m airflow_pod_launcher.worker --json-string JSON` (or `--json-path FILE`), or `prepare()` and then `run(json)`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path


def prepare() -> None:
    """Import what every workload needs, so that a later `run` starts at once. Starts no thread, opens no connection."""
    from airflow.executors import base_executor  # noqa: F401
    from airflow.sdk.execution_time import execute_workload, supervisor  # noqa: F401


def run(workload_json: str) -> int:
    """Run one workload (a task, a callback or a connection test) to its end, and return the exit code of the process.

    0 when it was supervised to its end, however the task ended: Airflow hears of that from the task itself. 1 when the
    JSON is no workload. Raises what the supervisor raises.
    """
    from airflow.executors import workloads
    from airflow.sdk.execution_time.execute_workload import execute_workload
    from pydantic import TypeAdapter

    try:
        workload = TypeAdapter(workloads.All).validate_json(workload_json)
    except ValueError as error:
        print(f"This is no workload of this Airflow: {error}", file=sys.stderr)
        return 1
    execute_workload(workload)  # type: ignore[arg-type]  # annotated for tasks, runs every kind
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the workload that the arguments give, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m airflow_pod_launcher.worker", description="Run one workload.")
    given = parser.add_mutually_exclusive_group(required=True)
    given.add_argument("--json-path", type=Path, help="a file with the workload's JSON")
    given.add_argument("--json-string", help="the workload's JSON")
    options = parser.parse_args(arguments)
    return run(options.json_string if options.json_string is not None else options.json_path.read_text())


if __name__ == "__main__":
    sys.exit(main())
