"""Names of those who run jobs, by which others can tell that one of them is gone.

A supervisor starts a Celery worker, and another one when that ends; each has a pool of processes,
and one of these runs an attempt: it is named after all three.
"""

import socket
import uuid
from dataclasses import dataclass

import psutil


@dataclass(frozen=True, slots=True)
class WorkerName:
    """Which process runs an attempt."""

    supervisor: str
    """Unlike that of any other one, ever."""
    start: int
    """Which of its workers, counted from 1."""
    process: int
    """The process id of the worker's child."""

    def __str__(self) -> str:
        return f"{self.supervisor}/{self.start}/{self.process}"


def new_supervisor() -> str:
    """Name a supervisor, so that people see where it is."""
    return f"{socket.gethostname()}-{uuid.uuid4().hex[:12]}"


def parsed(text: str) -> WorkerName | None:
    """Read a name; None for one of another kind."""
    match text.split("/"):
        case [supervisor, start, process] if start.isdecimal() and process.isdecimal():
            return WorkerName(supervisor, int(start), int(process))
    return None


def is_gone(name: str, supervisor: str, start: int, worker: int | None) -> bool:
    """Say whether who has this name is known to have ended.

    Args:
        name: who is asked about; of others' workers nothing is known.
        supervisor: our own.
        start: which of its workers is the one of now.
        worker: that one's process id; None while there is none.
    """
    asked = parsed(name)
    if asked is None or asked.supervisor != supervisor:
        return False
    return asked.start != start or worker is None or not _is_child(asked.process, worker)


def _is_child(process: int, parent: int) -> bool:
    try:
        found = psutil.Process(process)
        return found.ppid() == parent and found.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
