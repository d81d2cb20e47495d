"""Functions for the process pool: a worker has to be able to import them."""

import os
import subprocess
import sys
import threading
from pathlib import Path


def hang_with_child(told: str) -> None:
    """Start a child, tell both process ids through a pipe in the file system, and never end."""
    child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    Path(told).write_text(f"{os.getpid()} {child.pid}")
    child.wait()


def compute_with_child(told: str) -> int:
    """Start a child, tell both process ids, and compute without ever looking at a signal."""
    child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    Path(told).write_text(f"{os.getpid()} {child.pid}")
    return sum(range(10**12))


class OddError(Exception):
    """Cannot be restored from its pickled form."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(f"{one} {two}")


def raise_what_cannot_be_restored() -> None:
    """Raise."""
    raise OddError("one", "two")


def interrupt() -> None:
    """Raise what would end a program."""
    raise KeyboardInterrupt


def give_a_lock() -> object:
    """Give what cannot be pickled."""
    return threading.Lock()


def fork() -> str:
    """Fork, and come back twice."""
    os.fork()
    return "forked"


def multiply(x: int, y: int) -> int:
    """Compute."""
    return x * y


def fail(why: str) -> None:
    """Raise."""
    raise LookupError(why)


def vanish() -> None:
    """End the worker behind the pool's back."""
    os._exit(7)
