"""Every branch on Airflow's version stands in this package; the rest reads as if there were one version.

A module for each supported major version offers the same names; the one of the installed Airflow is chosen here.
"""

from __future__ import annotations

from airflow_pod_launcher.compat.airflow3 import (
    AIRFLOW_VERSION,
    local_log_exists,
    make_workload,
    outcome,
    own_session,
    queued_event,
    rows_by_ti_id,
    take_from_queue,
    take_key_from_queue,
    task_queued_timeout,
    unsettled_callbacks,
    unsettled_rows_by_launch_id,
    worker_args,
    workload_kind,
)

__all__ = [
    "AIRFLOW_VERSION",
    "local_log_exists",
    "make_workload",
    "outcome",
    "own_session",
    "queued_event",
    "rows_by_ti_id",
    "take_from_queue",
    "take_key_from_queue",
    "task_queued_timeout",
    "unsettled_callbacks",
    "unsettled_rows_by_launch_id",
    "worker_args",
    "workload_kind",
]
