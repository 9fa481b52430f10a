"""Lets Airflow's supervisor notice at once that the process it supervises has ended.

Its loop waits for the process's sockets. A process that ends closes them a moment before it can be waited for: a
supervisor that is quick, or a node that is busy, finds all of them closed, the process still there, and then nothing to
wait for, so that it sleeps through to the next heartbeat, 5 s by default, while the pod holds its memory and its slot.
"""

from __future__ import annotations

import functools
import inspect
from contextlib import suppress
from typing import Any

_PATCHED = "_pod_launcher_waits_for_the_exit"


def install() -> bool:
    """Make every supervised process of this one be waited for when nothing is left to read from it.

    False, with nothing changed, if this Airflow's supervisor is built in another way than we know.
    """
    try:
        from airflow.sdk.execution_time.supervisor import WatchedSubprocess
    except ImportError:
        return False
    service = getattr(WatchedSubprocess, "_service_subprocess", None)
    if getattr(service, _PATCHED, False):
        return True
    if service is None or not _as_we_know_it(WatchedSubprocess, service):
        return False

    @functools.wraps(service)
    def service_or_await_exit(self: Any, max_wait_time: float, *args: Any, **kwargs: Any) -> Any:
        if self._exit_code is None and not self._open_sockets:
            # What ends the wait ends it for good: the exit code is kept, and read again by the method itself.
            with suppress(self._process.TimeoutExpired, self._process.ProcessNotFound):
                self._process.wait(timeout=max(0, max_wait_time))
            max_wait_time = 0
        return service(self, max_wait_time, *args, **kwargs)

    setattr(service_or_await_exit, _PATCHED, True)
    WatchedSubprocess._service_subprocess = service_or_await_exit  # type: ignore[method-assign]
    return True


def _as_we_know_it(supervised: Any, service: Any) -> bool:
    fields = {field.name for field in getattr(supervised, "__attrs_attrs__", ())}
    parameters = list(inspect.signature(service).parameters)
    return {"_exit_code", "_open_sockets", "_process"} <= fields and parameters[:2] == ["self", "max_wait_time"]
