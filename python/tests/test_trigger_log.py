"""Lines of a container in the log of its task, with the time at which they were written."""

from __future__ import annotations

import logging

import pytest

from airflow_pod_launcher.triggers.task_instance import log_line

WHEN = "2026-01-02T03:04:05.123456789Z"


def test_a_record_has_the_time_of_the_line(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "trigger"):
        log_line(logging.getLogger("trigger"), "100 % done", WHEN)
    (record,) = caplog.records
    assert record.getMessage() == "100 % done"
    assert record.created == pytest.approx(1767323045.123456)
    assert int(record.msecs) == 123


@pytest.mark.airflow3
def test_so_has_a_structured_line() -> None:
    import structlog

    written = structlog.testing.CapturingLogger()
    # The processor with which Airflow gives a line its time, unless it has one.
    processors = [structlog.processors.MaybeTimeStamper(fmt="iso"), lambda _, __, event: ((), event)]
    level = structlog.make_filtering_bound_logger(logging.INFO)
    log = structlog.wrap_logger(written, processors=processors, wrapper_class=level)
    log_line(log, "100 % done", WHEN.replace("Z", "+02:00"))
    assert [call.kwargs for call in written.calls] == [
        {"event": "100 % done", "timestamp": "2026-01-02T03:04:05.123456+02:00"}
    ]
