"""Why a pod failed, in the words of the people who read it. Pure."""

from __future__ import annotations

import re

_IMAGE = frozenset({"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "RegistryUnavailable"})

_PREEMPTED = frozenset({"Preempted", "Preempting"})

_PLAIN = {
    "Deleted": "deleted",
    "NodeLost": "node lost",
    "PendingTimeout": "pending for too long",
    "Unschedulable": "cannot be scheduled",
}

_PRESSURES = {
    "memory": "MemoryPressure",
    "ephemeral-storage": "DiskPressure",
    "inodes": "DiskPressure",
    "pids": "PIDPressure",
}
"""The kubelet names the resource that is short; people know the node's condition."""

_LOW_ON = re.compile(r"low on resource: ([\w-]+)")
_CONDITION = re.compile(r"had condition: \[([^\]]+)\]")


def phrase(reason: str | None, message: str | None, exit_code: int | None) -> tuple[str, str | None]:
    """Return the cause in a few words, and what is left to say.

    `OOMKilled, exit 137`, `evicted: DiskPressure`, `image cannot be pulled: …`, `preempted`. Of what happened to the
    pod and not in it, the exit code says nothing and is left out. No reason: an empty cause, or the exit code alone.
    """
    message = message.strip() if message else None
    if reason == "Evicted":
        return _evicted(message)
    if reason in _IMAGE:
        return f"image cannot be pulled: {message or reason}", None
    if reason in _PREEMPTED:
        return "preempted", message
    if reason in _PLAIN:
        return _PLAIN[reason], message
    if exit_code is None:
        return reason or "", message
    return f"{reason}, exit {exit_code}" if reason else f"exit {exit_code}", message


def _evicted(message: str | None) -> tuple[str, str | None]:
    if message is None:
        return "evicted", None
    if found := _CONDITION.search(message):
        return f"evicted: {found[1]}", message
    if (found := _LOW_ON.search(message)) and found[1] in _PRESSURES:
        return f"evicted: {_PRESSURES[found[1]]}", message
    if message.startswith("Eviction API"):
        return "evicted: by the Eviction API", None
    return f"evicted: {message}", None
