"""What runs in a task's pod: one workload, supervised by Airflow's own `execute_workload`, started with less.

`python -m airflow_pod_launcher.worker --json-string JSON` (or `--json-path FILE`), or `prepare()` and then `run(json)`.

What happens to the workload is Airflow's: supervision, heartbeats, logs and their upload, masking, signals. Ours is how
the process gets there and leaves (docs/performance.md, "Where a task pod's time goes"): most of a no-op task's CPU is
imports, and much of its memory pages that the fork shared until the garbage collector wrote to them.
"""

from __future__ import annotations

import argparse
import atexit
import gc
import importlib
import os
import runpy
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from airflow_pod_launcher import prompt_exit

BOOTSTRAP = """\
try:
    from airflow_pod_launcher.worker import main
except ModuleNotFoundError:
    from airflow.sdk.execution_time.execute_workload import main
raise SystemExit(main())
"""
"""What `python -c` runs in a task's container: this worker, or Airflow's own in an image that lacks this package."""

_STOCK = "airflow.sdk.execution_time.execute_workload"

# What Airflow imports by the way, in the supervisor or in the task's process, when it runs a task. Imported before the
# fork they are loaded once, without the garbage collector, and in memory that both processes share. One that another
# version of Airflow lacks is left out: whoever needs it imports it then.
_PRELOADED = (
    "airflow.executors.base_executor",
    "airflow.sdk.execution_time.supervisor",
    "airflow.sdk.execution_time.task_runner",
    "airflow.dag_processing.dagbag",
    "airflow.dag_processing.importers",
    "airflow.dag_processing.bundles.local",
    "airflow.listeners.listener",
    "airflow.plugins_manager",
    "setproctitle",
)


def prepare() -> None:
    """Import what a workload needs, so that a later `run` starts at once. Starts no thread, opens no connection.

    Raises what importing Airflow raises, such as AirflowConfigException for a wrong configuration.
    """
    collecting = gc.isenabled()
    # A fifth of the time of importing Airflow is the collector looking in vain through what stays forever.
    gc.disable()
    try:
        importlib.import_module("airflow")
        for module in _PRELOADED:
            with suppress(ImportError):
                importlib.import_module(module)
        _stock_entry()
        prompt_exit.install()
    finally:
        # The collector writes into the header of each object it looks at: in the task's process every such write would
        # copy a page that it shares with its supervisor.
        gc.freeze()
        if collecting:
            gc.enable()


def run(workload_json: str) -> int:
    """Run one workload (a task, a callback or a connection test) to its end, and return the exit code of the process.

    0 when it was supervised to its end, however the task ended: Airflow hears of that from the task itself. 1 when the
    JSON is no workload. Raises what the supervisor raises.
    """
    entry = _stock_entry()
    if entry is None:
        return _run_stock_module(workload_json)
    decode, execute = entry
    try:
        workload = decode(workload_json)
    except ValueError as error:
        print(f"This is no workload of this Airflow: {_without_input(error)}", file=sys.stderr)
        return 1
    execute(workload)
    return 0


def _stock_entry() -> tuple[Callable[[str], Any], Callable[[Any], None]] | None:
    """How to decode and to execute a workload. None if this Airflow keeps them elsewhere."""
    try:
        from airflow.executors.workloads import All
        from airflow.sdk.execution_time.execute_workload import execute_workload
        from pydantic import TypeAdapter
    except ImportError:
        return None
    return TypeAdapter(All).validate_json, execute_workload


def _run_stock_module(workload_json: str) -> int:
    """Run Airflow's module as `python -m` does: what a version that we do not know certainly understands."""
    arguments = sys.argv
    sys.argv = [_STOCK, "--json-string", workload_json]
    try:
        runpy.run_module(_STOCK, run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    finally:
        sys.argv = arguments
    return 0


def _without_input(error: ValueError) -> str:
    """What is wrong, without the input: it holds the task's token."""
    errors = getattr(error, "errors", None)
    if errors is None:
        return type(error).__name__
    return "; ".join(
        f"{'.'.join(map(str, one['loc'])) or 'workload'}: {one['msg']}"
        for one in errors(include_input=False, include_url=False, include_context=False)
    )


class _QuickExit:
    """Ends the process after all other exit handlers, without taking the interpreter apart, which takes 0.1 s."""

    def __init__(self) -> None:
        # An exception that nobody catches ends Python with 1.
        self.code = 1
        self._pid = os.getpid()
        # Handlers run in reverse order: registered before Airflow is imported, this one is the last.
        atexit.register(self._leave)

    def _leave(self) -> None:
        if os.getpid() != self._pid:
            return
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(self.code)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the workload that the arguments give, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m airflow_pod_launcher.worker", description="Run one workload.")
    given = parser.add_mutually_exclusive_group(required=True)
    given.add_argument("--json-path", type=Path, help="a file with the workload's JSON")
    given.add_argument("--json-string", help="the workload's JSON")
    options = parser.parse_args(arguments)
    workload_json = options.json_string if options.json_string is not None else options.json_path.read_text()
    leaving = _QuickExit()
    prepare()
    leaving.code = run(workload_json)
    return leaving.code


if __name__ == "__main__":
    sys.exit(main())
