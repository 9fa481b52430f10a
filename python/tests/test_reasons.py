from __future__ import annotations

import pytest

from airflow_pod_launcher.protocol import Event
from airflow_pod_launcher.reasons import phrase


@pytest.mark.parametrize(
    ("reason", "message", "exit_code", "cause"),
    [
        ("OOMKilled", None, 137, "OOMKilled, exit 137"),
        (
            "Evicted",
            "The node was low on resource: ephemeral-storage. Threshold quantity: 1Gi, available: 2Mi. ",
            137,
            "evicted: DiskPressure",
        ),
        ("Evicted", "The node was low on resource: inodes. ", None, "evicted: DiskPressure"),
        ("Evicted", "The node was low on resource: memory. Threshold quantity: 1Gi", None, "evicted: MemoryPressure"),
        ("Evicted", "The node was low on resource: pids. ", None, "evicted: PIDPressure"),
        ("Evicted", "Pod was rejected: The node had condition: [DiskPressure]. ", None, "evicted: DiskPressure"),
        (
            "Evicted",
            'Usage of EmptyDir volume "fill" exceeds the limit "1Mi". ',
            137,
            'evicted: Usage of EmptyDir volume "fill" exceeds the limit "1Mi".',
        ),
        ("Evicted", "Eviction API: evicting", None, "evicted: by the Eviction API"),
        ("Evicted", None, None, "evicted"),
        ("ImagePullBackOff", 'Back-off pulling image "x"', None, 'image cannot be pulled: Back-off pulling image "x"'),
        ("ErrImagePull", "not found", None, "image cannot be pulled: not found"),
        ("InvalidImageName", None, None, "image cannot be pulled: InvalidImageName"),
        ("Preempted", "default-scheduler: preempting to accommodate a higher priority pod", 143, "preempted"),
        ("Deleted", "the pod was deleted before it ended", None, "deleted"),
        ("NodeLost", None, None, "node lost"),
        ("Error", "container 'base' ended with exit code 3 (Error)", 3, "Error, exit 3"),
        ("Invalid", "spec.containers[0].image: Required value", None, "Invalid"),
    ],
)
def test_a_cause_reads_as_people_say_it(reason: str, message: str | None, exit_code: int | None, cause: str) -> None:
    assert phrase(reason, message, exit_code)[0] == cause


def test_what_the_cause_does_not_hold_follows_it() -> None:
    event = Event(seq=1, id="L", attempt=1, kind="FAILED", reason="Evicted", pod_name="p", namespace="ns",
                  message="The node was low on resource: memory. Container base was using 900Mi. ")  # fmt: skip
    assert event.describe() == (
        "evicted: MemoryPressure (pod ns/p): The node was low on resource: memory. Container base was using 900Mi."
    )
