"""Executes one operator as a worker does: `operator_task.py PARAMETERS`, JSON with `bundle`, `runId`, `tryNumber`,
`parameters` and `operator` (`module:Class` of the operators; PodOperator without it). Prints one line of JSON at the
end: the result, or the error with its type.
"""

from __future__ import annotations

import json
import logging
import signal
import sys
from importlib import import_module
from types import SimpleNamespace
from typing import Any

from airflow_pod_launcher import runtime


def main() -> None:
    """Execute, with SIGTERM handled as Airflow's task runner handles it."""
    given = json.loads(sys.argv[1])
    runtime.command = lambda: given["bundle"]
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(message)s")
    parameters = {"task_id": "task", "kubernetes_conn_id": None, **given["parameters"]}
    module, name = given.get("operator", "pod:PodOperator").split(":")
    made = getattr(import_module(f"airflow_pod_launcher.operators.{module}"), name)(**parameters)
    xcoms: dict[str, Any] = {}
    ti = SimpleNamespace(
        dag_id="dag",
        task_id="task",
        run_id=given["runId"],
        try_number=given["tryNumber"],
        map_index=-1,
        xcom_push=lambda key, value: xcoms.update({key: value}),
    )
    signal.signal(signal.SIGTERM, lambda *_: made.on_kill())
    try:
        outcome = {"result": made.execute({"ti": ti})}
    except Exception as error:
        outcome = {"error": type(error).__name__, "message": str(error)}
    loaded = sorted(name for name in sys.modules if name.split(".")[0] in ("kubernetes", "kubernetes_asyncio"))
    print(json.dumps({**outcome, "xcoms": xcoms, "kubernetesModules": loaded}))


if __name__ == "__main__":
    main()
