"""The one child process of a triggerer that follows all of its pods: `pod-launcher watch-pods` (docs/operators.md)."""

from __future__ import annotations

import asyncio
import json
import logging
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from typing import Any
from weakref import WeakKeyDictionary

from airflow_pod_launcher import runtime
from airflow_pod_launcher.cluster import Cluster, find_cluster

log = logging.getLogger(__name__)

_MAX_EVENTS = 1000
"""Events of one pod that wait for their trigger; above it the child holds all logs back."""

_CHUNK_BYTES = 256 * 1024
_CONNECTION_SECONDS = 60.0
_RESTARTS = 5
"""A child that dies so often in a row, and tells nothing in between, is given up."""

_RESTART_SECONDS = 0.5

_watchers: WeakKeyDictionary[asyncio.AbstractEventLoop, PodWatcher] = WeakKeyDictionary()


def watcher() -> PodWatcher:
    """Return the watcher of the running event loop: all triggers of a triggerer share it."""
    loop = asyncio.get_running_loop()
    if loop not in _watchers:
        _watchers[loop] = PodWatcher()
    return _watchers[loop]


class Follow:
    """One pod that is followed. Its events come in order, also when the child has to be started again."""

    def __init__(self, owner: PodWatcher, request: Mapping[str, Any]) -> None:
        self.id = uuid.uuid4().hex
        self.request = request
        self._owner = owner
        self._events: asyncio.Queue[dict[str, Any]] = asyncio.Queue(_MAX_EVENTS)
        self._closed = False
        # The newest line of each container, and until which line a child that was started again repeats itself.
        self._told: dict[str, tuple[str, str]] = {}
        self._repeated: dict[str, tuple[str, str]] = {}
        self._state: dict[str, Any] | None = None

    async def events(self) -> AsyncIterator[dict[str, Any]]:
        """Yield what the child tells of the pod, up to `outcome`, `ended` or `error`."""
        while True:
            event = await self._events.get()
            yield event
            if event["type"] in ("outcome", "ended", "error"):
                return

    async def kill(self) -> None:
        """End the run and, if the request says so, delete the pod; `events` goes on until it is done."""
        await self._owner.order({"type": "kill", "id": self.id})

    async def release(self) -> None:
        """Hear nothing more of the pod, which lives on."""
        self.close()
        await self._owner.order({"type": "release", "id": self.id})

    def close(self) -> None:
        """Hear nothing more of the pod; what the child has still to do with it, it does."""
        self._closed = True
        self._owner.forget(self)
        # Whoever waits for room must not wait for ever.
        while not self._events.empty():
            self._events.get_nowait()

    async def put(self, event: dict[str, Any]) -> None:
        """Take an event of the child."""
        if not self._closed and self._is_new(event):
            await self._events.put(event)

    def repeat(self) -> None:
        """A new child tells everything from the beginning."""
        self._repeated = dict(self._told)

    def _is_new(self, event: dict[str, Any]) -> bool:
        if event["type"] == "state":
            known, self._state = self._state, event
            return known != event
        if event["type"] != "log":
            return True
        container, line = event["container"], (event["time"], event["line"])
        newest = self._repeated.get(container)
        if newest is not None:
            if line == newest:
                del self._repeated[container]
                return False
            if line[0] <= newest[0]:
                return False
            # The line is not there any more: the node has rotated it away.
            del self._repeated[container]
        self._told[container] = line
        return True


class PodWatcher:
    """Starts the child for the first pod, starts it again when it dies, and hands its events on.

    The child ends when this process does, however it ends, and leaves the pods running.
    """

    def __init__(self) -> None:
        self._follows: dict[str, Follow] = {}
        self._child: asyncio.subprocess.Process | None = None
        self._starting = asyncio.Lock()
        self._reading: asyncio.Task[None] | None = None
        self._silent_deaths = 0
        self._clusters: dict[str, tuple[float, asyncio.Task[Cluster]]] = {}

    async def cluster(self, parameters: Mapping[str, Any]) -> Cluster:
        """Return the cluster of these parameters of `find_cluster`; Airflow is asked for a connection once a minute."""
        key = json.dumps(parameters, sort_keys=True)
        known = self._clusters.get(key)
        now = time.monotonic()
        if known is None or now - known[0] > _CONNECTION_SECONDS:
            known = (now, asyncio.create_task(asyncio.to_thread(find_cluster, **parameters)))
            self._clusters[key] = known
        try:
            # A trigger that is cancelled must not cancel it for the others.
            return await asyncio.shield(known[1])
        except Exception:
            self._clusters.pop(key, None)
            raise

    async def follow(self, request: Mapping[str, Any]) -> Follow:
        """Go on with the pod that the request attaches to.

        Raises OSError when the child cannot be started.
        """
        followed = Follow(self, request)
        self._follows[followed.id] = followed
        try:
            started = await self._start()
        except OSError:
            self.forget(followed)
            raise
        if not started:
            await self.order(_follow_order(followed))
        return followed

    def forget(self, followed: Follow) -> None:
        """Hand on nothing more of this pod."""
        self._follows.pop(followed.id, None)

    async def order(self, order: Mapping[str, Any]) -> None:
        """Tell the child what to do. One that has died hears it when it is started again, if it still matters."""
        child = self._child
        if child is None or child.stdin is None:
            return
        try:
            child.stdin.write(json.dumps(order).encode() + b"\n")
            await child.stdin.drain()
        except (BrokenPipeError, ConnectionResetError):
            log.debug("The child that follows pods has ended")

    async def _start(self) -> bool:
        """Start the child if there is none; return whether it was started, and so has all orders already."""
        async with self._starting:
            if self._child is not None:
                return False
            self._child = await asyncio.create_subprocess_exec(
                *runtime.command(),
                "watch-pods",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                # Signals to the process group are for the triggerer.
                start_new_session=True,
            )
            self._reading = asyncio.create_task(self._read(self._child), name="pod-launcher watch-pods")
            for followed in list(self._follows.values()):
                await self.order(_follow_order(followed))
            return True

    async def _read(self, child: asyncio.subprocess.Process) -> None:
        assert child.stdout is not None
        rest = b""
        while chunk := await child.stdout.read(_CHUNK_BYTES):
            self._silent_deaths = 0
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                await self._hand_on(line)
        code = await child.wait()
        self._child = None
        if self._follows:
            await self._start_again(code)

    async def _start_again(self, code: int) -> None:
        self._silent_deaths += 1
        log.warning("The child that follows pods has ended with exit code %s; starting another one", code)
        for followed in self._follows.values():
            followed.repeat()
        try:
            if self._silent_deaths > _RESTARTS:
                raise OSError(f"pod-launcher watch-pods ends with exit code {code} again and again")
            await asyncio.sleep(_RESTART_SECONDS * self._silent_deaths)
            await self._start()
        except OSError as error:
            self._silent_deaths = 0
            for followed in list(self._follows.values()):
                await followed.put({"type": "error", "code": "Internal", "message": str(error)})

    async def _hand_on(self, line: bytes) -> None:
        try:
            event = json.loads(line)
            followed = self._follows.get(event.pop("id"))
        except (ValueError, KeyError):
            log.warning("Not understood of the runtime: %s", line[:200].decode("utf-8", "replace"))
            return
        if followed is not None:
            await followed.put(event)


def _follow_order(followed: Follow) -> dict[str, Any]:
    return {"type": "follow", "id": followed.id, "request": followed.request}
