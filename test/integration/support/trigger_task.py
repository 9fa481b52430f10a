"""Runs one deferrable operator as far as Airflow 3 does: the worker's part, then real triggerer classes for the trigger.

`trigger_task.py GIVEN`, JSON with `bundle`, `runId`, `tryNumber`, `parameters`, and `trigger` to go on with a deferred
one. Prints JSON lines: `deferred` with what the database would keep of the trigger, `log`, and `event`. SIGUSR1 is what
a triggerer does when the trigger is not wanted any more; SIGTERM ends the triggerer.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from datetime import datetime, timezone
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import structlog
from airflow.jobs.triggerer_job_runner import TriggerRunner
from airflow.sdk import DAG
from airflow.sdk.exceptions import TaskDeferred

from airflow_pod_launcher import runtime
from airflow_pod_launcher.operators.pod import PodOperator
from airflow_pod_launcher.triggers import pod as trigger_module


def tell(**fields: Any) -> None:
    """Print one line of JSON."""
    print(json.dumps(fields, default=str), flush=True)


class Comms:
    """The supervisor's end: it creates and cancels triggers, and answers what a trigger asks of the database."""

    def __init__(self) -> None:
        self._reader_task = asyncio.get_running_loop().create_future()


class Runner(TriggerRunner):
    """Airflow's own runner; only what it says to its supervisor is printed instead."""

    def __init__(self, workload: Any) -> None:
        super().__init__()
        self._workloads = [workload]
        self.unwanted = False

    async def init_comms(self) -> None:
        """There is no supervisor to connect to."""
        self.comms_decoder = Comms()  # type: ignore[assignment]

    async def sync_state_to_supervisor(self, finished_ids: list[int]) -> None:
        """Print events and failures; ask for the trigger once, and for its end when it is not wanted."""
        changes = self.process_trigger_events(finished_ids)
        for entry in changes.events or ():
            event = entry.event
            tell(kind="event", type=type(event).__name__, payload=event.payload)
        for _, failure in changes.failures or ():
            tell(kind="failure", text="".join(failure or ()))
        self.to_create.extend(self._workloads)
        self._workloads = []
        if self.unwanted:
            self.unwanted = False
            self.to_cancel.append(1)
        if finished_ids:
            self.stop = True


def log_to_stdout() -> None:
    """Print what the trigger logs, with the time that it has."""

    def write(_: Any, level: str, event: Any) -> str:
        text = str(event.pop("event"))
        args = event.pop("positional_args", ())
        line = {"kind": "log", "text": text % args if args else text, "time": event.get("timestamp"), "level": level}
        return json.dumps(line, default=str)

    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, write],
        wrapper_class=structlog.make_filtering_bound_logger(20),
        logger_factory=structlog.PrintLoggerFactory(),
    )


def defer(given: dict[str, Any]) -> dict[str, Any]:
    """Execute the operator as a worker does; return what the database keeps of its trigger."""
    more = {"log_formatter": "{}|{}".format} if given.get("formatter") else {}
    with DAG("dag"):
        operator = PodOperator(task_id="task", kubernetes_conn_id=None, deferrable=True, **given["parameters"], **more)
    ti = SimpleNamespace(
        dag_id="dag",
        task_id="task",
        run_id=given["runId"],
        try_number=given["tryNumber"],
        map_index=-1,
        xcom_push=lambda key, value: None,
    )
    try:
        operator.execute({"ti": ti})
    except TaskDeferred as deferred:
        path, kwargs = deferred.trigger.serialize()
        return {"path": path, "kwargs": kwargs, "method": deferred.method_name}
    raise RuntimeError("the task was not deferred")


def main() -> None:
    """Defer, unless it is done already, then run the trigger to its end."""
    given = json.loads(sys.argv[1])
    runtime.command = lambda: given["bundle"]
    log_to_stdout()
    kept = given.get("trigger") or defer(given)
    tell(kind="deferred", trigger=kept)
    if given.get("only") == "defer":
        return
    xcoms: dict[str, Any] = {}

    async def push(_: Any, pushed: dict[str, Any]) -> None:
        xcoms.update(pushed)
        tell(kind="xcoms", xcoms=pushed)

    async def is_deferred(_: Any) -> bool:
        return bool(given.get("stillDeferred"))

    # They ask the supervisor, and it the database.
    trigger_module.push_xcoms = push  # type: ignore[assignment]
    trigger_module.is_deferred = is_deferred

    from airflow.executors.workloads import RunTrigger
    from airflow.executors.workloads.task import TaskInstanceDTO
    from airflow.models.trigger import Trigger

    ti = TaskInstanceDTO(
        id=uuid4(),
        dag_version_id=uuid4(),
        task_id="task",
        dag_id="dag",
        run_id=given["runId"],
        try_number=given["tryNumber"],
        map_index=-1,
        pool_slots=1,
        queue="default",
        priority_weight=1,
    )
    workload = RunTrigger(
        id=1,
        ti=ti,
        timeout_after=None,
        classpath=kept["path"],
        # As it is in the database.
        encrypted_kwargs=Trigger.encrypt_kwargs(kept["kwargs"]),
    )
    runner = Runner(workload)
    signal.signal(signal.SIGUSR1, lambda *_: setattr(runner, "unwanted", True))
    tell(kind="started", at=datetime.now(timezone.utc))
    runner.run()


if __name__ == "__main__":
    main()
