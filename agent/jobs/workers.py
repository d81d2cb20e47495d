"""Who runs jobs: processes of this machine by name, told apart from later ones of the same id."""

import os
import socket
from functools import cache
from typing import Final

import psutil

from tools.process_members import living_process

_CLOCK_SLACK: Final = 2.0
"""Seconds; a process's start is counted from a time of boot that moves when the clock is set."""


def worker_name() -> str:
    """Name this process: `host:pid:start`."""
    return _named(os.getpid())


def is_gone(worker: str) -> bool:
    """Say whether a process has ended; False for one that this machine knows nothing of.

    Looks at processes, so it belongs in a thread, unless it is asked of this process.
    """
    if worker == worker_name():
        return False
    host, pid, started = _parts(worker)
    if host != _host() or pid <= 0:
        return False
    process = living_process(pid)
    if process is None:
        return True
    try:
        return abs(process.create_time() - started) > _CLOCK_SLACK
    except psutil.NoSuchProcess:
        return True


def _parts(worker: str) -> tuple[str, int, float]:
    """Take a name apart; one that is none belongs to no process."""
    try:
        host, pid, started = worker.rsplit(":", 2)
        return host, int(pid), float(started)
    except ValueError:
        return "", 0, 0.0


@cache
def _named(pid: int) -> str:
    # By id, since a fork is another process.
    return f"{_host()}:{pid}:{psutil.Process(pid).create_time():.2f}"


@cache
def _host() -> str:
    # Without the domain, which comes from the network that a machine happens to be in.
    return socket.gethostname().partition(".")[0]
