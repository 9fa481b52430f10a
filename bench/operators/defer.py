"""Deferred task instances with their triggers, as workers would have left them: `defer.py PODS`, a file with JSON:
`namespace` and `pods`, a list of [name, uid].
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from sqlalchemy import select, update

sys.path.insert(0, str(Path(__file__).parents[1] / "executors"))

import tasks  # noqa: E402 - found by the line above


def main(file: str) -> None:
    """Write one mapped task instance for each pod, in state DEFERRED."""
    from airflow._shared.timezones import timezone
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.trigger import Trigger
    from airflow.utils.session import create_session

    given = json.loads(Path(file).read_text())
    job = tasks.make_job()
    with create_session(scoped=False) as session:
        tasks._map_task(session, tasks._make_run(session), len(given["pods"]), job)
        session.commit()
        made = session.scalars(select(TaskInstance).where(TaskInstance.dag_id == tasks.DAG_ID)).all()
        for ti, (name, uid) in zip(made, given["pods"], strict=True):
            kwargs = {"request": _request(ti, given["namespace"], name, uid), "cluster": _cluster(given)}
            trigger = Trigger("airflow_pod_launcher.triggers.pod.PodTrigger", kwargs)
            session.add(trigger)
            session.flush()
            session.execute(
                update(TaskInstance)
                .where(TaskInstance.id == ti.id)
                .values(state="deferred", trigger_id=trigger.id, start_date=timezone.utcnow(), next_method="resume")
            )


def _request(ti: Any, namespace: str, name: str, uid: str) -> dict[str, Any]:
    return {
        "protocol": 1,
        "layers": [{"source": "deferred pod", "manifest": {}}],
        "namespace": namespace,
        "attach": {"name": name, "uid": uid},
        "task": {"dagId": ti.dag_id, "taskId": ti.task_id, "runId": ti.run_id, "tryNumber": 1},
        # kwok's pods write none.
        "logs": {"containers": [], "initContainers": []},
        "holdSeconds": 3,
    }


def _cluster(given: dict[str, Any]) -> dict[str, Any]:
    return {"conn_id": None, "config_file": given["kubeconfig"]}


if __name__ == "__main__":
    main(sys.argv[1])
