"""A real metadata database (SQLite, migrated once a session) and a launcher's end of a real Unix socket."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

# Airflow reads its configuration when it is imported.
_HOME = tempfile.TemporaryDirectory(prefix="pod-launcher-python-")
os.environ.update(
    AIRFLOW_HOME=_HOME.name,
    AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=f"sqlite:///{_HOME.name}/airflow.db",
    AIRFLOW__CORE__LOAD_EXAMPLES="False",
    AIRFLOW__CORE__EXECUTOR="airflow_pod_launcher.executor.PodLauncherExecutor",
    AIRFLOW__API_AUTH__JWT_SECRET="only-for-these-tests-only-for-these-tests",
    AIRFLOW__LOGGING__LOGGING_LEVEL="WARNING",
    POD_LAUNCHER_DEPLOYMENT="under-test",
    # Airflow 2 says no to SQLite otherwise.
    _AIRFLOW__SKIP_DATABASE_EXECUTOR_COMPATIBILITY_CHECK="1",
)

from airflow import __version__ as airflow_version  # noqa: E402

if airflow_version.startswith("2."):
    from deployment2 import Deployment2 as Deployment
else:
    from deployment import Deployment
from child import Child  # noqa: E402
from peer import Peer  # noqa: E402

from airflow_pod_launcher import runtime  # noqa: E402
from airflow_pod_launcher.executor import PodLauncherExecutor  # noqa: E402

PROJECT = Path(__file__).parents[2]

collect_ignore = [] if airflow_version.startswith("2.") else ["test_airflow2.py", "test_guard.py"]


@pytest.fixture(scope="session")
def migrated_database() -> None:
    from airflow.utils.db import initdb

    initdb()


@pytest.fixture
def deployment(migrated_database: None) -> Iterator[Deployment]:
    """A DAG, a DAG run and this scheduler's job in the database."""
    made = Deployment()
    yield made
    made.drop()


@pytest.fixture
def peer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Peer]:
    """The launcher's end of the socket."""
    # Paths of Unix sockets are short; pytest's own temporary folders may be too long.
    with tempfile.TemporaryDirectory(prefix="pl-") as folder:
        path = Path(folder) / "launcher.sock"
        monkeypatch.setenv("POD_LAUNCHER_SOCKET", str(path))
        made = Peer(path)
        yield made
        made.close()


@pytest.fixture
def executor(deployment: Deployment, peer: Peer) -> Iterator[PodLauncherExecutor]:
    """A started executor that the launcher has welcomed."""
    made = PodLauncherExecutor(parallelism=64)
    made.job_id = deployment.job_id
    made.start()
    peer.welcome()
    deployment.run(made, until=lambda: made.slots_available > 0)
    yield made
    made.terminate()


@pytest.fixture
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Child:
    """What stands in for the runtime of operators."""
    made = Child(tmp_path)
    monkeypatch.setattr(runtime, "command", lambda: made.command)
    return made


@pytest.fixture(scope="session")
def bundle() -> list[str]:
    """The runtime of this checkout, bundled as it is shipped."""
    node = str(PROJECT / "node_modules/.bin/node")
    subprocess.run([node, str(PROJECT / "scripts/runtime/bundle.mjs")], check=True)
    return [node, str(PROJECT / "dist/runtime/pod-launcher.cjs")]


@pytest.fixture
def real_runtime(bundle: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Operators run the real runtime."""
    monkeypatch.setattr(runtime, "command", lambda: bundle)
