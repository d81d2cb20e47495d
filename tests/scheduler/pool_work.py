"""Functions for the process pool: a worker has to be able to import them."""

import os
import subprocess
import sys
from pathlib import Path


def hang_with_child(told: str) -> None:
    """Start a child, tell both process ids through a pipe in the file system, and never end."""
    child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    Path(told).write_text(f"{os.getpid()} {child.pid}")
    child.wait()


def multiply(x: int, y: int) -> int:
    """Compute."""
    return x * y


def fail(why: str) -> None:
    """Raise."""
    raise LookupError(why)


def vanish() -> None:
    """End the worker behind the pool's back."""
    os._exit(7)
