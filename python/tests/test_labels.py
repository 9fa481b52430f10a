from __future__ import annotations

import pytest

from airflow_pod_launcher.labels import safe_label_value, task_selector

VALUES = [
    "plain",
    "with.dots_and-dashes",
    "manual__2024-01-01T00:00:00+00:00",
    "x" * 63,
    "x" * 64,
    "-edges-",
    "ünïcode",
    "a-é",
    "group.task [mapped]",
    "日本",
    "",
]


@pytest.mark.parametrize("value", VALUES)
def test_label_values_are_those_of_the_stock_executor(value: str) -> None:
    from airflow.providers.cncf.kubernetes.pod_generator import make_safe_label_value

    assert safe_label_value(value) == make_safe_label_value(value)


def test_a_try_is_found_by_the_tasks_labels() -> None:
    selector = task_selector("prod", "d", "t", "manual run", 2, -1)
    assert selector.split(",")[1:3] == ["dag_id=d", "task_id=t"]
    assert "try_number=2" in selector
    assert "map_index" not in selector
    assert "map_index=0" in task_selector("prod", "d", "t", "r", 2, 0)
