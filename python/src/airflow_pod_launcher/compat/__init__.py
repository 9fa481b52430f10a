"""Every branch on Airflow's version stands in this package; the rest reads as if there were one version.

A module for each supported major version offers the same names; the one of the installed Airflow is chosen here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow import __version__

if TYPE_CHECKING or not __version__.startswith("2."):
    from airflow_pod_launcher.compat import airflow3 as _chosen
else:
    from airflow_pod_launcher.compat import airflow2 as _chosen

AIRFLOW_VERSION = _chosen.AIRFLOW_VERSION
BaseExecutor = _chosen.BaseExecutor
claim = _chosen.claim
end_abandoned = _chosen.end_abandoned
local_log_exists = _chosen.local_log_exists
make_workload = _chosen.make_workload
outcome = _chosen.outcome
own_session = _chosen.own_session
queued_event = _chosen.queued_event
rows_by_ti_id = _chosen.rows_by_ti_id
take_from_queue = _chosen.take_from_queue
take_key_from_queue = _chosen.take_key_from_queue
task_queued_timeout = _chosen.task_queued_timeout
ti_id = _chosen.ti_id
unsettled_callbacks = _chosen.unsettled_callbacks
unsettled_rows_by_launch_id = _chosen.unsettled_rows_by_launch_id
worker_args = _chosen.worker_args
workload_kind = _chosen.workload_kind
