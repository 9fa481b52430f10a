"""Names of our entries in a task's audit log. The scheduler writes them, the webserver shows them with the log."""

from __future__ import annotations

POD_PENDING = "pod pending"
POD_NOT_CREATED = "pod not created"
POD_RELAUNCHED = "pod relaunched"
POD_FAILED = "pod failed"

LEVELS = {POD_PENDING: "info", POD_NOT_CREATED: "warning", POD_RELAUNCHED: "warning", POD_FAILED: "error"}
"""What the entries are worth as lines of the task's log."""
