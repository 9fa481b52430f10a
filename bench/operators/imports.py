"""Imports a module in a new process: `imports.py MODULE`. Prints JSON: seconds and resident MB, in all and beyond
what `airflow.sdk`, which the process of every task has loaded, costs itself.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from importlib import import_module


def main(module: str) -> None:
    """Import the SDK first, then the module."""
    start = time.perf_counter()
    import_module("airflow.sdk").BaseOperator  # noqa: B018 - it loads what it names
    sdk, sdk_mb = time.perf_counter(), _peak_mb()
    import_module(module)
    end = time.perf_counter()
    result = {"seconds": end - start, "beyondSeconds": end - sdk, "mb": _peak_mb(), "beyondMb": _peak_mb() - sdk_mb}
    print(json.dumps(result))


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


if __name__ == "__main__":
    main(sys.argv[1])
