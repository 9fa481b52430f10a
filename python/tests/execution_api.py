"""Airflow's execution API, which a worker talks to, served from this process with the database of these tests."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from peer import eventually


@contextmanager
def execution_api() -> Iterator[str]:
    """Serve it on a free port; yields its URL."""
    import uvicorn
    from airflow.api_fastapi.app import create_app

    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(create_app(apps="execution"), log_level="warning", lifespan="on"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        eventually(lambda: server.started)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/execution/"
    finally:
        server.should_exit = True
        thread.join(10)
        listening.close()
