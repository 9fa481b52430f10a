"""What operators use of Airflow, under one name for Airflow 2 and 3.

The counterpart of `compat` for the code of tasks: that package loads the scheduler's models, which a task does without.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow import __version__ as AIRFLOW_VERSION
from airflow.configuration import conf, get_airflow_home

if TYPE_CHECKING or not AIRFLOW_VERSION.startswith("2."):
    from airflow.sdk import BaseHook, BaseOperator
    from airflow.sdk.exceptions import (
        AirflowException,
        AirflowFailException,
        AirflowNotFoundException,
        AirflowSkipException,
    )
else:
    from airflow.exceptions import (
        AirflowException,
        AirflowFailException,
        AirflowNotFoundException,
        AirflowSkipException,
    )
    from airflow.hooks.base import BaseHook
    from airflow.models.baseoperator import BaseOperator

__all__ = [
    "AIRFLOW_VERSION",
    "AirflowException",
    "AirflowFailException",
    "AirflowNotFoundException",
    "AirflowSkipException",
    "BaseHook",
    "BaseOperator",
    "airflow_home",
    "conf",
    "decorator_parts",
]


def airflow_home() -> Path:
    """Return Airflow's own folder."""
    return Path(get_airflow_home())


def decorator_parts() -> tuple[Any, Any]:
    """Return DecoratedOperator and task_decorator_factory; only the decorators need them."""
    old = AIRFLOW_VERSION.startswith("2.")
    parts = import_module("airflow.decorators.base" if old else "airflow.sdk.bases.decorator")
    return parts.DecoratedOperator, parts.task_decorator_factory
