"""Executes one operator as a worker does: `operator_task.py PARAMETERS`, JSON with `bundle`, `runId`, `tryNumber`, and
either `parameters` and `operator` (`module:Class` of the operators; PodOperator without it), or the `file` of a DAG and
a `task` in it. Prints one line of JSON at the end: the result, or the error with its type.
"""

from __future__ import annotations

import json
import logging
import runpy
import signal
import sys
from collections.abc import Mapping
from importlib import import_module
from types import SimpleNamespace
from typing import Any

from airflow_pod_launcher import runtime


def task_of(given: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return the operator, and its DAG if there is one."""
    if "file" in given:
        dag = runpy.run_path(given["file"])["dag"]
        task = dag.get_task(given["task"])
        task.kubernetes_conn_id = None
        return task, dag
    parameters = {"task_id": "task", "kubernetes_conn_id": None, **given["parameters"]}
    module, name = given.get("operator", "pod:PodOperator").split(":")
    return getattr(import_module(f"airflow_pod_launcher.operators.{module}"), name)(**parameters), None


def main() -> None:
    """Execute, with SIGTERM handled as Airflow's task runner handles it."""
    given = json.loads(sys.argv[1])
    runtime.command = lambda: given["bundle"]
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(message)s")
    made, dag = task_of(given)
    xcoms: dict[str, Any] = {}
    ti = SimpleNamespace(
        dag_id="dag" if dag is None else dag.dag_id,
        task_id=made.task_id,
        run_id=given["runId"],
        try_number=given["tryNumber"],
        map_index=-1,
        xcom_push=lambda key, value: xcoms.update({key: value}),
    )
    signal.signal(signal.SIGTERM, lambda *_: made.on_kill())
    try:
        outcome = {"result": made.execute({"ti": ti, "dag": dag})}
    except Exception as error:
        outcome = {"error": type(error).__name__, "message": str(error)}
    loaded = sorted(name for name in sys.modules if name.split(".")[0] in ("kubernetes", "kubernetes_asyncio"))
    print(json.dumps({**outcome, "xcoms": xcoms, "kubernetesModules": loaded}))


if __name__ == "__main__":
    main()
